//! One call: where its secrets go, and what counts as an answer.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header::AUTHORIZATION};
use reqwest::multipart;
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use shareville_core::tenant::App;
use tracing::{Instrument as _, Span, field};

use super::{Graph, Host, UploadAddress, budget::Need, proof::appsecret_proof, usage::Usage};
use crate::error::{GraphError, Network, Step, is_failure};

/// The longest answer that is read: a full page of Pages or comments is well below.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// In whose name a call is made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Auth<'a> {
    /// A user's or a Page's.
    Token(&'a SecretString, &'a App),
    /// The app's own.
    App(&'a App),
    /// A Page's, at the host for uploads: it wants another word in front of the token, and takes no proof.
    Upload(&'a SecretString, &'a App),
    /// Nobody's: the form holds what opens it.
    Form,
}

/// A file among the parameters of a call.
#[derive(Debug)]
struct Part {
    name: &'static str,
    bytes: Bytes,
}

/// A call to be made once.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    graph: &'a Graph,
    step: Step,
    need: Need,
    method: Method,
    host: Host,
    /// Whether the version comes first in the path.
    versioned: bool,
    /// The path below the version.
    path: Vec<&'a str>,
    /// The whole address instead, where the platform has named one.
    address: Option<UploadAddress>,
    auth: Auth<'a>,
    params: Vec<(String, SecretString)>,
    part: Option<Part>,
    body: Option<Bytes>,
    headers: Vec<(&'static str, String)>,
    /// What must not come back in an error's text.
    secrets: Vec<&'a SecretString>,
}

impl Graph {
    /// Reads.
    pub(crate) fn get<'a>(&'a self, path: &[&'a str], auth: Auth<'a>) -> Call<'a> {
        self.call(Step::Read, Method::GET, path, auth)
    }

    /// Writes.
    pub(crate) fn post<'a>(&'a self, step: Step, path: &[&'a str], auth: Auth<'a>) -> Call<'a> {
        self.call(step, Method::POST, path, auth)
    }

    /// Sends a file, or says where it is, at the address that the platform has named for it.
    pub(crate) fn upload<'a>(&'a self, address: UploadAddress, auth: Auth<'a>) -> Call<'a> {
        Call {
            address: Some(address),
            ..self.call(Step::Prepare, Method::POST, &[], auth)
        }
    }

    /// Deletes.
    pub(crate) fn delete<'a>(&'a self, path: &[&'a str], auth: Auth<'a>) -> Call<'a> {
        self.call(Step::Delete, Method::DELETE, path, auth)
    }

    fn call<'a>(
        &'a self,
        step: Step,
        method: Method,
        path: &[&'a str],
        auth: Auth<'a>,
    ) -> Call<'a> {
        Call {
            graph: self,
            step,
            need: Need::of(step),
            method,
            host: Host::Graph,
            versioned: true,
            path: path.to_vec(),
            address: None,
            auth,
            params: Vec::new(),
            part: None,
            body: None,
            headers: Vec::new(),
            secrets: match auth {
                Auth::Token(token, app) | Auth::Upload(token, app) => vec![token, &app.secret],
                Auth::App(app) => vec![&app.secret],
                Auth::Form => Vec::new(),
            },
        }
    }
}

impl<'a> Call<'a> {
    /// Sends it to another host than the Graph API's own.
    pub(crate) const fn at(mut self, host: Host) -> Self {
        self.host = host;
        self
    }

    /// Leaves the version out of its path: some of Instagram's calls have none.
    pub(crate) const fn unversioned(mut self) -> Self {
        self.versioned = false;
        self
    }

    /// Says that nobody misses it: it is the first to be withheld when calls run out.
    pub(crate) const fn optional(mut self) -> Self {
        self.need = Need::Optional;
        self
    }

    /// Says how badly it is needed, where its step alone does not tell.
    pub(crate) const fn needed(mut self, need: Need) -> Self {
        self.need = need;
        self
    }

    /// Adds a parameter.
    pub(crate) fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.params
            .push((name.into(), SecretString::from(value.into())));
        self
    }

    /// Adds a parameter that is a secret: for forms, and for `debug_token` and Instagram's exchanges of tokens, where the
    /// platform takes nothing else.
    pub(crate) fn with_secret(mut self, name: &str, value: &'a SecretString) -> Self {
        self.secrets.push(value);
        self.with(name, value.expose_secret())
    }

    /// Adds a parameter, if there is one.
    pub(crate) fn with_some(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds a file; the parameters go with it as `multipart/form-data`.
    pub(crate) fn with_file(mut self, name: &'static str, bytes: Bytes) -> Self {
        self.part = Some(Part { name, bytes });
        self
    }

    /// Sends bytes and nothing else, to an address that the platform has named.
    pub(crate) fn with_body(mut self, bytes: Bytes) -> Self {
        self.body = Some(bytes);
        self
    }

    /// Adds a header.
    pub(crate) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sends it, once, and reads the answer as `T`.
    ///
    /// # Errors
    /// [`GraphError`] if there is no answer, if it is a failure in any of the platform's envelopes, whatever its HTTP
    /// status, or if it is no `T`.
    pub(crate) async fn send<T: DeserializeOwned>(self) -> Result<T, Box<GraphError>> {
        let span = tracing::info_span!(
            "graph_call",
            step = self.step.name(),
            method = self.method.as_str(),
            edge = self.edge(),
            http_status = field::Empty,
            api_version = field::Empty,
            fbtrace_id = field::Empty,
        );
        let began = Instant::now();
        let outcome = self.exchange().instrument(span.clone()).await;
        let elapsed_ms = began.elapsed().as_millis();
        match outcome {
            Ok(answer) => {
                span.in_scope(|| tracing::info!(elapsed_ms, "answered"));
                Ok(answer)
            }
            Err(error) => {
                let error = error.without(&self.secrets).at(self.host.network());
                if let Some(id) = &error.fbtrace_id {
                    span.record("fbtrace_id", id);
                }
                let class = error.class(self.graph.now()).code();
                let (code, subcode) = (error.code, error.subcode);
                // Its words are for the post's history: here they could repeat what a person has written.
                span.in_scope(|| tracing::info!(elapsed_ms, class, code, subcode, "failed"));
                Err(error)
            }
        }
    }

    async fn exchange<T: DeserializeOwned>(&self) -> Result<T, Box<GraphError>> {
        self.unless_withheld()?;
        let limit = self.graph.config.timeout;
        let work = async {
            let mut response = self.request().send().await.map_err(GraphError::transport)?;
            let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
            record(status, &headers);
            self.heed(&headers);
            let body = read(response, status).await?;
            Ok((status, headers, body))
        };
        let (status, headers, body) = within(limit, work).await?;
        parse(status, &headers, &body)
    }

    /// Fails if this call must not be made now.
    fn unless_withheld(&self) -> Result<(), Box<GraphError>> {
        let (graph, object) = (self.graph, self.object());
        let withheld = self
            .app()
            .and_then(|app| graph.budget.withheld(app, object, self.need, graph.now()));
        match withheld {
            Some(withheld) => Err(GraphError::withheld(withheld.rest, withheld.scope)),
            None => Ok(()),
        }
    }

    /// What an answer says of the budget, be it a success or not.
    fn heed(&self, headers: &HeaderMap) {
        if let Some(app) = self.app() {
            let usage = Usage::from_headers(headers);
            let now = self.graph.now();
            self.graph.budget.heed(app, self.object(), &usage, now);
        }
    }

    /// Whose budget it is on. Logging in is on nobody's.
    fn app(&self) -> Option<&'a str> {
        match self.auth {
            Auth::Token(_, app) | Auth::Upload(_, app) | Auth::App(app) => Some(&app.id),
            Auth::Form => None,
        }
    }

    /// The Page or account it is about, as far as the path tells: `{page}/…`, `{page}_{post}`.
    fn object(&self) -> Option<&'a str> {
        let first = self.path.first()?;
        let id = first.split('_').next().unwrap_or(first);
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        is_id.then_some(id)
    }

    fn request(&self) -> reqwest::RequestBuilder {
        let graph = self.graph;
        let version = self.versioned.then_some(graph.config.version.as_str());
        let segments: Vec<_> = version
            .into_iter()
            .chain(self.path.iter().copied())
            .collect();
        let mut url = match &self.address {
            Some(address) => address.url().clone(),
            None => graph.config.endpoint.url(self.host, &segments),
        };
        let proof = match self.auth {
            Auth::Token(token, app) if self.is_proven() => {
                Some(("appsecret_proof", appsecret_proof(&app.secret, token)))
            }
            _ => None,
        };
        let params = self
            .params
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose_secret()))
            .chain(proof.iter().map(|(name, proof)| (*name, proof.as_str())));
        let mut request = match (&self.method, &self.part) {
            // What is uploaded is told by headers.
            (&Method::POST, _) if self.address.is_some() => {
                let bytes = self.body.clone().unwrap_or_default();
                graph.client.post(url).body(bytes)
            }
            (&Method::POST, Some(part)) => graph.client.post(url).multipart(part.among(params)),
            (&Method::POST, None) => {
                let form: Vec<_> = params.collect();
                graph.client.post(url).form(&form)
            }
            _ => {
                let mut params = params.peekable();
                if params.peek().is_some() {
                    url.query_pairs_mut().extend_pairs(params);
                }
                graph.client.request(self.method.clone(), url)
            }
        };
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        match self.auth {
            Auth::Token(token, _) => request.bearer_auth(token.expose_secret()),
            Auth::Upload(token, _) => {
                let text = format!("OAuth {}", token.expose_secret());
                match HeaderValue::try_from(&text) {
                    Ok(mut value) => {
                        value.set_sensitive(true);
                        request.header(AUTHORIZATION, value)
                    }
                    // As with any other token that cannot be one: nothing is sent.
                    Err(_) => request.header(AUTHORIZATION, text),
                }
            }
            Auth::App(app) => {
                request.bearer_auth(format!("{}|{}", app.id, app.secret.expose_secret()))
            }
            Auth::Form => request,
        }
    }

    /// Whether it proves that it knows the app's secret.
    fn is_proven(&self) -> bool {
        match self.host.network() {
            Network::Facebook => self.graph.config.appsecret_proof,
            Network::Instagram => self.graph.config.instagram_appsecret_proof,
        }
    }

    /// The path for logs, without the ids in it.
    fn edge(&self) -> String {
        let is_name = |segment: &str| segment.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        if self.address.is_some() {
            return "/{upload}".to_owned();
        }
        let named = self.path.iter().map(|segment| match is_name(segment) {
            true => segment,
            false => "{id}",
        });
        named.fold(String::new(), |edge, segment| edge + "/" + segment)
    }
}

impl Part {
    fn among<'a>(&self, params: impl Iterator<Item = (&'a str, &'a str)>) -> multipart::Form {
        let form = params.fold(multipart::Form::new(), |form, (name, value)| {
            form.text(name.to_owned(), value.to_owned())
        });
        let length = u64::try_from(self.bytes.len()).unwrap_or(u64::MAX);
        let file = multipart::Part::stream_with_length(self.bytes.clone(), length);
        // Only what has a file's name is taken for one.
        form.part(self.name, file.file_name("chunk"))
    }
}

/// The whole call within its limit: a limit of the client's own would be another kind of error.
async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, Box<GraphError>>>,
) -> Result<T, Box<GraphError>> {
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(GraphError::cut_off()))
}

fn record(status: StatusCode, headers: &HeaderMap) {
    let span = Span::current();
    span.record("http_status", status.as_u16());
    for (field, header) in [
        ("api_version", "facebook-api-version"),
        ("fbtrace_id", "x-fb-trace-id"),
    ] {
        if let Some(value) = headers.get(header).and_then(|value| value.to_str().ok()) {
            span.record(field, value);
        }
    }
}

async fn read(
    mut response: reqwest::Response,
    status: StatusCode,
) -> Result<Vec<u8>, Box<GraphError>> {
    let mut body = Vec::new();
    let broke_off = |error| GraphError::broke_off(status, error);
    while let Some(chunk) = response.chunk().await.map_err(broke_off)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(GraphError::lost(
                status,
                "the answer is longer than it may be",
            ));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn parse<T: DeserializeOwned>(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<T, Box<GraphError>> {
    let json = match serde_json::from_slice::<Value>(body) {
        Ok(json) if status.is_success() && !is_failure(&json) => json,
        _ => return Err(Box::new(GraphError::from_response(status, headers, body))),
    };
    // Serde's errors can repeat values, and values can be tokens: only the kind of error is kept.
    serde_json::from_value(json).map_err(|error| {
        GraphError::unexpected(
            status,
            format!("not the shape it should have ({:?})", error.classify()),
        )
    })
}
