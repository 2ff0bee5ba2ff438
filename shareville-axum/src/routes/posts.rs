//! Posts.

use axum::{
    Json, Router,
    extract::OriginalUri,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{StatusCode, header};
use serde_json::{Value, json};
use shareville_core::{
    Error,
    credential::Scope,
    id::{PostId, UserId},
    post::{Post, PostStatus},
    posting::PostInput,
    store::PostFilter,
    violation::Violation,
};

use super::location;
use crate::{
    Api,
    body::{self, Body, OptionalBody},
    credential::CallerAuth,
    dto::{self, post_input},
    etag::{IfMatch, PreferWait, etag},
    problem::Problem,
    query::{InAddress, Query},
};

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/posts", get(list).post(create))
        .route("/posts/check", post(check))
        .route("/posts/{postId}", get(read).patch(update).delete(remove))
        .route("/posts/{postId}/schedule", post(schedule))
        .route("/posts/{postId}/publish", post(publish))
        .route("/posts/{postId}/cancel", post(cancel))
        .route("/posts/{postId}/events", get(events))
}

/// Answers with one post, and its revision as `ETag`.
fn one(post: &Post) -> Response {
    let headers = [(header::ETAG, etag(post.revision))];
    (headers, Json(dto::Post::from(post))).into_response()
}

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

/// Reads a post that is to be; of one that is misspelt too, all else that is wrong is told as well.
async fn read_input(auth: &CallerAuth, body: Body) -> Result<PostInput, Problem> {
    let (input, mut wrong) = body.read_leniently(post_input::read);
    if wrong.is_empty() {
        return Ok(input);
    }
    match auth.posts().check(&input).await {
        Ok(_) => {}
        Err(Error::Invalid(more)) => {
            // Of content that could not be read whole, nothing can be said about the whole.
            let is_misread = wrong.iter().any(is_about_content);
            let is_told = |more: &Violation| {
                is_misread && is_about_content(more)
                    || wrong.iter().any(|it| it.pointer == more.pointer)
            };
            let more: Vec<_> = more.into_iter().filter(|it| !is_told(it)).collect();
            wrong.extend(more);
        }
        Err(other) => return Err(other.into()),
    }
    Err(Problem::invalid(wrong))
}

/// Whether it is about what a post says and shows, or about the post as a whole.
fn is_about_content(violation: &Violation) -> bool {
    let first = violation.pointer.split('/').nth(1).unwrap_or_default();
    first.is_empty() || post_input::CONTENT_FIELDS.contains(&first)
}

async fn create(
    auth: CallerAuth,
    query: Query,
    OriginalUri(uri): OriginalUri,
    body: Body,
) -> Result<Response, Problem> {
    query.none()?;
    let input = read_input(&auth, body).await?;
    let post = auth.posts().create(input).await?;
    let headers = [(header::LOCATION, location(&uri, &post.id)?)];
    Ok((StatusCode::CREATED, headers, one(&post)).into_response())
}

async fn check(auth: CallerAuth, query: Query, body: Body) -> Result<Json<Value>, Problem> {
    query.none()?;
    let input = read_input(&auth, body).await?;
    let checked = auth.posts().check(&input).await?;
    let warnings = checked.warnings.iter();
    let warnings: Vec<Value> = warnings
        .map(|warning| json!({"code": warning.code, "message": warning.message}))
        .collect();
    Ok(Json(json!({"ok": true, "warnings": warnings})))
}

async fn read(
    auth: CallerAuth,
    InAddress(id): InAddress<PostId>,
    query: Query,
) -> Result<Response, Problem> {
    query.none()?;
    Ok(one(&auth.posts().get(id).await?))
}

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

async fn schedule(
    auth: CallerAuth,
    InAddress(id): InAddress<PostId>,
    if_match: IfMatch,
    query: Query,
    body: Body,
) -> Result<Response, Problem> {
    query.none()?;
    let (at, timezone) = body.require(post_input::read_schedule)?;
    let posts = auth.posts();
    let schedule = |target| {
        let timezone = timezone.clone();
        async move { posts.schedule(target, at, timezone).await }
    };
    Ok(one(&if_match.guard(id, schedule).await?))
}

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

async fn events(
    auth: CallerAuth,
    InAddress(id): InAddress<PostId>,
    query: Query,
) -> Result<Response, Problem> {
    let page = query.read(Query::page)?;
    let events = auth.posts().events(id, page).await?;
    Ok(dto::list::<_, dto::Event<'_>>(&events))
}
