#![doc = include_str!("../README.md")]

mod address;
mod callbacks;
mod comment;
mod error;
mod graph;
mod instagram;
mod instagram_login;
mod limit;
mod login;
mod look;
mod pages;

pub use self::{
    address::MediaHosts,
    callbacks::MetaCallbacks,
    error::{Effect, ErrorKind, GraphError, Step, effect},
    graph::{
        BusinessGauge, DEFAULT_VERSION, Endpoint, Gauge, Graph, GraphConfig, InvalidBase, Usage,
    },
    instagram::InstagramAccounts,
    instagram_login::{
        FacebookButton, INSTAGRAM_LOGIN_SCOPES, InstagramLogin, InstagramLoginConfig,
    },
    login::{FacebookLogin, INSTAGRAM_SCOPES, LoginConfig, SCOPES},
    pages::FacebookPages,
};
