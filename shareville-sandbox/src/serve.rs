//! The server: its routes, and the way of a call through fault, act and log.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, Request as HttpRequest, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::call::{CallLog, Outcome};
use crate::fault::{Answer, Effect, Moment};
use crate::graph::{self, GraphError, Host, Request};
use crate::strike::{Faults, Struck};
use crate::wire::Line;
use crate::world::World;
use crate::{control, dialog, instagram, visitor};

/// Photos of 10 MB fit in, and films as tests need them.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// What all calls share. The locks are never held together but in this order: world, faults, log.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    faults: Mutex<Faults>,
    log: Mutex<CallLog>,
    /// How many calls are under way or still have to act.
    pub(crate) flying: watch::Sender<usize>,
    pub(crate) closing: CancellationToken,
    pub(crate) base_url: String,
}

impl Shared {
    pub(crate) fn new(mut world: World, base_url: String) -> Self {
        world.base_url.clone_from(&base_url);
        Self {
            world: Mutex::new(world),
            faults: Mutex::default(),
            log: Mutex::default(),
            flying: watch::Sender::new(0),
            closing: CancellationToken::new(),
            base_url,
        }
    }

    /// The world as it is now: what was scheduled for a time that is over has happened.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.pass_time();
        world
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, CallLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything the sandbox serves.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(|| async { Redirect::temporary("/_sandbox") }))
        .route("/graph.facebook.com/{*path}", any(graph_call))
        .route("/graph-video.facebook.com/{*path}", any(graph_call))
        .route("/graph.instagram.com/{*path}", any(graph_call))
        .route("/api.instagram.com/{*path}", any(graph_call))
        .route(
            "/rupload.facebook.com/video-upload/{*path}",
            any(graph_call),
        )
        .route(
            "/rupload.facebook.com/ig-api-upload/{*path}",
            any(graph_call),
        )
        .merge(dialog::routes())
        .merge(visitor::routes())
        .merge(control::routes())
        .merge(instagram::visitor::routes())
        .merge(instagram::control::routes())
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .with_state(shared)
}

async fn graph_call(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(_): Path<String>,
    http: HttpRequest,
) -> Response {
    // The raw path: decoding is done part by part, so that an encoded slash stays inside its part.
    let path = http.uri().path().to_owned();
    let (host, path) = Host::split(&path);
    let request = match Request::read(host, path, http).await {
        Ok(request) => request,
        Err(error) => return told("v25.0", Err(error)),
    };
    // A task of its own: what has arrived takes place even if the caller hangs up meanwhile.
    let call = Call {
        shared: Arc::clone(&shared),
        request: Arc::new(request),
    };
    let reply = tokio::spawn(async move {
        let closing = call.shared.closing.clone();
        closing.run_until_cancelled(call.run()).await.flatten()
    });
    if let Ok(Some(response)) = reply.await {
        response
    } else {
        line.cut();
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

/// One call on its way.
#[derive(Clone)]
struct Call {
    shared: Arc<Shared>,
    request: Arc<Request>,
}

/// Counts a call as under way while it lives.
struct Flight(Arc<Shared>);

impl Flight {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.flying.send_modify(|count| *count += 1);
        Self(Arc::clone(shared))
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.flying.send_modify(|count| *count -= 1);
    }
}

impl Call {
    /// The answer, or `None` if the connection is to be closed without one.
    async fn run(&self) -> Option<Response> {
        let _flight = Flight::new(&self.shared);
        let (number, struck) = self.arrive();
        let mut response = match struck {
            None => Some(self.act_and_tell(number)),
            Some(struck) => self.suffer(number, struck).await,
        };
        if let Some(response) = &mut response {
            self.tell_usage(response);
        }
        let outcome = response.as_ref().map_or(Outcome::Lost, |response| {
            Outcome::Answered(response.status().as_u16())
        });
        self.shared.log().ended(number, outcome);
        response
    }

    fn arrive(&self) -> (u64, Option<Struck>) {
        let world = self.shared.world();
        let aim = graph::aim(&world, &self.request);
        let struck = self.shared.faults().strike(&world, &self.request, &aim);
        let mut log = self.shared.log();
        let number = log.arrive(world.now(), &self.request, aim.step, aim.page);
        if let Some(struck) = &struck {
            log.struck(number, struck.id, &struck.effect);
        }
        (number, struck)
    }

    fn act(&self, number: u64) -> Result<Value, GraphError> {
        self.act_in(&mut self.shared.world(), number)
    }

    /// The video that this call finishes will not be processed.
    fn act_and_spoil(&self, number: u64, code: u32) -> Result<Value, GraphError> {
        let mut world = self.shared.world();
        world.spoilt_by = Some(code);
        let result = self.act_in(&mut world, number);
        world.spoilt_by = None;
        result
    }

    fn act_in(&self, world: &mut World, number: u64) -> Result<Value, GraphError> {
        let aim = graph::aim(world, &self.request);
        let result = graph::perform(world, &self.request, &aim);
        self.shared.log().acted(number, result.as_ref().err());
        result
    }

    fn act_and_tell(&self, number: u64) -> Response {
        told(&self.request.version, self.act(number))
    }

    async fn suffer(&self, number: u64, struck: Struck) -> Option<Response> {
        match struck.effect {
            Effect::LoseAnswer => {
                let _ = self.act(number);
                None
            }
            Effect::KeepPart { bytes } => {
                let part = Self {
                    shared: Arc::clone(&self.shared),
                    request: Arc::new(self.request.cut(bytes)),
                };
                let _ = part.act(number);
                None
            }
            Effect::FailProcessing { code } => {
                let result = self.act_and_spoil(number, code);
                Some(told(&self.request.version, result))
            }
            Effect::ActAndAnswer { answer } => {
                let _ = self.act(number);
                Some(made_up(&self.request.version, &answer))
            }
            Effect::ActLate { after, close_after } => {
                self.act_later(number, after);
                tokio::time::sleep(close_after).await;
                None
            }
            Effect::Delay { duration } => {
                tokio::time::sleep(duration).await;
                Some(self.act_and_tell(number))
            }
            Effect::DelayAnswer { duration } => {
                let response = self.act_and_tell(number);
                tokio::time::sleep(duration).await;
                Some(response)
            }
            Effect::Refuse { answer } => Some(made_up(&self.request.version, &answer)),
            Effect::LoseRequest => None,
            Effect::Throttle { code, minutes } => Some(self.throttled(code, minutes)),
            Effect::Revoke { death } => {
                self.revoke(death);
                Some(self.act_and_tell(number))
            }
            Effect::Hold {
                moment: Moment::BeforeActing,
            } => {
                struck.gate.hold(number).await;
                Some(self.act_and_tell(number))
            }
            Effect::Hold {
                moment: Moment::AfterActing,
            } => {
                let response = self.act_and_tell(number);
                struck.gate.hold(number).await;
                Some(response)
            }
        }
    }

    fn act_later(&self, number: u64, after: Duration) {
        let call = self.clone();
        let flight = Flight::new(&self.shared);
        tokio::spawn(async move {
            let closing = call.shared.closing.clone();
            if closing
                .run_until_cancelled(tokio::time::sleep(after))
                .await
                .is_some()
            {
                let _ = call.act(number);
            }
            drop(flight);
        });
    }

    fn revoke(&self, death: crate::world::Death) {
        let mut world = self.shared.world();
        let token = self
            .request
            .token
            .as_ref()
            .and_then(|token| world.tokens.get(token));
        let holder = token.map(|token| (token.person.clone(), token.app.clone()));
        if let Some((person, app)) = holder {
            world.kill_tokens(&person, Some(&app), death);
        }
    }

    /// Adds the usage that a test has set, unless the answer tells of its own.
    fn tell_usage(&self, response: &mut Response) {
        let world = self.shared.world();
        if world.usages.is_empty() {
            return;
        }
        let app = self.request.app(&world);
        let page = graph::aim(&world, &self.request).page;
        for (name, usage) in world.usages.headers(app.as_deref(), page.as_deref()) {
            if let Ok(value) = HeaderValue::from_str(&usage) {
                response.headers_mut().entry(name).or_insert(value);
            }
        }
    }

    fn throttled(&self, code: i64, minutes: u32) -> Response {
        let account = if code == 80_002 { "Instagram" } else { "Page" };
        let message = match code {
            4 => "(#4) Application request limit reached".to_owned(),
            17 => "(#17) User request limit reached".to_owned(),
            32 => "(#32) Page request limit reached".to_owned(),
            341 => "Application limit reached".to_owned(),
            613 => "(#613) Calls to this api have exceeded the rate limit".to_owned(),
            _ => format!(
                "(#{code}) There have been too many calls to this {account} account. Wait a bit and try again. For more \
                 info, please refer to https://developers.facebook.com/docs/graph-api/overview/rate-limiting."
            ),
        };
        let mut response = told(&self.request.version, Err(GraphError::new(code, message)));
        let (name, usage) = if code >= 80_000 {
            let page = graph::aim(&self.shared.world(), &self.request)
                .page
                .unwrap_or_default();
            let usage = json!({ page: [{
                "type": if code == 80_002 { "instagram" } else { "pages" }, "call_count": 107, "total_cputime": 25, "total_time": 25,
                "estimated_time_to_regain_access": minutes,
            }] });
            ("x-business-use-case-usage", usage)
        } else {
            let usage = json!({
                "call_count": 107, "total_cputime": 25, "total_time": 25,
                "estimated_time_to_regain_access": minutes,
            });
            ("x-app-usage", usage)
        };
        if let Ok(value) = HeaderValue::from_str(&usage.to_string()) {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// The answer of the Graph API.
fn told(version: &str, result: Result<Value, GraphError>) -> Response {
    let headers = usual_headers(version);
    match result {
        Ok(body) => (headers, Json(body)).into_response(),
        Err(error) => (error.status, headers, Json(error.body())).into_response(),
    }
}

fn made_up(version: &str, answer: &Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = usual_headers(version);
    match &answer.body {
        Value::String(html) => (status, headers, Html(html.clone())).into_response(),
        body => (status, headers, Json(body)).into_response(),
    }
}

fn usual_headers(version: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache, no-store, must-revalidate"),
    );
    if let Ok(version) = HeaderValue::from_str(version) {
        headers.insert("facebook-api-version", version);
    }
    headers
}
