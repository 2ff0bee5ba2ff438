#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod approve;
mod builder;
mod call;
mod control;
mod dialog;
mod error;
mod fault;
mod graph;
mod hands;
mod instagram;
mod millis;
mod notice;
mod sandbox;
mod serve;
mod strike;
mod style;
mod switches;
mod usage;
mod visitor;
mod wire;
mod world;

pub use approve::{Consent, PageChoice};
pub use builder::Builder;
pub use call::{CallError, CallRecord, Outcome, TokenPlace};
pub use error::Error;
pub use fault::{Answer, At, Effect, Fault, FaultId, FaultReport, Moment, Step};
pub use notice::{Delivered, Handshake};
pub use sandbox::{HeldCall, Sandbox};
pub use switches::Switches;
pub use usage::Usage;
pub use world::{
    AccountType, AppKind, AppSeed, ContainerFailure, ContainerRecord, ContainerStatus, Death,
    MediaKind, Medium, NewInstagramAccount, NewPage, NewPerson, PostKind, PostRecord, Role,
    UserTag, VisibleComment, VisibleMedia, VisibleMediaFile, VisiblePhoto, VisiblePost,
    VisibleVideo, demo,
};
