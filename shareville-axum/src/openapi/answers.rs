//! Answers that are not a success: problem documents, told once for each status.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Value, json};
use utoipa::{
    IntoResponses, ToSchema,
    openapi::{
        Content, Header, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Type,
        path::Operation,
    },
};

use super::Access;
use crate::dto;

/// How every answer looks that is not a success (RFC 9457). More members may come: pass over what you do not know.
#[derive(ToSchema)]
#[allow(dead_code)] // only its shape is used
pub(crate) struct Problem {
    /// A URI that names the kind of problem.
    r#type: String,
    /// The same in words.
    title: String,
    /// The answer's status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong here, and what would be right.
    detail: String,
    /// A stable word for programs.
    code: String,
    /// With 422: all that is wrong, at once.
    errors: Option<Vec<Violation>>,
    /// With 409 from a post: the post as it is.
    post: Option<dto::Post<'static>>,
    /// With 412: the revision that the post has.
    revision: Option<u64>,
    /// What the platform said, where it was the platform.
    error: Option<dto::Failure<'static>>,
}

/// One thing that is wrong.
#[derive(ToSchema)]
#[allow(dead_code)] // only its shape is used
pub(crate) struct Violation {
    /// Where: a JSON pointer into the body.
    pointer: String,
    /// A stable word for programs.
    code: String,
    /// What is wrong, and what would be right.
    message: String,
}

/// One kind of answer: its status, its name among the components, and what it means.
struct Told {
    status: StatusCode,
    name: &'static str,
    description: &'static str,
    code: &'static str,
    detail: &'static str,
}

macro_rules! answers {
    ($($status:ident $name:ident $code:literal $description:literal $detail:literal;)+) => {
        const TOLD: &[Told] = &[$(Told {
            status: StatusCode::$status,
            name: stringify!($name),
            description: $description,
            code: $code,
            detail: $detail,
        },)+];
    };
}

answers! {
    BAD_REQUEST BadRequest "bad_query"
        "The request cannot be read: malformed JSON, or a query or header that is wrong."
        "the query is wrong: `limit` must be a number from 1 to 100";
    UNAUTHORIZED Unauthorized "credential_missing"
        "There is no credential, it is not in force, or it is of the wrong kind; the detail names the right one."
        "there is no credential: send an API key as `X-API-KEY`, or a user token as `Authorization: Bearer`";
    FORBIDDEN Forbidden "missing_scope"
        "The credential may not do this: it lacks the scope, is another user's, or comes from a page that may not use it; or the client app is not active."
        "the API key lacks the scope `posts:write`";
    NOT_FOUND NotFound "not_found"
        "There is no such thing, or it is another's."
        "there is no such post";
    REQUEST_TIMEOUT RequestTimeout "body_too_slow"
        "The body was not whole in time."
        "the body was not whole within 30 seconds: send it again, faster";
    CONFLICT Conflict "commit_in_progress"
        "What things are now does not allow it; of a post, `post` is what it is now."
        "it is being published right now: wait until it has settled";
    PRECONDITION_FAILED PreconditionFailed "stale"
        "The post is not at the revision that `If-Match` names; `revision` is the one it has."
        "somebody changed it meanwhile: read it again";
    PAYLOAD_TOO_LARGE PayloadTooLarge "body_too_large"
        "The body is larger than is taken."
        "the body is larger than the 1048576 bytes that are taken here";
    UNSUPPORTED_MEDIA_TYPE UnsupportedMediaType "unsupported_media_type"
        "The body is not JSON, or does not say so; of an upload: it is no picture and no film, or another than it says."
        "the content type is `text/plain`: send JSON, with `Content-Type: application/json`";
    UNPROCESSABLE_ENTITY Unprocessable "invalid"
        "It is understood, and something in it is wrong: `errors` names all of it."
        "/caption: must have at most 2200 characters";
    TOO_MANY_REQUESTS TooManyRequests "too_many_requests"
        "This credential calls too often, or the platform's limit is reached: wait as `Retry-After` says."
        "this credential may call 10 times a second, and 20 times at once: wait as `Retry-After` says";
    INTERNAL_SERVER_ERROR InternalServerError "internal"
        "Something is broken on the server; its operator finds it in the log by `x-request-id`."
        "something is broken on the server: its operator finds the cause in the log, by this answer's `x-request-id`";
    BAD_GATEWAY BadGateway "transient"
        "The platform did not answer as it should."
        "the platform did not answer as it should, so whether it has acted is not known: ask again";
    SERVICE_UNAVAILABLE ServiceUnavailable "store_unavailable"
        "The store cannot be reached, or the server is shutting down: try again as `Retry-After` says."
        "the store cannot be reached: try again";
}

fn told(status: StatusCode) -> Option<&'static Told> {
    TOLD.iter().find(|told| told.status == status)
}

impl Told {
    fn reference(&self) -> RefOr<Response> {
        Ref::from_response_name(self.name).into()
    }

    fn example(&self) -> Value {
        let Self {
            status,
            code,
            detail,
            ..
        } = self;
        let problem = crate::Problem::new(*status, *code, *detail);
        let mut document = problem.document();
        if *status == StatusCode::UNPROCESSABLE_ENTITY {
            document["errors"] = json!([
                {"pointer": "/caption", "code": "too_long", "message": "must have at most 2200 characters"}
            ]);
        }
        document
    }

    fn response(&self) -> Response {
        let mut content = Content::new(Some(Ref::from_schema_name("Problem")));
        content.example = Some(self.example());
        let mut response = ResponseBuilder::new()
            .description(self.description)
            .content("application/problem+json", content);
        for (name, header) in headers(self.status) {
            response = response.header(name, header);
        }
        response.build()
    }
}

fn header(schema: Type, description: &str) -> Header {
    let mut header = Header::new(ObjectBuilder::new().schema_type(schema));
    header.description = Some(description.to_owned());
    header
}

/// The header that every answer has.
pub(super) fn request_id() -> (&'static str, Header) {
    let description =
        "Names the request: the caller's own, or a new one. The same stands in the logs.";
    ("x-request-id", header(Type::String, description))
}

fn headers(status: StatusCode) -> Vec<(&'static str, Header)> {
    let mut headers = vec![request_id()];
    match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE => {
            let description = "In how many seconds to try again, where that is known.";
            headers.push(("retry-after", header(Type::Integer, description)));
        }
        StatusCode::UNAUTHORIZED => {
            let description = "`Bearer`, whatever the credential.";
            headers.push(("www-authenticate", header(Type::String, description)));
        }
        _ => {}
    }
    headers
}

/// All of them, by their names among the components.
pub(super) fn components() -> impl Iterator<Item = (String, RefOr<Response>)> {
    TOLD.iter()
        .map(|told| (told.name.to_owned(), told.response().into()))
}

fn add(operation: &mut Operation, status: StatusCode) {
    if let Some(told) = told(status) {
        let responses = &mut operation.responses.responses;
        responses
            .entry(status.as_str().to_owned())
            .or_insert_with(|| told.reference());
    }
}

/// Adds what extractors and layers answer, whatever the handler.
pub(super) fn complete(operation: &mut Operation, access: Access) {
    use StatusCode as S;

    let has_body = operation.request_body.is_some();
    let names = operation.parameters.iter().flatten();
    let in_path = names
        .filter_map(|parameter| match parameter {
            RefOr::T(parameter) => Some(parameter),
            RefOr::Ref(_) => None,
        })
        .any(|it| it.parameter_in == utoipa::openapi::path::ParameterIn::Path);
    let secured = access != Access::Everyone;
    for (applies, statuses) in [
        (true, &[S::INTERNAL_SERVER_ERROR][..]),
        (
            secured,
            &[
                S::BAD_REQUEST,
                S::UNAUTHORIZED,
                S::FORBIDDEN,
                S::SERVICE_UNAVAILABLE,
            ],
        ),
        (access.is_counted(), &[S::TOO_MANY_REQUESTS]),
        (in_path, &[S::NOT_FOUND]),
        (
            has_body,
            &[
                S::BAD_REQUEST,
                S::REQUEST_TIMEOUT,
                S::PAYLOAD_TOO_LARGE,
                S::UNSUPPORTED_MEDIA_TYPE,
                S::UNPROCESSABLE_ENTITY,
            ],
        ),
    ] {
        if applies {
            statuses.iter().for_each(|status| add(operation, *status));
        }
    }
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            let (name, header) = request_id();
            response.headers.insert(name.to_owned(), header.into());
        }
    }
}

/// Answers that a handler names beside its successes.
macro_rules! named {
    ($($(#[doc = $doc:literal])+ $name:ident: $($status:ident)+;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug)]
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                [$(StatusCode::$status),+]
                    .into_iter()
                    .filter_map(told)
                    .map(|it| (it.status.as_str().to_owned(), it.reference()))
                    .collect()
            }
        }
    )+};
}

named! {
    /// The handler may find that things are not as they would have to be.
    Conflict: CONFLICT;
    /// The handler heeds `If-Match`.
    Stale: CONFLICT PRECONDITION_FAILED;
    /// The handler refuses what it has no body for.
    Invalid: UNPROCESSABLE_ENTITY;
    /// The handler asks the platform.
    AtPlatform: CONFLICT UNPROCESSABLE_ENTITY TOO_MANY_REQUESTS BAD_GATEWAY;
    /// The handler asks the store for somebody without a credential.
    Unavailable: SERVICE_UNAVAILABLE;
    /// The handler reads what Meta has signed.
    Called: BAD_REQUEST FORBIDDEN REQUEST_TIMEOUT PAYLOAD_TOO_LARGE SERVICE_UNAVAILABLE;
    /// The handler may find that the body names nothing.
    NotThere: NOT_FOUND;
}
