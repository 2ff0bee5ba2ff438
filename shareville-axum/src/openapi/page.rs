//! A page to read the document by: Swagger UI, out of this program itself, so that it works offline.
//!
//! Only what reads can be tried there: a browser sends an `Origin` with whatever writes, and an API key must not be used
//! from a page.

use std::sync::Arc;

use axum::{
    Router,
    extract::RawPathParams,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use http::{HeaderName, HeaderValue, header};
use utoipa_swagger_ui::{Config, serve};

use crate::{Api, problem::Problem};

/// Nothing is fetched from elsewhere, and no other site may frame it. Swagger UI styles its elements by attributes.
const POLICY: (HeaderName, HeaderValue) = (
    header::CONTENT_SECURITY_POLICY,
    HeaderValue::from_static(
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
    ),
);

/// `/docs`, and the files that it needs below it.
pub(crate) fn routes() -> Router<Api> {
    // Seen from below `/docs/`, wherever that is mounted.
    let config = Config::from("../openapi.json")
        .validator_url("none")
        .supported_submit_methods(["get"])
        .display_request_duration(true)
        .persist_authorization(false);
    let config = Arc::new(config);
    let files = Arc::clone(&config);
    let show = move || std::future::ready(page(&config));
    let send = move |path: RawPathParams| {
        let name = path.iter().next().map_or("", |(_, name)| name);
        std::future::ready(file(name, &files))
    };
    Router::new()
        .route("/docs", get(show))
        .route("/docs/{file}", get(send))
}

/// One of Swagger UI's own files, and its content type.
fn read(name: &str, config: &Arc<Config<'static>>) -> Result<(String, Vec<u8>), Problem> {
    match serve(name, Arc::clone(config)) {
        Ok(Some(file)) => Ok((file.content_type, file.bytes.into_owned())),
        Ok(None) => Err(Problem::not_found("file")),
        Err(error) => {
            tracing::error!(%error, name, "a file of the documentation cannot be served");
            Err(Problem::internal())
        }
    }
}

fn page(config: &Arc<Config<'static>>) -> Result<Response, Problem> {
    let (_, bytes) = read("index.html", config)?;
    let page = String::from_utf8_lossy(&bytes);
    // Its files lie below, though the address has no slash at its end.
    let page = page.replacen("<head>", "<head>\n    <base href=\"docs/\">", 1);
    Ok(([POLICY], Html(page)).into_response())
}

fn file(name: &str, config: &Arc<Config<'static>>) -> Result<Response, Problem> {
    let (content_type, bytes) = read(name, config)?;
    let content_type = HeaderValue::try_from(content_type).map_err(|_| Problem::internal())?;
    // They change with the program only.
    let hour = HeaderValue::from_static("max-age=3600");
    let headers = [
        POLICY,
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, hour),
    ];
    Ok((headers, bytes).into_response())
}
