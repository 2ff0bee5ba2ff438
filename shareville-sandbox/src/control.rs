//! The control routes: everything the Rust handle does, for tests in other languages and processes.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::approve::Consent;
use crate::call::CallRecord;
use crate::error::Error;
use crate::fault::{Fault, FaultId, FaultReport};
use crate::hands::Hands;
use crate::sandbox::HeldCall;
use crate::serve::Shared;
use crate::switches::Switches;
use crate::usage::Usage;
use crate::world::{AppSeed, Death, NewPage, NewPerson, PostRecord, Role, VisiblePost};

type App = State<Arc<Shared>>;

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_sandbox/approve", post(approve))
        .route("/_sandbox/apps", post(add_app))
        .route("/_sandbox/people", get(list_people).post(add_person))
        .route("/_sandbox/pages", get(list_pages).post(add_page))
        .route("/_sandbox/pages/{page}/visible", get(visible))
        .route("/_sandbox/pages/{page}/posts", get(posts))
        .route("/_sandbox/pages/{page}/roles", post(set_role))
        .route("/_sandbox/posts/{post}", delete(delete_post))
        .route("/_sandbox/posts/{post}/comments", post(comment))
        .route("/_sandbox/calls", get(calls).delete(clear_calls))
        .route(
            "/_sandbox/faults",
            get(faults).post(arm).delete(clear_faults),
        )
        .route("/_sandbox/faults/{fault}", get(report).delete(clear_fault))
        .route("/_sandbox/faults/{fault}/held", get(held))
        .route("/_sandbox/faults/{fault}/release", post(release))
        .route("/_sandbox/quiet", get(quiet))
        .route("/_sandbox/revoke", post(revoke))
        .route("/_sandbox/switches", get(switches).put(set_switches))
        .route("/_sandbox/usage", post(set_usage))
        .route("/_sandbox/clock", post(advance))
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Missing { .. } | Self::NoFault(_) => StatusCode::NOT_FOUND,
            Self::Dialog { .. } | Self::Refused(_) => StatusCode::BAD_REQUEST,
            Self::Unreachable { .. } => StatusCode::BAD_GATEWAY,
            Self::Listen { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(json!({ "error": self.to_string() }))).into_response()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Approval {
    url: String,
    #[serde(default)]
    consent: Consent,
}

async fn approve(State(shared): App, Json(approval): Json<Approval>) -> Result<Json<Value>, Error> {
    let redirect = Hands(shared).approve(&approval.url, &approval.consent)?;
    Ok(Json(json!({ "redirect": redirect })))
}

async fn add_app(State(shared): App, Json(app): Json<AppSeed>) -> StatusCode {
    shared.world().add_app(app);
    StatusCode::NO_CONTENT
}

async fn list_people(State(shared): App) -> Json<Value> {
    let world = shared.world();
    Json(
        world
            .people
            .values()
            .map(|person| json!({ "id": person.id, "name": person.name }))
            .collect(),
    )
}

async fn add_person(
    State(shared): App,
    Json(person): Json<NewPerson>,
) -> (StatusCode, Json<Value>) {
    let id = shared.world().add_person(person);
    (StatusCode::CREATED, Json(json!({ "id": id })))
}

async fn list_pages(State(shared): App) -> Json<Value> {
    let world = shared.world();
    let row = |page: &crate::world::Page| json!({ "id": page.id, "name": page.name, "category": page.category, "business": page.business, "roles": page.roles });
    Json(world.pages.values().map(row).collect())
}

async fn add_page(
    State(shared): App,
    Json(page): Json<NewPage>,
) -> Result<(StatusCode, Json<Value>), Error> {
    let id = shared.world().add_page(page)?;
    Ok((StatusCode::CREATED, Json(json!({ "id": id }))))
}

fn known(shared: &Shared, page: &str) -> Result<(), Error> {
    if shared.world().pages.contains_key(page) {
        Ok(())
    } else {
        Err(Error::missing("page", page))
    }
}

async fn visible(
    State(shared): App,
    Path(page): Path<String>,
) -> Result<Json<Vec<VisiblePost>>, Error> {
    known(&shared, &page)?;
    Ok(Json(shared.world().visible_posts(&page)))
}

async fn posts(
    State(shared): App,
    Path(page): Path<String>,
) -> Result<Json<Vec<PostRecord>>, Error> {
    known(&shared, &page)?;
    Ok(Json(shared.world().records_of(&page)))
}

async fn set_role(
    State(shared): App,
    Path(page): Path<String>,
    Json(role): Json<Role>,
) -> Result<StatusCode, Error> {
    shared.world().set_role(&page, role)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn delete_post(State(shared): App, Path(id): Path<String>) -> Result<StatusCode, Error> {
    Hands(shared).delete_post(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a visitor writes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Remark {
    pub(crate) visitor: String,
    pub(crate) message: String,
}

async fn comment(
    State(shared): App,
    Path(id): Path<String>,
    Json(remark): Json<Remark>,
) -> Result<(StatusCode, Json<Value>), Error> {
    let id = Hands(shared).comment(&id, &remark.visitor, &remark.message)?;
    Ok((StatusCode::CREATED, Json(json!({ "id": id }))))
}

async fn calls(State(shared): App) -> Json<Vec<CallRecord>> {
    Json(shared.log().all())
}

async fn clear_calls(State(shared): App) -> StatusCode {
    shared.log().clear();
    StatusCode::NO_CONTENT
}

async fn faults(State(shared): App) -> Json<Vec<FaultReport>> {
    Json(shared.faults().reports())
}

async fn arm(State(shared): App, Json(fault): Json<Fault>) -> (StatusCode, Json<Value>) {
    let id = shared.faults().arm(fault);
    (StatusCode::CREATED, Json(json!({ "id": id })))
}

async fn report(
    State(shared): App,
    Path(fault): Path<FaultId>,
) -> Result<Json<FaultReport>, Error> {
    let found = shared
        .faults()
        .reports()
        .into_iter()
        .find(|report| report.id == fault);
    found.map(Json).ok_or(Error::NoFault(fault))
}

async fn clear_faults(State(shared): App) -> StatusCode {
    shared.faults().clear_all();
    StatusCode::NO_CONTENT
}

async fn clear_fault(State(shared): App, Path(fault): Path<FaultId>) -> Result<StatusCode, Error> {
    shared.faults().clear(fault)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Patience {
    /// How long to wait; ten seconds unless told otherwise.
    #[serde(default = "usual_wait")]
    wait_ms: u64,
}

fn usual_wait() -> u64 {
    10_000
}

/// 200 with the held call, or 204 when the wait is over.
async fn held(
    State(shared): App,
    Path(fault): Path<FaultId>,
    Query(patience): Query<Patience>,
) -> Result<Response, Error> {
    let hands = Hands(shared);
    let wait = Duration::from_millis(patience.wait_ms);
    match tokio::time::timeout(wait, hands.held(fault)).await {
        Ok(held) => held.map(|held: HeldCall| Json(held).into_response()),
        Err(_) => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

async fn release(State(shared): App, Path(fault): Path<FaultId>) -> Result<StatusCode, Error> {
    shared.faults().release(fault)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `{"quiet":true}` once no call is under way and none has still to act, `false` when the wait is over.
async fn quiet(State(shared): App, Query(patience): Query<Patience>) -> Json<Value> {
    let hands = Hands(shared);
    let quiet = tokio::time::timeout(Duration::from_millis(patience.wait_ms), hands.quiet())
        .await
        .is_ok();
    Json(json!({ "quiet": quiet }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revocation {
    person: Option<String>,
    token: Option<String>,
    #[serde(default = "usual_death")]
    death: Death,
}

fn usual_death() -> Death {
    Death::PasswordChanged
}

async fn revoke(
    State(shared): App,
    Json(revocation): Json<Revocation>,
) -> Result<Json<Value>, Error> {
    let hands = Hands(shared);
    let revoked = match (revocation.person, revocation.token) {
        (Some(person), None) => hands.revoke(&person, revocation.death),
        (None, Some(token)) => {
            hands.revoke_token(&token, revocation.death)?;
            1
        }
        _ => return Err(Error::Refused("name either a person or a token".to_owned())),
    };
    Ok(Json(json!({ "revoked": revoked })))
}

async fn switches(State(shared): App) -> Json<Switches> {
    Json(shared.world().switches.clone())
}

/// What is not named gets its default.
async fn set_switches(State(shared): App, Json(switches): Json<Switches>) -> Json<Switches> {
    shared.world().switches = switches.clone();
    Json(switches)
}

async fn set_usage(State(shared): App, Json(usage): Json<Usage>) -> StatusCode {
    shared.world().usages.set(usage);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: u64,
}

async fn advance(State(shared): App, Json(advance): Json<Advance>) -> StatusCode {
    Hands(shared).advance(Duration::from_secs(advance.seconds));
    StatusCode::NO_CONTENT
}
