//! The Graph client, login and Pages against a server that stands for Meta.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod client;
mod comments;
mod commits;
mod corpus;
mod login;
mod pages_found;
mod prepares;
mod published;
mod reels;
mod shelf;
mod stories;
mod support;
mod uploads;
mod videos;
