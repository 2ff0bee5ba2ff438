//! What callers may say, as the document shows it. Bodies are read by hand, so that all that is wrong is told at once:
//! these are the shapes of what is read, and a test holds them to the readers.

// Only their shapes are used; and the derive qualifies what needs no qualification.
#![allow(dead_code, unused_qualifications)]

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, OneOfBuilder, Ref, RefOr, Schema, Type, schema::AdditionalProperties,
    },
};
use uuid::Uuid;

use super::AnyTime;
use crate::openapi::words;

/// A client app that is to be made: what may change about one, and its name is needed.
pub(crate) struct NewClientAppInput;

impl PartialSchema for NewClientAppInput {
    fn schema() -> RefOr<Schema> {
        let mut schema = ClientAppInput::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.description = Some("A client app that is to be made.".to_owned());
            object.required.push("name".to_owned());
        }
        schema
    }
}

impl ToSchema for NewClientAppInput {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        ClientAppInput::schemas(schemas);
    }
}

/// What is to change about a client app: what is left out stays as it is, and `null` is what a new one begins with.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct ClientAppInput {
    #[schema(nullable = false, min_length = 1)]
    name: Option<String>,
    /// The website's own, such as `example.org`.
    domain: Option<String>,
    /// Where pages may be from that call with user tokens, such as `https://example.org`.
    allowed_origins: Option<Vec<String>>,
    /// Where end users may be sent after connecting: exact URLs.
    redirect_uris: Option<Vec<String>>,
    facebook_app_id: Option<String>,
    /// Kept sealed and never shown.
    #[schema(write_only)]
    facebook_app_secret: Option<String>,
    instagram_app_id: Option<String>,
    /// Kept sealed and never shown.
    #[schema(write_only)]
    instagram_app_secret: Option<String>,
    /// Where events are sent, by the Standard Webhooks.
    webhook_url: Option<String>,
    /// In seconds: how late a post may go out at most. A day unless told otherwise.
    #[schema(exclusive_minimum = 0, maximum = 2592000)]
    give_up_after: Option<f64>,
    /// While false, its API answers 403 and nothing new is published.
    #[schema(nullable = false)]
    active: Option<bool>,
}

/// An API key that is to be made.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct ApiKeyInput {
    /// For people, to tell keys apart.
    name: Option<String>,
    /// All scopes, unless told otherwise.
    scopes: Option<Vec<words::Scope>>,
    expires_at: Option<AnyTime>,
}

/// Whom a user token is for.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct UserTokenInput {
    /// The end user, as the website calls them: at most 255 bytes.
    #[schema(min_length = 1, max_length = 255)]
    user_id: String,
    /// In seconds: an hour unless told otherwise, at most a day.
    #[schema(exclusive_minimum = 0, maximum = 86400)]
    expires_in: Option<f64>,
}

/// A grant that a redirect brought.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct ConfirmInput {
    /// The `grant` of the redirect; it can be used once.
    grant: String,
    /// Who confirms; with an API key only, a user token says it itself.
    user_id: Option<String>,
}

/// A post that is to be made.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct PostInput {
    /// The end user, who must own the page; with an API key only, a user token says it itself.
    user_id: Option<String>,
    /// The page it goes to, by its `id`.
    #[schema(value_type = Uuid)]
    social_page_id: String,
    caption: Option<String>,
    link: Option<String>,
    media: Option<Vec<MediaOrUrl>>,
    placement: Option<words::Placement>,
    options: Option<PostOptions>,
    /// A comment of the account's own, right below the post.
    first_comment: Option<String>,
    /// When it goes out. Without a time it stays a draft; up to 5 minutes in the past means now.
    scheduled_at: Option<AnyTime>,
    /// The same by the clock of a place: `2026-12-24T18:00:00`, with `timezone`.
    scheduled_local: Option<String>,
    /// An IANA zone, such as `Europe/Berlin`.
    timezone: Option<String>,
    /// In seconds: how late it may go out at most. The client app's own unless told otherwise.
    #[schema(exclusive_minimum = 0, maximum = 2592000)]
    give_up_after: Option<f64>,
    /// The website's own notes.
    metadata: Option<AnyObject>,
}

/// Posts that are to be made together, or none of them.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct BatchInput {
    #[schema(min_items = 1, max_items = 100)]
    posts: Vec<PostInput>,
}

/// What is to change about a post; what is left out stays as it is.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct PostPatchInput {
    caption: Option<String>,
    link: Option<String>,
    media: Option<Vec<MediaOrUrl>>,
    placement: Option<words::Placement>,
    options: Option<PostOptions>,
    first_comment: Option<String>,
    /// Another time; to take a post back altogether, cancel it.
    #[schema(nullable = false)]
    scheduled_at: Option<AnyTime>,
    #[schema(nullable = false)]
    scheduled_local: Option<String>,
    #[schema(nullable = false)]
    timezone: Option<String>,
    #[schema(exclusive_minimum = 0, maximum = 2592000)]
    give_up_after: Option<f64>,
    metadata: Option<AnyObject>,
}

/// When a post is to go out: `scheduledAt`, or `scheduledLocal` and `timezone`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct ScheduleInput {
    scheduled_at: Option<AnyTime>,
    /// By the clock of a place: `2026-12-24T18:00:00`.
    scheduled_local: Option<String>,
    /// An IANA zone, such as `Europe/Berlin`.
    timezone: Option<String>,
}

/// How a post is to be published.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct PublishInput {
    /// Your word, where nobody can know, that the post is not live: you have looked. It is kept with your name.
    confirmed_not_published: Option<bool>,
}

/// Nothing needs to be said.
#[derive(ToSchema)]
pub(crate) struct EmptyInput {}

/// An object with fields of any name.
pub(crate) struct AnyObject;

impl PartialSchema for AnyObject {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .into()
    }
}

impl ToSchema for AnyObject {}

/// A picture or film, or its public URL alone.
pub(crate) struct MediaOrUrl;

impl PartialSchema for MediaOrUrl {
    fn schema() -> RefOr<Schema> {
        let url = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A public URL; its ending tells pictures from films."));
        OneOfBuilder::new()
            .item(url)
            .item(Ref::from_schema_name(MediaInput::name()))
            .into()
    }
}

impl ToSchema for MediaOrUrl {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((MediaInput::name().into(), MediaInput::schema()));
        MediaInput::schemas(schemas);
    }
}

/// A picture or film: give `url` or `mediaId`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct MediaInput {
    /// Told by the URL's ending unless given.
    r#type: Option<words::MediaKind>,
    /// A public address.
    url: Option<String>,
    /// The id of an upload.
    media_id: Option<Uuid>,
    /// What it shows, for those who cannot see it.
    alt_text: Option<String>,
    /// A cover picture for a film.
    thumbnail_url: Option<String>,
    /// Or which of its own pictures is the cover.
    thumbnail_offset_ms: Option<u64>,
    user_tags: Option<Vec<UserTag>>,
}

/// A person marked on a picture.
#[derive(ToSchema)]
pub(crate) struct UserTag {
    /// The person's user name at the platform.
    username: String,
    /// Where from the left, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    x: Option<f64>,
    /// Where from the top, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    y: Option<f64>,
}

/// What only one network knows.
#[derive(ToSchema)]
pub(crate) struct PostOptions {
    facebook: Option<FacebookOptions>,
    instagram: Option<InstagramOptions>,
}

/// What only Facebook knows.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct FacebookOptions {
    /// The Page id of a place.
    place_id: Option<String>,
}

/// What only Instagram knows.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct InstagramOptions {
    /// The Page id of a place.
    location_id: Option<String>,
    /// User names of those invited to co-author.
    collaborators: Option<Vec<String>>,
    /// Whether a Reel shows in the feed too.
    share_to_feed: Option<bool>,
}
