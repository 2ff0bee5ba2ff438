//! The router from outside: requests in, answers out, over the in-memory store and scripted networks.

// A helper that cannot do its work fails the test.
#![allow(clippy::unwrap_used)]

mod callbacks;
mod client_apps;
mod connecting;
mod creating;
mod credentials;
mod fakes;
mod keys;
mod limits;
mod media;
mod mounting;
mod openapi;
mod outages;
mod posts;
mod problems;
mod publishing;
mod shelf;
mod users;
mod webhooks;
mod world;
