//! The Graph client, login and Pages against a server that stands for Meta.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod answers;
mod budgets;
mod client;
mod comments;
mod commits;
mod corpus;
mod instagram_found;
mod instagram_login;
mod instagram_tokens;
mod login;
mod pages_found;
mod prepares;
mod published;
mod support;
