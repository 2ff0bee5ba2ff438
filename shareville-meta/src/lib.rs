#![doc = include_str!("../README.md")]

mod callbacks;
mod error;
mod graph;
mod login;
mod pages;

pub use self::{
    callbacks::MetaCallbacks,
    error::{Effect, ErrorKind, GraphError, Step, effect},
    graph::{
        BusinessGauge, DEFAULT_VERSION, Endpoint, Gauge, Graph, GraphConfig, InvalidBase, Usage,
    },
    login::{FacebookLogin, LoginConfig, SCOPES},
    pages::{FacebookPages, MediaHosts},
};
