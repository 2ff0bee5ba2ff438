//! What an operator watches, told to the [`metrics`](https://docs.rs/metrics) facade: whoever installs a recorder sees
//! it. Without the feature `metrics` nothing is told, and nothing is paid for it.
//!
//! Names follow Prometheus: base units, and `_total` for what only grows.

use crate::{
    delivery::DeliveryStatus,
    error::Error,
    post::{Evidence, Post},
    shareville::Shareville,
    store::Backlog,
};

/// What is told: its name, its labels, and what it is.
pub const METRICS: [(&str, &[&str], &str); 10] = [
    (CLAIMS, &[], "Lanes that this process has claimed."),
    (
        SETTLED,
        &["status", "class", "code"],
        "Posts that this process's workers have published or failed, by the class and code of the failure.",
    ),
    (
        LOOKS,
        &["evidence"],
        "Looks of this process's workers at what became of a commit, by what they found.",
    ),
    (
        LEASES_LOST,
        &[],
        "Claims that another worker took over while this process worked on them.",
    ),
    (
        DELIVERIES,
        &["status"],
        "Attempts to deliver a webhook, by what the delivery is after it.",
    ),
    (
        STORE_UP,
        &[],
        "1 if the store answered when it was last asked what waits, else 0: then the figures below are old.",
    ),
    (
        DUE_LAG,
        &[],
        "How long the lane that has been ready longest waits for a worker, of all tenants.",
    ),
    (LANES_DUE, &[], "Lanes that are ready and not claimed."),
    (
        DELIVERIES_WAITING,
        &[],
        "Deliveries to endpoints that have not ended.",
    ),
    (
        DELIVERY_LAG,
        &[],
        "How long the delivery that has been due longest waits for a worker.",
    ),
];

const CLAIMS: &str = "shareville_claims_total";
const SETTLED: &str = "shareville_settled_total";
const LOOKS: &str = "shareville_looks_total";
const LEASES_LOST: &str = "shareville_leases_lost_total";
const DELIVERIES: &str = "shareville_deliveries_total";
const STORE_UP: &str = "shareville_store_up";
const DUE_LAG: &str = "shareville_due_lag_seconds";
const LANES_DUE: &str = "shareville_lanes_due";
const DELIVERIES_WAITING: &str = "shareville_deliveries_waiting";
const DELIVERY_LAG: &str = "shareville_delivery_lag_seconds";

/// What is told of a post that has ended without a failure.
const NO_FAILURE: &str = "none";

pub(crate) fn claimed() {
    count(CLAIMS, &[], 1);
}

pub(crate) fn settled(post: &Post) {
    let failure = post.failure.as_ref();
    let class = failure.map_or(NO_FAILURE, |failure| failure.class.code());
    let code = failure.map_or(NO_FAILURE, |failure| failure.code.as_str());
    let labels = [
        ("status", post.status.name()),
        ("class", class),
        ("code", code),
    ];
    count(SETTLED, &labels, 1);
}

pub(crate) fn looked(evidence: &Evidence) {
    let evidence = match evidence {
        Evidence::Live(_) | Evidence::Visible { .. } => "live",
        Evidence::Pending { .. } => "pending",
        Evidence::Absent => "absent",
        Evidence::Dead(_) => "dead",
        Evidence::Unclear(_) => "unclear",
    };
    count(LOOKS, &[("evidence", evidence)], 1);
}

pub(crate) fn lease_lost() {
    count(LEASES_LOST, &[], 1);
}

pub(crate) fn delivered(status: DeliveryStatus) {
    count(DELIVERIES, &[("status", status.name())], 1);
}

fn waiting(backlog: &Backlog) {
    set(STORE_UP, 1.0);
    set(DUE_LAG, backlog.lag().as_secs_f64());
    set(LANES_DUE, whole(backlog.lanes));
    set(DELIVERIES_WAITING, whole(backlog.deliveries));
    set(DELIVERY_LAG, backlog.delivery_lag().as_secs_f64());
}

impl Shareville {
    /// Asks the store what waits for workers, and tells it: for whoever gathers metrics, each time they do.
    ///
    /// # Errors
    /// [`Error::Store`], which is told too.
    pub async fn measure(&self) -> Result<Backlog, Error> {
        match self.store().backlog().await {
            Ok(backlog) => {
                waiting(&backlog);
                Ok(backlog)
            }
            Err(error) => {
                set(STORE_UP, 0.0);
                Err(error.into())
            }
        }
    }
}

/// Beyond 2^53 it is not exact, and nobody minds.
#[allow(clippy::cast_precision_loss)]
const fn whole(number: u64) -> f64 {
    number as f64
}

#[cfg(feature = "metrics")]
fn count(name: &'static str, labels: &[(&'static str, &str)], by: u64) {
    let labels: Vec<_> = labels
        .iter()
        .map(|(key, value)| metrics::Label::new(*key, (*value).to_owned()))
        .collect();
    metrics::counter!(name, labels).increment(by);
}

#[cfg(feature = "metrics")]
fn set(name: &'static str, value: f64) {
    metrics::gauge!(name).set(value);
}

#[cfg(not(feature = "metrics"))]
const fn count(_: &'static str, _: &[(&'static str, &str)], _: u64) {}

#[cfg(not(feature = "metrics"))]
const fn set(_: &'static str, _: f64) {}

/// Tells the recorder what each metric is, so that it shows where it is still 0. Call it once a recorder is installed.
#[cfg(feature = "metrics")]
pub fn describe() {
    for (name, labels, help) in METRICS {
        match name.ends_with("_total") {
            true => {
                metrics::describe_counter!(name, help);
                // One with labels shows once there is a value for them.
                if labels.is_empty() {
                    count(name, &[], 0);
                }
            }
            false => metrics::describe_gauge!(name, help),
        }
    }
}
