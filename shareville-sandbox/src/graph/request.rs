//! One call to the Graph API, whatever encoding it came in.

use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, Request as HttpRequest};
use axum::http::{HeaderMap, Method, header};
use serde_json::{Map, Value};

use super::error::GraphError;
use crate::call::TokenPlace;
use crate::world::World;

/// The version a call without one gets.
const DEFAULT_VERSION: &str = "v25.0";

/// Parameters that any call may carry.
const EVERYWHERE: [&str; 9] = [
    "access_token",
    "appsecret_proof",
    "appsecret_time",
    "fields",
    "format",
    "locale",
    "pretty",
    "limit",
    "after",
];

/// What rupload takes as headers.
const UPLOAD_HEADERS: [&str; 3] = ["offset", "file_size", "file_url"];

/// Which of Meta's hosts a call went to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    /// `graph.facebook.com`
    Graph,
    /// `graph-video.facebook.com`: videos only.
    GraphVideo,
    /// `rupload.facebook.com/video-upload`: its parameters are headers, its body is a file.
    Upload,
    /// `graph.instagram.com`: Instagram through Instagram Login.
    Instagram,
    /// `api.instagram.com`: Instagram's code exchange only.
    InstagramLogin,
    /// `rupload.facebook.com/ig-api-upload`: its parameters are headers, its body is a file.
    InstagramUpload,
}

impl Host {
    const ALL: [Self; 6] = [
        Self::Graph,
        Self::GraphVideo,
        Self::Upload,
        Self::Instagram,
        Self::InstagramLogin,
        Self::InstagramUpload,
    ];

    /// What stands before its paths.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Graph => "graph.facebook.com",
            Self::GraphVideo => "graph-video.facebook.com",
            Self::Upload => "rupload.facebook.com/video-upload",
            Self::Instagram => "graph.instagram.com",
            Self::InstagramLogin => "api.instagram.com",
            Self::InstagramUpload => "rupload.facebook.com/ig-api-upload",
        }
    }

    /// Whether only Instagram is reached there.
    pub(crate) fn is_instagrams(self) -> bool {
        matches!(
            self,
            Self::Instagram | Self::InstagramLogin | Self::InstagramUpload
        )
    }

    /// Whether it takes the bytes of files.
    pub(crate) fn takes_files(self) -> bool {
        matches!(self, Self::Upload | Self::InstagramUpload)
    }

    /// The host in front of a path, and what comes after it.
    pub(crate) fn split(path: &str) -> (Self, &str) {
        let path = path.trim_start_matches('/');
        let found = Self::ALL
            .into_iter()
            .find_map(|host| Some((host, path.strip_prefix(host.name())?)));
        found.unwrap_or((Self::Graph, path))
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) host: Host,
    pub(crate) method: Method,
    pub(crate) version: String,
    pub(crate) path: Vec<String>,
    pub(crate) params: Map<String, Value>,
    pub(crate) token: Option<String>,
    pub(crate) token_place: TokenPlace,
    /// Uploaded files by parameter name.
    pub(crate) files: Vec<(String, Bytes)>,
}

impl Request {
    /// Reads a call whose path begins after the host's name.
    pub(crate) async fn read(
        host: Host,
        path: &str,
        http: HttpRequest,
    ) -> Result<Self, GraphError> {
        let mut path: Vec<String> = path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(percent_decoded)
            .collect();
        let versioned = path.first().is_some_and(|first| is_version(first));
        let version = if versioned {
            path.remove(0)
        } else {
            DEFAULT_VERSION.to_owned()
        };
        let method = http.method().clone();
        let header_token = bearer(host, http.headers());
        let query: Vec<(String, String)> =
            url::form_urlencoded::parse(http.uri().query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect();
        let mut params = Map::new();
        for (name, value) in query {
            params.insert(name, Value::String(value));
        }
        let query_token = params.contains_key("access_token");
        let mut files = Vec::new();
        if host == Host::Upload {
            path.insert(0, "video-upload".to_owned());
        }
        if host.takes_files() {
            read_upload(http, &mut params, &mut files).await?;
        } else {
            read_body(http, &mut params, &mut files).await?;
        }
        let (token, token_place) = match (header_token, text_of(params.get("access_token"))) {
            (Some(token), _) => (Some(token), TokenPlace::Header),
            (None, Some(token)) => (
                Some(token),
                if query_token {
                    TokenPlace::Query
                } else {
                    TokenPlace::Body
                },
            ),
            (None, None) => (None, TokenPlace::Nowhere),
        };
        Ok(Self {
            host,
            method,
            version,
            path,
            params,
            token,
            token_place,
            files,
        })
    }

    /// The same call, of whose files only so many bytes arrived.
    pub(crate) fn cut(&self, bytes: u64) -> Self {
        let most = usize::try_from(bytes).unwrap_or(usize::MAX);
        let mut call = self.clone();
        for (_, file) in &mut call.files {
            file.truncate(most);
        }
        call
    }

    /// A parameter as text; numbers and booleans of JSON bodies count as their text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        text_of(self.params.get(name))
    }

    /// A parameter that must be there and not empty.
    pub(crate) fn required(&self, name: &str) -> Result<String, GraphError> {
        self.text(name)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| GraphError::missing_parameter(name))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, GraphError> {
        match self.text(name).as_deref() {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(_) => Err(GraphError::parameter(format_args!(
                "Param {name} must be a boolean"
            ))),
        }
    }

    /// The app that calls: by its token, or by name where it has none yet.
    pub(crate) fn app(&self, world: &World) -> Option<String> {
        match &self.token {
            Some(token) => match world.tokens.get(token) {
                Some(known) => Some(known.app.clone()),
                None => token.split_once('|').map(|(app, _)| app.to_owned()),
            },
            None => self.text("client_id"),
        }
    }

    /// A list given as `name[0]`, as JSON text, or as a list in a JSON body.
    pub(crate) fn list(&self, name: &str) -> Result<Option<Vec<Value>>, GraphError> {
        let wrong = || GraphError::parameter(format_args!("Param {name} must be an array."));
        let mut indexed: Vec<(usize, Value)> = Vec::new();
        for (key, value) in &self.params {
            let Some(index) = key
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('['))
            else {
                continue;
            };
            let index = index
                .strip_suffix(']')
                .and_then(|index| index.parse().ok())
                .ok_or_else(wrong)?;
            indexed.push((index, json_of(value).ok_or_else(wrong)?));
        }
        if !indexed.is_empty() {
            indexed.sort_by_key(|(index, _)| *index);
            return Ok(Some(indexed.into_iter().map(|(_, value)| value).collect()));
        }
        match self.params.get(name) {
            None => Ok(None),
            Some(value) => match json_of(value) {
                Some(Value::Array(items)) => Ok(Some(items)),
                _ => Err(wrong()),
            },
        }
    }

    pub(crate) fn fields(&self) -> Option<String> {
        self.text("fields")
    }

    /// Whether every parameter is one of these, or one that any call may carry.
    pub(crate) fn only(&self, known: &[&str], strict: bool) -> Result<(), GraphError> {
        let is_known = |name: &str| {
            let stem = name.split_once('[').map_or(name, |(stem, _)| stem);
            EVERYWHERE.contains(&stem) || known.contains(&stem)
        };
        let files = self.files.iter().map(|(name, _)| name);
        match self.params.keys().chain(files).find(|name| !is_known(name)) {
            Some(name) if strict => Err(GraphError::parameter(format_args!(
                "The parameter {name} is unknown to this sandbox (switch refuse_unknown_parameters)"
            ))),
            _ => Ok(()),
        }
    }
}

fn is_version(text: &str) -> bool {
    text.strip_prefix('v')
        .and_then(|rest| rest.split_once('.'))
        .is_some_and(|(major, minor)| {
            let digits =
                |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            digits(major) && digits(minor)
        })
}

fn percent_decoded(part: &str) -> String {
    // A plus sign is itself in a path, and a space in a form: hide it from the form parser.
    let form = format!("p={}", part.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(form.as_bytes())
        .next()
        .map_or_else(String::new, |(_, value)| value.into_owned())
}

/// The token of the `Authorization` header; rupload knows no other scheme than `OAuth`.
fn bearer(host: Host, headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let is_bearer = scheme.eq_ignore_ascii_case("bearer") && !host.takes_files();
    let known = is_bearer || scheme.eq_ignore_ascii_case("oauth");
    known.then(|| token.trim().to_owned())
}

async fn read_upload(
    http: HttpRequest,
    params: &mut Map<String, Value>,
    files: &mut Vec<(String, Bytes)>,
) -> Result<(), GraphError> {
    for name in UPLOAD_HEADERS {
        let value = http.headers().get(name);
        if let Some(value) = value.and_then(|value| value.to_str().ok()) {
            params.insert(name.to_owned(), Value::String(value.to_owned()));
        }
    }
    let body = Bytes::from_request(http, &())
        .await
        .map_err(|_| GraphError::new(1, "Invalid request body"))?;
    files.push(("body".to_owned(), body));
    Ok(())
}

async fn read_body(
    http: HttpRequest,
    params: &mut Map<String, Value>,
    files: &mut Vec<(String, Bytes)>,
) -> Result<(), GraphError> {
    let unreadable = |_| GraphError::new(1, "Invalid request body");
    let kind = http
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let kind = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if kind == "multipart/form-data" {
        let mut parts = Multipart::from_request(http, &())
            .await
            .map_err(|_| GraphError::new(1, "Invalid multipart"))?;
        while let Some(part) = parts
            .next_field()
            .await
            .map_err(|_| GraphError::new(1, "Invalid multipart"))?
        {
            let name = part.name().unwrap_or_default().to_owned();
            let is_file = part.file_name().is_some();
            let bytes = part
                .bytes()
                .await
                .map_err(|_| GraphError::new(1, "Invalid multipart"))?;
            if is_file {
                files.push((name, bytes));
            } else {
                params.insert(
                    name,
                    Value::String(String::from_utf8_lossy(&bytes).into_owned()),
                );
            }
        }
        return Ok(());
    }
    let body = Bytes::from_request(http, &()).await.map_err(unreadable)?;
    if body.is_empty() {
        return Ok(());
    }
    if kind == "application/json" {
        let Ok(Value::Object(object)) = serde_json::from_slice(&body) else {
            return Err(GraphError::parameter(
                "The request body is not a JSON object",
            ));
        };
        params.extend(object);
    } else {
        for (name, value) in url::form_urlencoded::parse(&body).into_owned() {
            params.insert(name, Value::String(value));
        }
    }
    Ok(())
}

fn text_of(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn json_of(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => serde_json::from_str(text).ok(),
        other => Some(other.clone()),
    }
}
