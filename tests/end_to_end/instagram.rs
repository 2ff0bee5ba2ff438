//! The first user's way: a picture that a generator has just made, as a PNG and nowhere on the web, to an Instagram account
//! that came by Instagram's own login.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shareville::sandbox::{Consent, demo};
use url::Url;

use crate::support::{REDIRECT, World, text};

const PNG: &[u8] = include_bytes!("../../shareville-media/tests/files/picture.png");

/// Goes through Instagram's dialog; gives the connection's id.
async fn connect(world: &World) -> String {
    let app = json!({"instagramAppId": "990011223344", "instagramAppSecret": "its own secret"});
    let path = format!("/client-apps/{}", world.app);
    let changed = world.owner.call(Method::PATCH, &path, Some(app)).await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    let path = format!("/social/providers/instagram/connect?userId=ada&redirectUri={REDIRECT}");
    let begun = world.api.get(&path).await;
    let dialog = begun["url"].as_str().unwrap();
    assert!(
        dialog.contains("/www.instagram.com/oauth/authorize"),
        "{dialog}"
    );
    let back = world.sandbox.approve(dialog, &Consent::all()).unwrap();
    let landed = world.api.call(Method::GET, &back, None).await;
    assert_eq!(landed.status, StatusCode::FOUND, "{landed:?}");
    let location: Url = landed.headers["location"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let id = location
        .query_pairs()
        .find(|(name, _)| name == "connectionId");
    id.unwrap_or_else(|| panic!("not connected: {location}"))
        .1
        .into_owned()
}

async fn upload(world: &World) -> Value {
    let request = world.api.request(Method::POST, "/media?userId=ada");
    let request = request.header("content-type", "image/png").body(PNG);
    let made = world.api.send(request).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    made.body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_made_a_moment_ago_should_appear_as_a_jpeg_by_instagrams_own_login() {
    let world = World::new().await;
    let connection = connect(&world).await;
    let pages = format!("/social/providers/{connection}/pages");
    let pages = world.api.get(&pages).await;
    let account = &pages["data"][0];
    assert_eq!(account["pageId"], demo::STANDALONE_INSTAGRAM, "{pages:#}");
    assert_eq!(account["canPublish"], true, "{account:#}");
    let made = upload(&world).await;
    let body = json!({
        "caption": "Made by a machine", "firstComment": "What do you think?",
        "media": [{"type": "image", "mediaId": made["id"], "altText": "A teal rectangle"}],
    });
    let id = world.publish(&text(account, "id"), body).await;
    let post = world.api.until_status(&id, "published").await;
    let ended = |post: &Value| post["firstCommentStatus"] != "pending";
    world.api.until(&id, ended).await;
    let seen = world.sandbox.visible_media(demo::STANDALONE_INSTAGRAM);
    assert_eq!(seen.len(), 1, "{seen:#?}");
    assert_eq!(text(&post, "platformPostId"), seen[0].id);
    assert!(post["platformPostUrl"].is_string(), "{post:#}");
    assert_eq!(seen[0].caption.as_deref(), Some("Made by a machine"));
    assert_eq!(seen[0].comments.len(), 1);
    assert_eq!(
        seen[0].files[0].alt_text.as_deref(),
        Some("A teal rectangle")
    );
    // What Instagram was given is no PNG any more.
    let given = reqwest::get(&seen[0].files[0].url).await.unwrap();
    assert_eq!(given.headers()["content-type"], "image/jpeg");
    let jpeg = given.bytes().await.unwrap();
    assert_eq!(jpeg[..3], [0xff, 0xd8, 0xff]);
    let events = world.api.get(&format!("/posts/{id}/events")).await;
    let events = events["data"].as_array().unwrap();
    let told = events
        .iter()
        .filter_map(|event| event["data"]["note"].as_str());
    let told: Vec<_> = told.collect();
    assert!(told.iter().any(|note| note.contains("JPEG")), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_fails_should_be_told_with_what_to_do() {
    let world = World::new().await;
    let connection = connect(&world).await;
    let pages = format!("/social/providers/{connection}/pages");
    let account = text(&world.api.get(&pages).await["data"][0], "id");
    let body = json!({"media": [{"type": "video", "url": "https://gone.invalid/film.mp4"}]});
    let id = world.publish(&account, body).await;
    let post = world.api.until_status(&id, "failed").await;
    assert_eq!(post["error"]["action"], "fix_content", "{post:#}");
    assert_eq!(post["error"]["platform"]["mediaIndex"], 0, "{post:#}");
    assert!(
        world
            .sandbox
            .visible_media(demo::STANDALONE_INSTAGRAM)
            .is_empty()
    );
}
