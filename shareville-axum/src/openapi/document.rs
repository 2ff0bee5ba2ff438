//! The document as a whole.

use std::collections::BTreeMap;

use serde_json::Value;
use url::Url;
use utoipa::{
    PartialSchema as _, ToSchema,
    openapi::{
        AllOf, Components, Content, Info, License, OneOf, OpenApi, Ref, RefOr, Response, Schema,
        Server, Tag,
        path::{HttpMethod, OperationBuilder, PathItem, PathsBuilder},
        request_body::RequestBodyBuilder,
        schema::{AdditionalProperties, ArrayItems},
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
        tag::TagBuilder,
    },
};

use super::{API_KEY, OWNER, USER_TOKEN, answers, parameters};
use crate::dto;

/// What the schemas are called of what callers say.
const SAID: &str = "Input";

/// Fields of answers that are not always there.
const NOT_ALWAYS: [(&str, &str); 6] = [
    ("Actor", "id"),
    ("ClientApp", "webhookSecret"),
    ("Problem", "errors"),
    ("Problem", "post"),
    ("Problem", "revision"),
    ("Problem", "error"),
];

/// Schemas of what both sides say: what is left out is not shown.
const BOTH: [&str; 4] = [
    "FacebookOptions",
    "InstagramOptions",
    "PostOptions",
    "UserTag",
];

const ABOUT: &str = "\
Posts to Facebook Pages that appear exactly once.

Times are RFC 3339, in UTC. Ids are UUIDs. Lists are newest first; `nextCursor` leads to the next part, and stays good \
while more is made. Fields of a body that are not known are refused, so that a typo loses nothing. What is not a success is \
a problem document (RFC 9457), with a stable `code`. Every answer carries `x-request-id`. Browsers on other origins reach \
only what takes a user token. Where calls are counted, answers tell of it by `RateLimit` and `RateLimit-Policy`.";

/// An event, as it is sent to the client app's `webhookUrl`.
#[derive(ToSchema)]
#[schema(as = WebhookEvent)]
#[allow(dead_code)] // only its shape is used
struct Letter {
    #[schema(value_type = super::words::WebhookType)]
    r#type: String,
    /// When it happened.
    timestamp: dto::Time,
    /// The post or connection as it was then, with its `revision`: drop what is older than you have.
    #[schema(value_type = dto::input::AnyObject)]
    data: Value,
}

/// Makes one document of what the routes tell, for an API that is reached at `server`.
pub(crate) fn document(routes: OpenApi, server: &Url) -> OpenApi {
    let mut info = Info::new("Shareville", env!("CARGO_PKG_VERSION"));
    info.description = Some(ABOUT.to_owned());
    info.license = Some(License::new("MIT OR Apache-2.0"));
    let mut document = OpenApi::new(info, routes.paths);
    document.servers = Some(vec![Server::new(server.as_str().trim_end_matches('/'))]);
    document.tags = Some(sections());
    document.webhooks = Some(
        PathsBuilder::new()
            .path("event", PathItem::new(HttpMethod::Post, webhook()))
            .build(),
    );
    document.components = Some(components(routes.components.unwrap_or_default()));
    document
}

/// Adds what the host tells of its own routes.
pub(crate) fn add_paths(document: &mut OpenApi, paths: Value) {
    if paths.is_null() {
        return;
    }
    match serde_json::from_value::<BTreeMap<String, PathItem>>(paths) {
        Ok(paths) => document.paths.paths.extend(paths),
        // The API itself is as good as before.
        Err(error) => {
            tracing::error!(%error, "what the host tells of its own routes is no OpenAPI");
        }
    }
}

fn sections() -> Vec<Tag> {
    let section = |name: &str, about: &str| {
        TagBuilder::new()
            .name(name)
            .description(Some(about))
            .build()
    };
    vec![
        section("Client apps", "Websites and their API keys: their owner's."),
        section(
            "Webhooks",
            "What is sent to a client app, and how it went: its owner's.",
        ),
        section("Credentials", "What a credential may do, and user tokens."),
        section(
            "Connections",
            "End users' logins, and the pages they may post to.",
        ),
        section(
            "Media",
            "Pictures and films that are uploaded, to be named in posts.",
        ),
        section("Posts", "Drafted, scheduled and published, exactly once."),
        section(
            "Meta",
            "What Meta calls, and signs; and the page that a person is led to.",
        ),
        section("Server", "Whether it lives, and what it can do."),
    ]
}

fn webhook() -> OperationBuilder {
    let about = "By the Standard Webhooks: `webhook-id`, `webhook-timestamp` and `webhook-signature: v1,…`, by the client app's webhook \
                 secret. At least once, and in no order.";
    let content = Content::new(Some(Letter::schema()));
    let body = RequestBodyBuilder::new().content("application/json", content);
    let headers = [
        ("webhook-id", "The event: the same for each attempt."),
        (
            "webhook-timestamp",
            "When it was sent, in seconds since 1970.",
        ),
        (
            "webhook-signature",
            "One or two signatures, with a space between them.",
        ),
    ];
    let headers = headers.map(|(name, about)| parameters::required_header(name, about));
    OperationBuilder::new()
        .parameters(Some(headers))
        .tag("Webhooks")
        .operation_id(Some("receiveEvent"))
        .summary(Some("An event that your endpoint receives."))
        .description(Some(about))
        .request_body(Some(body.build()))
        .response(
            "2XX",
            Response::new("Taken. Anything else, and it is sent again for about a day."),
        )
}

fn components(mut components: Components) -> Components {
    // No handler names these: layers and extractors answer with the one, and we call others with the other.
    let mut more = vec![(answers::Problem::name().into(), answers::Problem::schema())];
    answers::Problem::schemas(&mut more);
    Letter::schemas(&mut more);
    components.schemas.extend(more);
    // The file is ours, and a test finds each of its examples in the document.
    let examples: BTreeMap<String, Value> =
        serde_json::from_str(include_str!("examples.json")).unwrap_or_default();
    for (name, schema) in &mut components.schemas {
        if let RefOr::T(schema) = schema {
            shape(name, schema);
            list_by_name(name, schema);
            if let (Schema::Object(object), Some(example)) = (schema, examples.get(name)) {
                object.examples = vec![example.clone()];
            }
        }
    }
    components.responses.extend(answers::components());
    for (name, scheme) in schemes() {
        components.add_security_scheme(name, scheme);
    }
    components
}

/// What callers say is refused where it says more; what we say shows each of its fields, be it null.
fn shape(name: &str, schema: &mut Schema) {
    let object = match schema {
        Schema::Object(object) if !object.properties.is_empty() || name.ends_with(SAID) => object,
        Schema::AllOf(AllOf { items, .. }) | Schema::OneOf(OneOf { items, .. }) => {
            for item in items {
                if let RefOr::T(item) = item {
                    shape(name, item);
                }
            }
            return;
        }
        _ => return,
    };
    if name.ends_with(SAID) || BOTH.contains(&name) {
        object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
    } else {
        let always = object.properties.keys();
        object.required = always
            .filter(|field| !NOT_ALWAYS.contains(&(name, field.as_str())))
            .cloned()
            .collect();
    }
}

/// The items of a list are told elsewhere: utoipa repeats them here.
fn list_by_name(name: &str, schema: &mut Schema) {
    let Some(item) = name.strip_prefix("List_") else {
        return;
    };
    if let Schema::Object(object) = schema
        && let Some(RefOr::T(Schema::Array(data))) = object.properties.get_mut("data")
    {
        data.items = ArrayItems::RefOrSchema(Box::new(Ref::from_schema_name(item).into()));
    }
}

fn schemes() -> [(&'static str, SecurityScheme); 3] {
    let api_key = ApiKey::Header(ApiKeyValue::with_description(
        "X-API-KEY",
        "An API key (`svk_…`), for servers; also taken as `Authorization: Bearer`. Refused from a browser's page. The \
         scopes that an operation needs stand beside it.",
    ));
    let bearer = |about: &str| {
        let mut http = Http::new(HttpAuthScheme::Bearer);
        http.description = Some(about.to_owned());
        SecurityScheme::Http(http)
    };
    [
        (API_KEY, SecurityScheme::ApiKey(api_key)),
        (
            USER_TOKEN,
            bearer(
                "A user token (`svu_…`) from `POST /user-tokens`, for one end user and their pages.",
            ),
        ),
        (
            OWNER,
            bearer(
                "The host's own sign-in; it may be a cookie too. In the reference server it is the `token` of a sign-in (`svs_…`).",
            ),
        ),
    ]
}
