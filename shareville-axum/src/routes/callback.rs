//! The end user comes back from the provider.

use axum::{
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use secrecy::SecretString;
use shareville_core::{Error, connect::Callback, id::Provider};
use url::form_urlencoded;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{callback_page, wants_page};
use crate::{
    Api,
    openapi::{CallbackQuery, ProblemShape, Unavailable},
    problem::Problem,
    query::InAddress,
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(callback))
}

/// The query here is the provider's: whatever else it says is passed over.
fn read(query: &str) -> Callback {
    let mut callback = Callback::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
        match name.as_str() {
            "state" => callback.state = Some(value),
            "code" => callback.code = Some(SecretString::from(value)),
            "error" => callback.error = Some(value),
            _ => {}
        }
    }
    callback
}

/// Where the provider sends the end user back to.
///
/// The same state and code again, within ten minutes, are answered the same, and nothing more is exchanged.
#[utoipa::path(
    get,
    path = "/social/providers/{connection}/callback",
    operation_id = "finishLogin",
    params(CallbackQuery),
    responses(
        (status = 302, description = "Back to the website, which reads `status` and the rest from its address.", headers(("Location" = String, description = "Where the end user is sent."))),
        (status = 200, description = "There was no `redirectUri`: a page that tells whoever opened it, and closes.", body = String, content_type = "text/html"),
        (
            status = 400,
            description = "No such login is under way, or not any longer. For a person it is a page.",
            content((ProblemShape = "application/problem+json"), (String = "text/html"))
        ),
        Unavailable,
    )
)]
async fn callback(
    State(api): State<Api>,
    InAddress(provider): InAddress<Provider>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let callback = read(query.as_deref().unwrap_or_default());
    let landing = match api.shareville.finish_login(&provider, callback).await {
        Ok(landing) => landing,
        // A person is looking at it.
        Err(Error::BadState) if wants_page(&headers) => {
            let page = callback_page::bad_state(&Error::BadState.to_string());
            return Ok((StatusCode::BAD_REQUEST, page).into_response());
        }
        Err(error) => return Err(error.into()),
    };
    let Some(url) = &landing.redirect else {
        return Ok(callback_page::landed(&landing).into_response());
    };
    let mut location = HeaderValue::try_from(url.as_str()).map_err(|_| Problem::internal())?;
    // It may carry a grant.
    location.set_sensitive(true);
    let headers = [
        (header::LOCATION, location),
        (header::REFERRER_POLICY, callback_page::NO_REFERRER),
    ];
    Ok((StatusCode::FOUND, headers).into_response())
}
