//! The OpenAPI document, and the page to read it by.

use axum::{Router, body::Bytes, routing::get};
use http::header;
use utoipa::openapi::OpenApi;

use crate::Api;

/// `/openapi.json`, and with the feature `docs` the page `/docs`.
pub(super) fn routes(document: &OpenApi) -> Router<Api> {
    // Texts and numbers always are JSON.
    let bytes = Bytes::from(serde_json::to_vec(document).unwrap_or_default());
    let show = move || async move { ([(header::CONTENT_TYPE, "application/json")], bytes) };
    let router = Router::new().route("/openapi.json", get(show));
    #[cfg(feature = "docs")]
    let router = router.merge(crate::openapi::page::routes());
    router
}
