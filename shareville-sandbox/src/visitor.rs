//! What a visitor sees in the browser: the Pages, their posts, photos and comments.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use maud::{Markup, html};

use crate::instagram;
use crate::serve::Shared;
use crate::style;
use crate::world::{PhotoSource, PostKind, Upload, VisibleComment, VisiblePost, VisibleVideo};

/// How often an open Page loads itself anew, in seconds.
pub(crate) const REFRESH: u32 = 3;

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_sandbox", get(index))
        .route("/_sandbox/pages/{page}", get(page))
        .route("/_sandbox/photos/{photo}", get(photo))
        .route("/_sandbox/videos/{video}", get(video))
        .route("/_sandbox/pictures/{id}", get(picture))
        .route("/www.facebook.com/{first}", get(profile))
        .route("/www.facebook.com/{first}/posts/{post}", get(post))
        .route("/www.facebook.com/{first}/videos/{video}", get(page_video))
        .route("/www.facebook.com/reel/{video}", get(reel))
        .route("/www.facebook.com/stories/{story}", get(story))
}

async fn index(State(shared): State<Arc<Shared>>) -> Markup {
    let (pages, accounts): (Vec<(String, String, usize)>, Markup) = {
        let world = shared.world();
        let row = |page: &crate::world::Page| {
            (
                page.id.clone(),
                page.name.clone(),
                world.visible_posts(&page.id).len(),
            )
        };
        (
            world.pages.values().map(row).collect(),
            instagram::visitor::listed(&world),
        )
    };
    style::page(
        "Sandbox",
        &html! {
            main {
                p.banner { "Emulation of Meta's platform on your own machine. Nothing here is public." }
                h1 { "Pages in this sandbox" }
                ul {
                    @for (id, name, count) in &pages {
                        li { a href={ "/_sandbox/pages/" (id) } { (name) } span.small { " " (count) " posts · " code { (id) } } }
                    }
                }
                (accounts)
                p.small {
                    "For tests: " a href="/_sandbox/calls" { "calls" } ", "
                    a href="/_sandbox/faults" { "faults" } ", " a href="/_sandbox/switches" { "switches" } "."
                }
            }
        },
        Some(REFRESH),
    )
}

async fn page(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let found = {
        let world = shared.world();
        world.pages.get(&id).map(|page| {
            (
                page.name.clone(),
                page.category.clone(),
                world.visible_posts(&id),
            )
        })
    };
    let Some((name, category, posts)) = found else {
        return nothing_here();
    };
    let body = html! {
        main {
            p.banner { "Emulation: this is what a visitor of the Page would see. " a href="/_sandbox" { "All Pages" } }
            h1 { (name) }
            p.small { (category) }
            @if posts.is_empty() { p { "No posts yet." } }
            @for post in &posts { (shown(&name, post)) }
        }
    };
    style::page(&name, &body, Some(REFRESH)).into_response()
}

async fn profile(Path(id): Path<String>) -> Response {
    // `{page}_{number}` is a post's short address.
    match id.split_once('_') {
        Some((page, number)) => {
            Redirect::temporary(&format!("/www.facebook.com/{page}/posts/{number}")).into_response()
        }
        None => Redirect::temporary(&format!("/_sandbox/pages/{id}")).into_response(),
    }
}

async fn post(
    State(shared): State<Arc<Shared>>,
    Path((page, number)): Path<(String, String)>,
) -> Response {
    let id = format!("{page}_{number}");
    alone(&shared, |post| post.id == id)
}

async fn page_video(
    State(shared): State<Arc<Shared>>,
    Path((_, id)): Path<(String, String)>,
) -> Response {
    alone(&shared, |post| shows(post, &id))
}

async fn reel(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    alone(&shared, |post| {
        shows(post, &id) && post.kind == PostKind::Reel
    })
}

async fn story(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    alone(&shared, |post| {
        post.id == id && post.kind == PostKind::Story
    })
}

fn shows(post: &VisiblePost, video: &str) -> bool {
    post.video.as_ref().is_some_and(|shown| shown.id == video)
}

/// The page of the one visible thing that is meant.
fn alone(shared: &Shared, is_meant: impl Fn(&VisiblePost) -> bool) -> Response {
    let found = {
        let world = shared.world();
        world.pages.values().find_map(|page| {
            let mut posts = world.visible_posts(&page.id).into_iter();
            let post = posts.find(|post| is_meant(post))?;
            Some((post, page.name.clone()))
        })
    };
    let Some((post, name)) = found else {
        return nothing_here();
    };
    let page = &post.page;
    let body = html! {
        main {
            p.banner { "Emulation. " a href={ "/_sandbox/pages/" (page) } { "Back to " (name) } }
            (shown(&name, &post))
        }
    };
    style::page(&name, &body, None).into_response()
}

fn shown(page: &str, post: &VisiblePost) -> Markup {
    html! {
        article id=(post.id) {
            strong { (page) } " "
            @if let Some(kind) = label(post.kind) { span.small { (kind) " · " } }
            a href=(post.permalink_url) { time datetime=(post.created_time.to_rfc3339()) { (post.created_time.format("%Y-%m-%d %H:%M:%S UTC")) } }
            @if let Some(message) = &post.message { p.text { (message) } }
            @if let Some(link) = &post.link { p { a href=(link) rel="noreferrer nofollow" { (link) } } }
            @if !post.photos.is_empty() {
                div.photos {
                    @for photo in &post.photos {
                        figure {
                            img src=(photo.url) alt=(photo.alt_text.as_deref().unwrap_or_default()) loading="lazy";
                            @if let Some(alt) = &photo.alt_text { figcaption.small { "Alt text: " (alt) } }
                        }
                    }
                }
            }
            @if let Some(video) = &post.video { (film(video)) }
            @if !post.comments.is_empty() {
                ul.comments { @for comment in &post.comments { (remark(comment)) } }
            }
        }
    }
}

/// What is no ordinary post says what it is.
fn label(kind: PostKind) -> Option<&'static str> {
    match kind {
        PostKind::Post => None,
        PostKind::Video => Some("Video"),
        PostKind::Reel => Some("Reel"),
        PostKind::Story => Some("Story"),
    }
}

fn film(video: &VisibleVideo) -> Markup {
    html! {
        @if let Some(title) = &video.title { p { strong { (title) } } }
        div.photos {
            @if let Some(url) = &video.url { video src=(url) controls preload="none" {} }
        }
        p.small { "Video " code { (video.id) } }
    }
}

pub(crate) fn remark(comment: &VisibleComment) -> Markup {
    html! {
        li.reply[comment.parent.is_some()] { strong { (comment.from_name) } " " span.text { (comment.message) } }
    }
}

async fn photo(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let source = shared
        .world()
        .photos
        .get(&id)
        .map(|photo| photo.source.clone());
    match source {
        Some(PhotoSource::Bytes(bytes, kind)) => {
            ([(header::CONTENT_TYPE, kind)], bytes).into_response()
        }
        Some(PhotoSource::Url(url)) => Redirect::temporary(&url).into_response(),
        None => nothing_here(),
    }
}

async fn video(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let upload = shared.world().video(&id).map(|video| video.upload.clone());
    match upload {
        Some(Upload::Bytes { received, .. }) => {
            ([(header::CONTENT_TYPE, "video/mp4")], received).into_response()
        }
        Some(Upload::Hosted(url)) => Redirect::temporary(&url).into_response(),
        Some(Upload::Missing | Upload::Failed) | None => nothing_here(),
    }
}

/// Everybody's picture: a coloured square, its colour from the id.
async fn picture(Path(id): Path<String>) -> Response {
    let hue = id
        .bytes()
        .fold(7_u32, |sum, byte| (sum * 31 + u32::from(byte)) % 360);
    let svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="50" height="50"><rect width="50" height="50" rx="8" fill="hsl({hue} 60% 55%)"/></svg>"#
    );
    ([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response()
}

pub(crate) fn nothing_here() -> Response {
    let body = html! {
        main.card { h1 { "This content isn't available" } p { "It was never published, was deleted, or never existed." } a href="/_sandbox" { "All Pages" } }
    };
    (
        StatusCode::NOT_FOUND,
        style::page("Not available", &body, None),
    )
        .into_response()
}
