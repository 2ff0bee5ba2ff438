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
mod millis;
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
pub use sandbox::{HeldCall, Sandbox};
pub use switches::Switches;
pub use usage::Usage;
pub use world::{
    AppSeed, Death, NewPage, NewPerson, PostKind, PostRecord, Role, VisibleComment, VisiblePhoto,
    VisiblePost, VisibleVideo, demo,
};
