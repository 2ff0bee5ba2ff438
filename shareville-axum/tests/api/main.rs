//! The router from outside: requests in, answers out, over the in-memory store and scripted networks.

mod client_apps;
mod connecting;
mod credentials;
mod fakes;
mod mounting;
mod posts;
mod problems;
mod publishing;
mod world;
