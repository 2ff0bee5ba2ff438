//! Instagram for whoever drives the sandbox: the handle's methods, the control routes, the visitor's pages.

pub(crate) mod control;
mod handle;
pub(crate) mod visitor;
