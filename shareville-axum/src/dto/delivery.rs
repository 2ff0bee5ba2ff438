//! Deliveries of webhooks, and how each attempt ended.

use serde::Serialize;
use shareville_core::{
    delivery::{self, DeliveryStatus, Outcome, Trouble},
    event::EventKind,
    id::{DeliveryId, EventId},
};
use utoipa::ToSchema;

use super::Time;
use crate::openapi::words;

/// A delivery: an event on its way to the tenant's endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Delivery {
    #[schema(value_type = Uuid)]
    id: DeliveryId,
    /// The event it tells of; also the `webhook-id` it is sent with.
    #[schema(value_type = Uuid)]
    event_id: EventId,
    #[schema(value_type = words::WebhookType)]
    r#type: EventKind,
    #[schema(value_type = words::DeliveryStatus)]
    status: DeliveryStatus,
    attempts: Vec<Attempt>,
    next_attempt_at: Option<Time>,
    created_at: Time,
}

/// One attempt: of an answer only its status is known.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeliveryAttempt)]
struct Attempt {
    at: Time,
    duration_ms: u64,
    status_code: Option<u16>,
    #[schema(value_type = Option<words::DeliveryError>)]
    error: Option<Trouble>,
    error_message: Option<&'static str>,
}

impl From<&delivery::Attempt> for Attempt {
    fn from(attempt: &delivery::Attempt) -> Self {
        let (status_code, error) = match attempt.outcome {
            Outcome::Answered(status) => (Some(status), None),
            Outcome::Failed(trouble) => (None, Some(trouble)),
        };
        Self {
            at: Time(attempt.at),
            duration_ms: u64::try_from(attempt.took.as_millis()).unwrap_or(u64::MAX),
            status_code,
            error,
            error_message: error.map(Trouble::message),
        }
    }
}

impl From<&delivery::Delivery> for Delivery {
    fn from(delivery: &delivery::Delivery) -> Self {
        Self {
            id: delivery.id,
            event_id: delivery.event(),
            r#type: delivery.kind,
            status: delivery.status,
            attempts: delivery.attempts.iter().map(Attempt::from).collect(),
            next_attempt_at: delivery.next_attempt_at.map(Time),
            created_at: Time(delivery.created_at),
        }
    }
}
