//! What a visitor sees of Instagram in the browser: the accounts, their media and comments.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use maud::{Markup, html};

use crate::serve::Shared;
use crate::style;
use crate::visitor::{REFRESH, nothing_here, remark};
use crate::world::{MediaKind, Medium, VisibleMedia, VisibleMediaFile, World};

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_sandbox/instagram/{account}", get(account))
        .route("/www.instagram.com/{username}", get(profile))
        .route("/www.instagram.com/{username}/", get(profile))
        .route("/www.instagram.com/p/{shortcode}/", get(by_shortcode))
        .route("/www.instagram.com/reel/{shortcode}/", get(by_shortcode))
        .route("/www.instagram.com/stories/{username}/{media}", get(story))
}

/// The accounts, as the sandbox's front page lists them.
pub(crate) fn listed(world: &World) -> Markup {
    html! {
        @if !world.instagram.accounts.is_empty() {
            h1 { "Instagram accounts in this sandbox" }
            ul {
                @for account in world.instagram.accounts.values() {
                    li {
                        a href={ "/_sandbox/instagram/" (account.id) } { "@" (account.username) }
                        span.small { " " (world.media_of(&account.id).count()) " media · " code { (account.id) } }
                    }
                }
            }
        }
    }
}

async fn account(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let found = {
        let world = shared.world();
        let account = world.instagram_account(&id).cloned();
        account.map(|account| (account, world.visible_media_of(&id)))
    };
    let Some((account, media)) = found else {
        return nothing_here();
    };
    let body = html! {
        main {
            p.banner { "Emulation: this is what a visitor of the account would see. " a href="/_sandbox" { "All accounts" } }
            h1 { "@" (account.username) }
            p.small { (account.name) }
            @if media.is_empty() { p { "No posts yet." } }
            @for media in &media { (shown(&account.username, media)) }
        }
    };
    style::page(&account.username, &body, Some(REFRESH)).into_response()
}

async fn profile(State(shared): State<Arc<Shared>>, Path(username): Path<String>) -> Response {
    let id = {
        let world = shared.world();
        let mut accounts = world.instagram.accounts.values();
        let account = accounts.find(|account| account.username == username);
        account.map(|account| account.id.clone())
    };
    match id {
        Some(id) => Redirect::temporary(&format!("/_sandbox/instagram/{id}")).into_response(),
        None => nothing_here(),
    }
}

async fn by_shortcode(
    State(shared): State<Arc<Shared>>,
    Path(shortcode): Path<String>,
) -> Response {
    let id = {
        let world = shared.world();
        let mut media = world.instagram.media.values();
        let media = media.find(|media| media.shortcode() == shortcode);
        media.map(|media| media.id.clone())
    };
    one(&shared, id.as_deref())
}

async fn story(
    State(shared): State<Arc<Shared>>,
    Path((_, id)): Path<(String, String)>,
) -> Response {
    one(&shared, Some(&id))
}

fn one(shared: &Shared, id: Option<&str>) -> Response {
    let found = {
        let world = shared.world();
        let media = id.and_then(|id| world.media(id));
        media.and_then(|media| {
            let account = world.instagram_account(&media.made.account)?;
            Some((account.clone(), world.visible_media(media)))
        })
    };
    let Some((account, media)) = found else {
        return nothing_here();
    };
    let body = html! {
        main {
            p.banner { "Emulation. " a href={ "/_sandbox/instagram/" (account.id) } { "Back to @" (account.username) } }
            (shown(&account.username, &media))
        }
    };
    style::page(&account.username, &body, None).into_response()
}

fn shown(username: &str, media: &VisibleMedia) -> Markup {
    let kind = match media.kind {
        MediaKind::Image => "Photo",
        MediaKind::Carousel => "Carousel",
        MediaKind::Reel => "Reel",
        MediaKind::Story => "Story",
    };
    html! {
        article id=(media.id) {
            strong { "@" (username) }
            @for name in &media.collaborators { " and @" (name) }
            " " span.small { (kind) } " "
            a href=(media.permalink) { time datetime=(media.published_time.to_rfc3339()) { (media.published_time.format("%Y-%m-%d %H:%M:%S UTC")) } }
            div.photos { @for file in &media.files { (file_shown(file)) } }
            @if let Some(caption) = &media.caption { p.text { (caption) } }
            @if let Some(location) = &media.location { p.small { "At " code { (location) } } }
            @if !media.comments.is_empty() {
                ul.comments { @for comment in &media.comments { (remark(comment)) } }
            }
        }
    }
}

fn file_shown(file: &VisibleMediaFile) -> Markup {
    html! {
        figure {
            @match file.medium {
                Medium::Image => { img src=(file.url) alt=(file.alt_text.as_deref().unwrap_or_default()) loading="lazy"; }
                Medium::Video => { p.small { "Video: " code { (file.url) } } }
            }
            @if let Some(alt) = &file.alt_text { figcaption.small { "Alt text: " (alt) } }
            @for tag in &file.user_tags { span.small { " @" (tag.username) } }
        }
    }
}
