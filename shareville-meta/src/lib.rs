#![doc = include_str!("../README.md")]

mod error;
mod graph;
mod instagram;
mod login;
mod pages;

pub use self::{
    error::{Effect, ErrorKind, GraphError, Step, effect},
    graph::{
        BusinessGauge, DEFAULT_VERSION, Endpoint, Gauge, Graph, GraphConfig, InvalidBase, Usage,
    },
    instagram::InstagramAccounts,
    login::{FacebookLogin, LoginConfig, SCOPES},
    pages::{FacebookPages, MediaHosts},
};
