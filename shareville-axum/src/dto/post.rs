//! Posts, as they are shown.

use serde::Serialize;
use serde_json::{Map, Number, Value};
use shareville_core::{
    id::{AccountId, GroupId, PostId, TenantId, UserId},
    post::{self, FirstCommentStatus, Options, Placement, PostStatus},
    posting,
};
use utoipa::ToSchema;

use super::{Failure, Media, Time, input, seconds};
use crate::openapi::words;

/// A post.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Post<'a> {
    #[schema(value_type = Uuid)]
    id: PostId,
    /// Raised by each change; also the `ETag`.
    revision: u64,
    #[schema(value_type = Uuid)]
    client_app_id: TenantId,
    /// The end user, as the website calls them.
    #[schema(value_type = String)]
    user_id: &'a UserId,
    /// The page it goes to: its `id`.
    #[schema(value_type = Uuid)]
    social_page_id: AccountId,
    /// What the posts of one batch have in common.
    #[schema(value_type = Option<Uuid>)]
    group_id: Option<GroupId>,
    caption: Option<&'a str>,
    link: Option<&'a str>,
    media: Vec<Media<'a>>,
    #[schema(value_type = words::Placement)]
    placement: Placement,
    #[schema(value_type = input::PostOptions)]
    options: &'a Options,
    first_comment: Option<&'a str>,
    #[schema(value_type = words::FirstCommentStatus)]
    first_comment_status: FirstCommentStatus,
    #[schema(value_type = words::PostStatus)]
    status: PostStatus,
    scheduled_at: Option<Time>,
    /// The IANA zone of `scheduledLocal`, if it was scheduled by that.
    timezone: Option<&'a str>,
    /// In seconds: how late it may go out at most.
    #[schema(value_type = f64)]
    give_up_after: Option<Number>,
    published_at: Option<Time>,
    /// The platform's own id; null while only its being live is known.
    platform_post_id: Option<&'a str>,
    platform_post_url: Option<&'a str>,
    attempts: u32,
    next_attempt_at: Option<Time>,
    /// What went wrong, or what is waited for.
    error: Option<Failure<'a>>,
    /// `error.message`.
    error_message: Option<&'a str>,
    /// The website's own notes.
    #[schema(value_type = input::AnyObject)]
    metadata: &'a Map<String, Value>,
    created_at: Time,
    updated_at: Time,
}

impl<'a> From<&'a post::Post> for Post<'a> {
    fn from(post: &'a post::Post) -> Self {
        let content = &post.content;
        Self {
            id: post.id,
            revision: post.revision,
            client_app_id: post.tenant,
            user_id: &post.user,
            social_page_id: post.account,
            group_id: post.group,
            caption: content.caption.as_deref(),
            link: content.link.as_deref(),
            media: content.media.iter().map(Media::from).collect(),
            placement: content.placement,
            options: &content.options,
            first_comment: content.first_comment.as_deref(),
            first_comment_status: post.first_comment_status,
            status: post.status,
            scheduled_at: post.scheduled_at.map(Time),
            timezone: post.timezone.as_deref(),
            give_up_after: seconds(post.give_up_after),
            published_at: post.published_at.map(Time),
            platform_post_id: post.published.platform_id.as_deref(),
            platform_post_url: post.published.permalink.as_deref(),
            attempts: post.work.attempts,
            next_attempt_at: post.next_attempt_at().map(Time),
            error: post.failure.as_ref().map(Failure::from),
            error_message: post.failure.as_ref().map(|it| it.message.as_str()),
            metadata: &post.metadata,
            created_at: Time(post.created_at),
            updated_at: Time(post.updated_at),
        }
    }
}

/// Posts that were created together.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Batch<'a> {
    #[schema(value_type = Uuid)]
    group_id: Option<GroupId>,
    data: Vec<Post<'a>>,
}

impl<'a> From<&'a [post::Post]> for Batch<'a> {
    fn from(posts: &'a [post::Post]) -> Self {
        Self {
            group_id: posts.first().and_then(|post| post.group),
            data: posts.iter().map(Post::from).collect(),
        }
    }
}

/// Content that can be made into a post.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Checked {
    /// True: what is wrong is answered with 422.
    ok: bool,
    warnings: Vec<Warning>,
}

/// Something that is not wrong, and worth knowing.
#[derive(Debug, Serialize, ToSchema)]
struct Warning {
    /// A stable word for programs.
    code: String,
    /// For a person.
    message: String,
}

impl From<posting::Checked> for Checked {
    fn from(checked: posting::Checked) -> Self {
        let warnings = checked.warnings.into_iter();
        Self {
            ok: true,
            warnings: warnings
                .map(|posting::Warning { code, message }| Warning { code, message })
                .collect(),
        }
    }
}
