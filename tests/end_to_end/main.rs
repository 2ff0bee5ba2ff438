//! The reference server as a process of its own, against the sandbox. What counts is what a visitor would see there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]
// A story is told in one piece.
#![allow(clippy::too_many_lines)]

mod api;
mod bad_input;
mod credentials;
mod dump;
mod edges;
mod faults;
mod instagram;
mod keys;
mod kills;
mod leaving;
mod left_by_people;
mod main_job;
mod outages;
mod place;
mod placements;
mod planted_secrets;
mod postgres;
mod proxy;
mod races;
mod receiver;
mod request_id;
mod search;
mod start;
mod support;
mod uploads;
mod watching;
mod webhooks;
mod wire;
mod wiretap;
