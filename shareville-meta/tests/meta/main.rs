//! The Graph client, login, Pages and Instagram against a server that stands for Meta.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod answers;
mod budgets;
mod client;
mod comments;
mod commits;
mod corpus;
mod instagram_commits;
mod instagram_found;
mod instagram_live;
mod instagram_login;
mod instagram_looks;
mod instagram_prepares;
mod instagram_quota;
mod instagram_stage;
mod instagram_tokens;
mod instagram_trouble;
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
