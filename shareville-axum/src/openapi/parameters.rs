//! Parameters of addresses and headers.

use utoipa::{
    IntoParams,
    openapi::{
        KnownFormat, ObjectBuilder, RefOr, Required, SchemaFormat, Type,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn},
    },
};
use uuid::Uuid;

use super::words;
use crate::{
    dto::AnyTime,
    etag::{IfMatch, PreferWait},
    idempotency::Idempotent,
};

/// Adds the parameters that stand in the path itself.
pub(super) fn of_path(path: &str, operation: &mut Operation) {
    let names = path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    for name in names {
        let is_provider = path.ends_with("/connect") || path.ends_with("/callback");
        let uuid = SchemaFormat::KnownFormat(KnownFormat::Uuid);
        let (format, description) = match name {
            "clientAppId" => (Some(uuid), "The client app."),
            "keyId" => (Some(uuid), "The API key: its `apiKeyId`, not its text."),
            "deliveryId" => (Some(uuid), "The delivery."),
            "postId" => (Some(uuid), "The post."),
            "token" => (None, "What the upload's `url` ends with."),
            "code" => (None, "The confirmation code."),
            "connection" if is_provider => (
                None,
                "The provider: `facebook`, `instagram`, or another that the host has.",
            ),
            "connection" => (Some(uuid), "The connection."),
            _ => (None, "The end user, as the website calls them."),
        };
        let mut schema = ObjectBuilder::new()
            .schema_type(Type::String)
            .format(format);
        if is_provider {
            schema = schema.examples(["facebook"]);
        }
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(Some(description))
            .schema(Some(schema))
            .build();
        let parameters = operation.parameters.get_or_insert_default();
        parameters.push(RefOr::T(parameter));
    }
}

fn in_header(name: &str, description: &str, example: &str, pattern: &str) -> Vec<Parameter> {
    let schema = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .examples([example]);
    let parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema));
    vec![parameter.build()]
}

/// A header that always is there.
pub(super) fn required_header(name: &str, description: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = "Change the post only if it is at one of these revisions: ETags as they were given, or `*`.";
        let pattern = r#"^(\*|(W/)?"[^",]*"(, *(W/)?"[^",]*")*)$"#;
        in_header("If-Match", description, "\"3\"", pattern)
    }
}

impl IntoParams for PreferWait {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description =
            "`wait=N`: answer once the post has settled, after at most N seconds (60 at most).";
        in_header("Prefer", description, "wait=5", "^[ -~]+$")
    }
}

impl IntoParams for Idempotent {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = "1 to 255 visible ASCII characters, such as a UUID. The same route, body and key within 24 hours are answered \
                           with the first answer again, and nothing more is made.";
        let example = "0b7f1f6e-6f6e-4a39-9d8e-0a5e6f1c2d3e";
        in_header("Idempotency-Key", description, example, "^[!-~]{1,255}$")
    }
}

/// Which part of a list is wanted.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // only its shape is used
pub(crate) struct PartQuery {
    /// How many at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// The `nextCursor` of an earlier answer.
    cursor: Option<Uuid>,
}

/// Whose connections.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code)] // only its shape is used
pub(crate) struct UserQuery {
    /// Of this end user only, as the website calls them.
    user_id: Option<String>,
}

/// Who uploads.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code)] // only its shape is used
pub(crate) struct UploadQuery {
    /// The end user whose post it is for, as the website calls them; with an API key only, a user token says it itself.
    user_id: Option<String>,
}

/// Which posts.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code)] // only its shape is used
pub(crate) struct PostsQuery {
    /// Of this end user only, as the website calls them.
    user_id: Option<String>,
    /// To this page only, by its `id`.
    social_page_id: Option<Uuid>,
    /// Only those that stand so.
    #[param(inline)]
    status: Option<words::PostStatus>,
    /// Only those of one batch.
    group_id: Option<Uuid>,
    /// No earlier than this, by `publishedAt`, else `scheduledAt`, else `createdAt`.
    #[param(inline)]
    from: Option<AnyTime>,
    /// Earlier than this, by the same time.
    #[param(inline)]
    to: Option<AnyTime>,
}

/// How one is to connect.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code)] // only its shape is used
pub(crate) struct ConnectQuery {
    /// Who connects, as the website calls them; with an API key only, a user token says it itself.
    user_id: Option<String>,
    /// Where they are sent afterwards: one of the client app's `redirectUris`.
    redirect_uri: Option<String>,
    /// Whether the connection must be confirmed as that user before it counts: what comes back is a `grant` then.
    #[param(default = false)]
    confirm: Option<bool>,
}

/// Whether to delete a post at the platform too.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // only its shape is used
pub(crate) struct DeleteQuery {
    /// Delete what is published at the platform first.
    #[param(default = false)]
    platform: Option<bool>,
}

/// What Meta asks when it subscribes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // only its shape is used
pub(crate) struct HubQuery {
    /// `subscribe`.
    #[param(rename = "hub.mode")]
    mode: Option<String>,
    /// What is to be answered.
    #[param(rename = "hub.challenge")]
    challenge: Option<String>,
    /// The client app's `metaVerifyToken`.
    #[param(rename = "hub.verify_token")]
    verify_token: Option<String>,
}

/// What a provider sends back.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // only its shape is used
pub(crate) struct CallbackQuery {
    /// The state that the login began with.
    state: Option<String>,
    /// What the provider gave.
    code: Option<String>,
    /// Or why it gave nothing.
    error: Option<String>,
}
