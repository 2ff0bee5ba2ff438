//! Posts, as they are shown.

use serde::Serialize;
use serde_json::{Map, Number, Value};
use shareville_core::{
    id::{AccountId, GroupId, PostId, TenantId, UserId},
    post::{self, FirstCommentStatus, Options, Placement, PostStatus},
};

use super::{Failure, Media, Time, seconds};

/// A post.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Post<'a> {
    id: PostId,
    revision: u64,
    client_app_id: TenantId,
    user_id: &'a UserId,
    social_page_id: AccountId,
    group_id: Option<GroupId>,
    caption: Option<&'a str>,
    link: Option<&'a str>,
    media: Vec<Media<'a>>,
    placement: Placement,
    options: &'a Options,
    first_comment: Option<&'a str>,
    first_comment_status: FirstCommentStatus,
    status: PostStatus,
    scheduled_at: Option<Time>,
    timezone: Option<&'a str>,
    give_up_after: Option<Number>,
    published_at: Option<Time>,
    platform_post_id: Option<&'a str>,
    platform_post_url: Option<&'a str>,
    attempts: u32,
    next_attempt_at: Option<Time>,
    error: Option<Failure<'a>>,
    error_message: Option<&'a str>,
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
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Batch<'a> {
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
