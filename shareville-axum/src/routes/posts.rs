//! Posts.

use axum::{
    Extension, Json,
    extract::OriginalUri,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde_json::Value;
use shareville_core::{
    Error,
    credential::Scope,
    id::{PostId, UserId},
    post::{Post, PostStatus},
    posting::{Answer, Begun, Wanted},
    store::PostFilter,
    violation::Violation,
};
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt as _},
    routes,
};

use super::below;
use crate::{
    Api,
    body::{self, Body, Fields, OptionalBody},
    credential::CallerAuth,
    dto::{self, List, input, post_input},
    etag::{IfMatch, PreferWait, etag},
    idempotency::{Idempotent, Kept, answer},
    openapi::{AtPlatform, Conflict, DeleteQuery, PartQuery, PostsQuery, Stale},
    problem::Problem,
    query::{InAddress, Query},
    whole_body::BodyLimits,
};

/// The routes; `batch` is how much of a batch is taken.
pub(super) fn routes(batch: BodyLimits) -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(create_batch).layer(Extension(batch)))
        .routes(routes!(check))
        .routes(routes!(read, update, remove))
        .routes(routes!(schedule))
        .routes(routes!(publish))
        .routes(routes!(cancel))
        .routes(routes!(events))
}

/// Answers with one post, and its revision as `ETag`.
fn one(post: &Post) -> Response {
    let headers = [(header::ETAG, etag(post.revision))];
    (headers, dto::json(&dto::Post::from(post), 1)).into_response()
}

/// Lists posts.
#[utoipa::path(
    get,
    path = "/posts",
    operation_id = "listPosts",
    params(PostsQuery, PartQuery),
    security(("apiKey" = ["posts:read"])),
    responses((status = 200, description = "Part of them.", body = List<dto::Post<'static>>))
)]
async fn list(auth: CallerAuth, query: Query) -> Result<Response, Problem> {
    let (filter, page) = query.read(|query| {
        let statuses = PostStatus::ALL.map(|status| (status.name(), status));
        let filter = PostFilter {
            user: query.text("userId").map(UserId::new),
            account: query.id("socialPageId"),
            status: query.one_of("status", &statuses),
            group: query.id("groupId"),
            from: query.time("from"),
            to: query.time("to"),
        };
        (filter, query.page())
    })?;
    let posts = auth.posts().list(filter, page).await?;
    Ok(dto::list::<_, dto::Post<'_>>(&posts))
}

/// Reads posts that are to be; of such that are misspelt too, all else that is wrong is told as well.
async fn read_wanted(
    auth: &CallerAuth,
    body: Body,
    read: impl FnOnce(&mut Fields<'_>) -> Option<Wanted> + Send,
) -> Result<Wanted, Problem> {
    let (input, mut wrong) = body.read_leniently(read);
    let Some(input) = input else {
        return Err(Problem::invalid(wrong));
    };
    if wrong.is_empty() {
        return Ok(input);
    }
    match auth.posts().check(&input).await {
        Ok(_) => {}
        Err(Error::Invalid(more)) => {
            // Of content that could not be read whole, nothing can be said about the whole.
            let told = |more: &Violation| {
                let misread = |it: &Violation| is_about_content(it) && of_one_post(it, more);
                is_about_content(more) && wrong.iter().any(misread)
                    || wrong.iter().any(|it| is_within(more, it))
            };
            let more: Vec<_> = more.into_iter().filter(|it| !told(it)).collect();
            wrong.extend(more);
        }
        Err(other) => return Err(other.into()),
    }
    Err(Problem::invalid(wrong))
}

/// The place of a post within a batch, and the rest of the pointer.
fn split(violation: &Violation) -> (&str, &str) {
    let pointer = violation.pointer.as_str();
    match pointer.strip_prefix("/posts/") {
        Some(inner) => inner.split_once('/').unwrap_or((inner, "")),
        None => ("", pointer.trim_start_matches('/')),
    }
}

fn is_within(one: &Violation, other: &Violation) -> bool {
    let rest = one.pointer.strip_prefix(&other.pointer);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn of_one_post(one: &Violation, other: &Violation) -> bool {
    split(one).0 == split(other).0
}

/// Whether it is about what a post says and shows, or about the post as a whole.
fn is_about_content(violation: &Violation) -> bool {
    let first = split(violation).1.split('/').next().unwrap_or_default();
    first.is_empty() || post_input::CONTENT_FIELDS.contains(&first)
}

fn read_one(fields: &mut Fields<'_>) -> Option<Wanted> {
    Some(Wanted::One(Box::new(post_input::read(fields))))
}

fn read_batch(fields: &mut Fields<'_>) -> Option<Wanted> {
    post_input::read_batch(fields).map(Wanted::Batch)
}

/// Creates what a body asks for, once for each idempotency key.
async fn create_once(
    auth: &CallerAuth,
    route: &str,
    Idempotent(key): Idempotent,
    body: Body,
    read: impl FnOnce(&mut Fields<'_>) -> Option<Wanted> + Send,
    kept: impl Fn(&[Post]) -> Kept + Send + Sync,
) -> Result<Response, Problem> {
    let posts = auth.posts();
    let attempt = match key {
        None => None,
        // Before anything is checked, for what the first needed may be gone.
        Some(key) => match posts.begin(&key, body.fingerprint(route)).await? {
            Begun::First(attempt) => Some(attempt),
            Begun::Before(made) => {
                let replayed = true;
                return answer(&Answer { made, replayed });
            }
        },
    };
    let wanted = read_wanted(auth, body, read).await?;
    if attempt.is_none() {
        return kept(&posts.create_all(wanted).await?).answer();
    }
    let made = posts.create_answered(wanted, attempt, |posts| kept(posts).bytes());
    answer(&made.await?)
}

/// Makes a post: a draft, or one that goes out at its time.
#[utoipa::path(
    post,
    path = "/posts",
    operation_id = "createPost",
    params(Idempotent),
    request_body = input::PostInput,
    security(("apiKey" = ["posts:write"])),
    responses(
        (status = 201, description = "It is made.", body = dto::Post<'static>, headers(("Location" = String, description = "Where it is found."), ("ETag" = String, description = "Its revision."), ("Idempotency-Replayed" = String, description = "`true` if this is the first answer again."))),
        Conflict,
    )
)]
async fn create(
    auth: CallerAuth,
    query: Query,
    OriginalUri(uri): OriginalUri,
    key: Idempotent,
    body: Body,
) -> Result<Response, Problem> {
    query.none()?;
    let kept = |posts: &[Post]| match posts {
        [post] => {
            let kept = Kept::new(&dto::Post::from(post));
            kept.found_at(below(&uri, &post.id), &etag(post.revision))
        }
        // One is created.
        _ => Kept::new(&Value::Null),
    };
    create_once(&auth, "POST /posts", key, body, read_one, kept).await
}

/// Makes up to a hundred posts, or none of them.
#[utoipa::path(
    post,
    path = "/posts/batch",
    operation_id = "createPosts",
    params(Idempotent),
    request_body = input::BatchInput,
    security(("apiKey" = ["posts:write"])),
    responses(
        (status = 201, description = "They are made.", body = dto::Batch<'static>, headers(("Idempotency-Replayed" = String, description = "`true` if this is the first answer again."))),
        Conflict,
    )
)]
async fn create_batch(
    auth: CallerAuth,
    query: Query,
    key: Idempotent,
    body: Body,
) -> Result<Response, Problem> {
    query.none()?;
    let kept = |posts: &[Post]| Kept::new(&dto::Batch::from(posts));
    create_once(&auth, "POST /posts/batch", key, body, read_batch, kept).await
}

/// Checks a post as if it were to be made, and makes nothing.
#[utoipa::path(
    post,
    path = "/posts/check",
    operation_id = "checkPost",
    request_body = input::PostInput,
    security(("apiKey" = ["posts:write"])),
    responses((status = 200, description = "It can be made.", body = dto::Checked))
)]
async fn check(auth: CallerAuth, query: Query, body: Body) -> Result<Json<dto::Checked>, Problem> {
    query.none()?;
    let wanted = read_wanted(&auth, body, read_one).await?;
    let checked = auth.posts().check(&wanted).await?;
    Ok(Json(dto::Checked::from(checked)))
}

/// Shows a post.
#[utoipa::path(
    get,
    path = "/posts/{postId}",
    operation_id = "getPost",
    security(("apiKey" = ["posts:read"])),
    responses((status = 200, description = "The post.", body = dto::Post<'static>, headers(("ETag" = String, description = "Its revision."))))
)]
async fn read(
    auth: CallerAuth,
    InAddress(id): InAddress<PostId>,
    query: Query,
) -> Result<Response, Problem> {
    query.none()?;
    Ok(one(&auth.posts().get(id).await?))
}

/// Changes a post; the caption of a published one is changed at the platform, where that can do it.
#[utoipa::path(
    patch,
    path = "/posts/{postId}",
    operation_id = "updatePost",
    params(IfMatch),
    request_body = input::PostPatchInput,
    security(("apiKey" = ["posts:write"])),
    responses(
        (status = 200, description = "The post as it is now.", body = dto::Post<'static>, headers(("ETag" = String, description = "Its revision."))),
        Stale,
        AtPlatform,
    )
)]
async fn update(
    auth: CallerAuth,
    InAddress(id): InAddress<PostId>,
    if_match: IfMatch,
    query: Query,
    body: Body,
) -> Result<Response, Problem> {
    query.none()?;
    let initial = auth.caller.tenant().give_up_after;
    let patch = body.read(|fields| post_input::read_patch(fields, initial))?;
    let posts = auth.posts();
    let update = |target| {
        let patch = patch.clone();
        async move { posts.update(target, |post| patch.clone().of(post)).await }
    };
    Ok(one(&if_match.guard(id, update).await?))
}

/// Deletes a post; one that is published, only with `platform=true`.
#[utoipa::path(
    delete,
    path = "/posts/{postId}",
    operation_id = "deletePost",
    params(IfMatch, DeleteQuery),
    security(("apiKey" = ["posts:write"])),
    responses(
        (status = 204, description = "It is deleted."),
        Stale,
        AtPlatform,
    )
)]
async fn remove(
    auth: CallerAuth,
    InAddress(id): InAddress<PostId>,
    if_match: IfMatch,
    query: Query,
) -> Result<StatusCode, Problem> {
    let at_platform = query.read(|query| query.flag("platform"))?;
    let posts = auth.posts();
    let delete = |target| async move { posts.delete(target, at_platform).await };
    if_match.guard(id, delete).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets a post go out at a time.
#[utoipa::path(
    post,
    path = "/posts/{postId}/schedule",
    operation_id = "schedulePost",
    params(IfMatch),
    request_body = input::ScheduleInput,
    security(("apiKey" = ["posts:write"])),
    responses(
        (status = 200, description = "The post as it is now.", body = dto::Post<'static>, headers(("ETag" = String, description = "Its revision."))),
        Stale,
    )
)]
async fn schedule(
    auth: CallerAuth,
    InAddress(id): InAddress<PostId>,
    if_match: IfMatch,
    query: Query,
    body: Body,
) -> Result<Response, Problem> {
    query.none()?;
    let when = body.require(post_input::read_schedule)?;
    let posts = auth.posts();
    let schedule = |target| {
        let when = when.clone();
        async move { posts.schedule(target, when).await }
    };
    Ok(one(&if_match.guard(id, schedule).await?))
}

/// Calls a post off.
#[utoipa::path(
    post,
    path = "/posts/{postId}/cancel",
    operation_id = "cancelPost",
    params(IfMatch),
    request_body = Option<input::EmptyInput>,
    security(("apiKey" = ["posts:write"])),
    responses(
        (status = 200, description = "The post as it is now.", body = dto::Post<'static>, headers(("ETag" = String, description = "Its revision."))),
        Stale,
    )
)]
async fn cancel(
    auth: CallerAuth,
    InAddress(id): InAddress<PostId>,
    if_match: IfMatch,
    query: Query,
    OptionalBody(body): OptionalBody,
) -> Result<Response, Problem> {
    query.none()?;
    body.read(|_| ())?;
    let posts = auth.posts();
    let cancel = |target| async move { posts.cancel(target).await };
    Ok(one(&if_match.guard(id, cancel).await?))
}

/// Lets a post go out now; one that has failed, again.
///
/// Of one that nobody knows of (`outcome_unknown`), it is looked first whether it is live.
#[utoipa::path(
    post,
    path = "/posts/{postId}/publish",
    operation_id = "publishPost",
    params(IfMatch, PreferWait),
    request_body = Option<input::PublishInput>,
    security(("apiKey" = ["posts:write"])),
    responses(
        (status = 202, description = "The post, which is going out.", body = dto::Post<'static>, headers(("ETag" = String, description = "Its revision."), ("Preference-Applied" = String, description = "How long it was waited."))),
        (status = 200, description = "The post, which has settled.", body = dto::Post<'static>, headers(("ETag" = String, description = "Its revision."), ("Preference-Applied" = String, description = "How long it was waited."))),
        Stale,
        AtPlatform,
    )
)]
async fn publish(
    auth: CallerAuth,
    InAddress(id): InAddress<PostId>,
    if_match: IfMatch,
    Ok(PreferWait(wait)): Result<PreferWait, std::convert::Infallible>,
    query: Query,
    OptionalBody(body): OptionalBody,
) -> Result<Response, Problem> {
    query.none()?;
    let confirmed = body.read(|fields| fields.optional("confirmedNotPublished", body::flag))?;
    let confirmed = confirmed.unwrap_or(false);
    let posts = auth.posts();
    let publish = |target| async move { posts.publish(target, confirmed).await };
    let post = if_match.guard(id, publish).await?;
    // A key that may not read posts cannot watch one settle; a preference may be passed over.
    let Some(wait) = wait.filter(|_| auth.caller.scopes().contains(&Scope::PostsRead)) else {
        let found_live = post.status == PostStatus::Published;
        return Ok((status(found_live), one(&post)).into_response());
    };
    let (post, settled) = posts.settled(id, wait).await?;
    let headers = [("preference-applied", PreferWait::applied(wait))];
    Ok((status(settled), headers, one(&post)).into_response())
}

const fn status(settled: bool) -> StatusCode {
    match settled {
        true => StatusCode::OK,
        false => StatusCode::ACCEPTED,
    }
}

/// Lists each attempt, step, error and wait of a post.
#[utoipa::path(
    get,
    path = "/posts/{postId}/events",
    operation_id = "listPostEvents",
    params(PartQuery),
    security(("apiKey" = ["posts:read"])),
    responses((status = 200, description = "Part of them.", body = List<dto::Event<'static>>))
)]
async fn events(
    auth: CallerAuth,
    InAddress(id): InAddress<PostId>,
    query: Query,
) -> Result<Response, Problem> {
    let page = query.read(Query::page)?;
    let events = auth.posts().events(id, page).await?;
    Ok(dto::list::<_, dto::Event<'_>>(&events))
}
