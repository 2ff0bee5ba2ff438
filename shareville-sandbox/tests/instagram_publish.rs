//! Publishing to Instagram: containers, media, quotas, on both hosts.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use reqwest::Method;
use serde_json::{Value, json};
use shareville_sandbox::{
    ContainerFailure, ContainerStatus, MediaKind, Medium, Sandbox, Switches, demo,
};
use support::instagram::{Account, CLIP, PHOTO};
use support::{App, Told, app, app_on};

async fn switched(change: impl FnOnce(&mut Switches)) -> App {
    let mut switches = Switches::default();
    change(&mut switches);
    app_on(Sandbox::builder().switches(switches).start().await.unwrap())
}

fn codes(told: &Told) -> (i64, i64) {
    (told.code(), told.subcode())
}

#[tokio::test]
async fn photo_should_appear_once_by_each_way() {
    let app = app().await;
    for account in app.both().await {
        let form = [
            ("image_url", PHOTO),
            ("caption", "Cake #cake"),
            ("alt_text", "A cake"),
            ("collaborators", r#"["bob"]"#),
            ("location_id", "7640348500"),
            ("user_tags", r#"[{"username":"eve","x":0.5,"y":0.25}]"#),
        ];
        let container = account.create(&form).await.text("id");
        let (code, status) = account.status(&container).await;
        assert_eq!(
            (code.as_str(), status.as_str()),
            (
                "IN_PROGRESS",
                "In Progress: Media is still being processed."
            )
        );
        account.finish(&container).await;
        assert_eq!(account.visible(), 0);
        let media = account.publish(&container).await.text("id");
        let (code, status) = account.status(&container).await;
        assert_eq!(code, "PUBLISHED");
        assert!(status.starts_with("Published: "));
        let again = account.publish(&container).await;
        assert_eq!(again.text("id"), media, "a repetition is harmless");
        assert_eq!(account.visible(), 1);

        let seen = &app.sandbox.visible_media(account.id)[0];
        assert_eq!(
            (seen.id.as_str(), seen.kind),
            (media.as_str(), MediaKind::Image)
        );
        assert_eq!(seen.caption.as_deref(), Some("Cake #cake"));
        assert_eq!(seen.collaborators, ["bob"]);
        assert_eq!(seen.location.as_deref(), Some("7640348500"));
        let file = &seen.files[0];
        assert_eq!((file.medium, file.url.as_str()), (Medium::Image, PHOTO));
        assert_eq!(file.alt_text.as_deref(), Some("A cake"));
        assert_eq!(
            (file.user_tags[0].username.as_str(), file.user_tags[0].x),
            ("eve", Some(0.5))
        );
        let read = account
            .get(&format!(
                "{media}?fields=id,caption,permalink,shortcode,timestamp,media_type,media_product_type"
            ))
            .await
            .ok();
        assert_eq!(read["permalink"], seen.permalink);
        assert_eq!(
            (&read["media_type"], &read["media_product_type"]),
            (&json!("IMAGE"), &json!("FEED"))
        );
        let page = app.http.get(&seen.permalink).send().await.unwrap();
        assert!(page.text().await.unwrap().contains("Cake #cake"));
    }
}

#[tokio::test]
async fn reel_should_keep_its_options() {
    let app = app().await;
    let account = app.standalone().await;
    let form = [
        ("media_type", "REELS"),
        ("video_url", CLIP),
        ("caption", "Cake moves"),
        ("cover_url", PHOTO),
        ("thumb_offset", "1500"),
        ("share_to_feed", "true"),
        ("user_tags", r#"[{"username":"eve"}]"#),
    ];
    let container = account.create(&form).await.text("id");
    account.finish(&container).await;
    let media = account.publish(&container).await.text("id");
    let seen = &app.sandbox.visible_media(account.id)[0];
    assert_eq!(
        (seen.kind, seen.thumb_offset, seen.share_to_feed),
        (MediaKind::Reel, Some(1_500), Some(true))
    );
    assert_eq!(seen.cover_url.as_deref(), Some(PHOTO));
    assert!(seen.permalink.contains("/reel/"));
    let read = account
        .get(&format!("{media}?fields=media_type,media_product_type"))
        .await
        .ok();
    assert_eq!(
        (&read["media_type"], &read["media_product_type"]),
        (&json!("VIDEO"), &json!("REELS"))
    );
}

#[tokio::test]
async fn stories_should_be_listed_apart_and_for_a_day() {
    let app = app().await;
    let account = app.standalone().await;
    for (name, url) in [("image_url", PHOTO), ("video_url", CLIP)] {
        let container = account
            .create(&[("media_type", "STORIES"), (name, url)])
            .await
            .text("id");
        account.finish(&container).await;
        account.publish(&container).await.ok();
    }
    let listed = |edge: &str| format!("{}/{edge}?fields=id,media_product_type", account.id);
    let stories = account.get(&listed("stories")).await.ok();
    assert_eq!(stories["data"].as_array().unwrap().len(), 2);
    assert_eq!(stories["data"][0]["media_product_type"], "STORY");
    let feed = account.get(&listed("media")).await.ok();
    assert_eq!(feed["data"], json!([]));
    let both = [
        ("image_url", PHOTO),
        ("video_url", CLIP),
        ("media_type", "STORIES"),
    ];
    assert_eq!(account.create(&both).await.code(), 100);
    let caption = [
        ("image_url", PHOTO),
        ("caption", "x"),
        ("media_type", "STORIES"),
    ];
    assert_eq!(account.create(&caption).await.code(), 100);
    app.hours_pass(24);
    let account = app.standalone().await;
    let stories = account.get(&listed("stories")).await.ok();
    assert_eq!(stories["data"], json!([]));
    assert_eq!(account.visible(), 0);
}

async fn item(account: &Account<'_>, form: &[(&str, &str)]) -> String {
    let mut whole = vec![("is_carousel_item", "true")];
    whole.extend(form);
    let id = account.create(&whole).await.text("id");
    account.finish(&id).await;
    id
}

#[tokio::test]
async fn carousel_should_show_its_parts_in_order() {
    let app = app().await;
    for account in app.both().await {
        let photo = item(&account, &[("image_url", PHOTO), ("alt_text", "A cake")]).await;
        let clip = item(&account, &[("video_url", CLIP), ("media_type", "VIDEO")]).await;
        let children = format!("{photo},{clip}");
        let form = [
            ("media_type", "CAROUSEL"),
            ("children", children.as_str()),
            ("caption", "Two cakes"),
            ("collaborators", r#"["bob"]"#),
        ];
        let parent = account.create(&form).await.text("id");
        assert_eq!(codes(&account.publish(&parent).await), (9_007, 2_207_027));
        account.finish(&parent).await;
        let media = account.publish(&parent).await.text("id");
        let seen = &app.sandbox.visible_media(account.id)[0];
        let media_of: Vec<Medium> = seen.files.iter().map(|file| file.medium).collect();
        assert_eq!(media_of, [Medium::Image, Medium::Video]);
        assert_eq!(seen.files[0].alt_text.as_deref(), Some("A cake"));
        let path = format!("{media}?fields=media_type,children{{media_type,media_url}}");
        let read = account.get(&path).await.ok();
        assert_eq!(read["media_type"], "CAROUSEL_ALBUM");
        assert_eq!(read["children"]["data"][1]["media_type"], "VIDEO");
        assert_eq!(account.visible(), 1, "a part is never seen by itself");
        let whole = account.publish(&photo).await;
        assert_eq!(whole.code(), 100);
    }
}

#[tokio::test]
async fn carousel_should_refuse_what_does_not_fit() {
    let app = app().await;
    let account = app.standalone().await;
    let carousel = async |children: &str| {
        let form = [("media_type", "CAROUSEL"), ("children", children)];
        account.create(&form).await
    };
    let mut items = Vec::new();
    for _ in 0..11 {
        items.push(item(&account, &[("image_url", PHOTO)]).await);
    }
    assert_eq!(codes(&carousel(&items[0]).await), (100, 2_207_028));
    assert_eq!(codes(&carousel(&items.join(",")).await), (100, 2_207_028));
    carousel(&items[1..].join(",")).await.ok();
    carousel(&json!(items[..2]).to_string()).await.ok();
    let whole = account.photo("x").await;
    let mixed = format!("{whole},{}", items[0]);
    assert_eq!(carousel(&mixed).await.code(), 100);
    let form = [("image_url", PHOTO), ("is_carousel_item", "true")];
    let raw = account.create(&form).await.text("id");
    let early = format!("{raw},{}", items[0]);
    assert_eq!(codes(&carousel(&early).await), (9_007, 2_207_027));
    app.sandbox
        .fail_container(&raw, ContainerFailure::Code(2_207_026))
        .unwrap();
    assert_eq!(codes(&carousel(&early).await), (-1, 2_207_032));
    let unknown = format!("17800000000000000,{}", items[0]);
    assert_eq!(codes(&carousel(&unknown).await), (24, 2_207_006));
}

#[tokio::test]
async fn processing_should_take_as_many_reads_as_switched() {
    let app = switched(|switches| switches.container_polls = 3).await;
    let account = app.standalone().await;
    let container = account.create(&[("image_url", PHOTO)]).await.text("id");
    for expected in ["IN_PROGRESS", "IN_PROGRESS", "IN_PROGRESS", "FINISHED"] {
        assert_eq!(account.status(&container).await.0, expected);
    }
    let other = account.create(&[("image_url", PHOTO)]).await.text("id");
    for _ in 0..3 {
        let told = account.publish(&other).await;
        assert_eq!((told.status, codes(&told)), (400, (9_007, 2_207_027)));
        assert_eq!(told.body["error"]["is_transient"], false);
    }
    account.publish(&other).await.ok();
    assert_eq!(account.visible(), 1);
}

#[tokio::test]
async fn container_should_end_as_a_test_says() {
    let app = app().await;
    let account = app.standalone().await;
    let next = ContainerFailure::Code(2_207_076);
    app.sandbox.fail_next_container(account.id, next).unwrap();
    let container = account.create(&[("image_url", PHOTO)]).await.text("id");
    assert_eq!(account.status(&container).await.0, "IN_PROGRESS");
    assert_eq!(
        account.status(&container).await,
        (
            "ERROR".to_owned(),
            "Error: Media upload has failed with error code 2207076".to_owned()
        )
    );
    assert_eq!(
        codes(&account.publish(&container).await),
        (9_007, 2_207_027)
    );
    let healthy = account.photo("x").await;
    let words = "You cannot access the app till you log in to instagram.com";
    app.sandbox
        .fail_container(&healthy, ContainerFailure::Text(words.to_owned()))
        .unwrap();
    assert_eq!(account.status(&healthy).await.1, words);
    app.sandbox
        .fail_container(&healthy, ContainerFailure::Code(2_207_052))
        .unwrap();
    assert!(
        account
            .status(&healthy)
            .await
            .1
            .starts_with("Error: Media download has failed.")
    );
    assert_eq!(account.visible(), 0);
    let records = app.sandbox.containers(account.id);
    assert_eq!(records[0].status_code, ContainerStatus::Error);
    assert_eq!(records[0].app, support::instagram::INSTAGRAM_APP);
}

#[tokio::test]
async fn container_should_expire_after_a_day() {
    let app = app().await;
    let account = app.standalone().await;
    let container = account.photo("x").await;
    app.hours_pass(24);
    assert_eq!(
        account.status(&container).await,
        (
            "EXPIRED".to_owned(),
            "Expired: Media container has expired.".to_owned()
        )
    );
    assert_eq!(codes(&account.publish(&container).await), (24, 2_207_008));
    assert_eq!(account.visible(), 0);
}

#[tokio::test]
async fn second_publish_should_make_a_second_media_if_switched() {
    let app = switched(|switches| switches.media_publish_twice_is_harmless = false).await;
    let account = app.linked().await;
    let container = account.photo("x").await;
    let first = account.publish(&container).await.text("id");
    let second = account.publish(&container).await.text("id");
    assert_ne!(first, second);
    assert_eq!(account.visible(), 2);
}

#[tokio::test]
async fn publishing_should_work_while_container_reads_fail() {
    let app = switched(|switches| switches.container_reads_fail = true).await;
    let account = app.linked().await;
    let container = account.create(&[("image_url", PHOTO)]).await.text("id");
    for _ in 0..2 {
        let told = account
            .get(&format!("{container}?fields=status_code"))
            .await;
        assert_eq!((told.status, codes(&told)), (400, (100, 33)));
        assert_eq!(told.body["error"]["message"], "Authorization Error");
    }
    account.publish(&container).await.ok();
    assert_eq!(account.visible(), 1);
}

async fn quota(account: &Account<'_>) -> Value {
    let path = format!(
        "{}/content_publishing_limit?fields=config,quota_usage",
        account.id
    );
    account.get(&path).await.ok()["data"][0].clone()
}

#[tokio::test]
async fn quota_should_count_a_moving_day() {
    let app = switched(|switches| switches.quota_total = 2).await;
    let account = app.standalone().await;
    let first = account.photo("1").await;
    account.publish(&first).await.ok();
    app.hours_pass(23);
    let second = account.photo("2").await;
    let third = account.photo("3").await;
    let media = account.publish(&second).await.text("id");
    app.sandbox.delete_media(&media).unwrap();
    assert_eq!(
        quota(&account).await,
        json!({ "config": { "quota_total": 2, "quota_duration": 86_400 }, "quota_usage": 2 })
    );
    let bare = account
        .get(&format!("{}/content_publishing_limit", account.id))
        .await
        .ok();
    assert_eq!(bare["data"], json!([{ "quota_usage": 2 }]));
    assert_eq!(codes(&account.publish(&third).await), (9, 2_207_042));
    account.publish(&first).await.ok();
    app.hours_pass(1);
    assert_eq!(quota(&account).await["quota_usage"], 1);
    account.publish(&third).await.ok();
}

#[tokio::test]
async fn four_hundred_containers_should_be_enough_for_a_day() {
    let app = app().await;
    let account = app.standalone().await;
    for _ in 0..400 {
        account.create(&[("image_url", PHOTO)]).await.ok();
    }
    let told = account.create(&[("image_url", PHOTO)]).await;
    assert_eq!(codes(&told), (9, 2_207_042));
    app.hours_pass(24);
    account.create(&[("image_url", PHOTO)]).await.ok();
}

#[tokio::test]
async fn list_should_be_newest_first_with_short_captions() {
    let app = app().await;
    for account in app.both().await {
        let long = "é".repeat(2_100);
        for caption in ["one", "two", &long] {
            let container = account.photo(caption).await;
            account.publish(&container).await.ok();
        }
        let path = format!("{}/media?fields=id,caption,timestamp&limit=2", account.id);
        let listed = account.get(&path).await.ok();
        let captions: Vec<&str> = listed["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|media| media["caption"].as_str().unwrap())
            .collect();
        assert_eq!(captions, ["é".repeat(2_000).as_str(), "two"]);
        let next = listed["paging"]["next"].as_str().unwrap();
        assert!(next.contains(account.host), "{next}");
        let after = listed["paging"]["cursors"]["after"].as_str().unwrap();
        let rest = account.get(&format!("{path}&after={after}")).await.ok();
        assert_eq!(rest["data"].as_array().unwrap().len(), 1);
        assert_eq!(rest["data"][0]["caption"], "one");
    }
}

#[tokio::test]
async fn comments_should_be_written_and_read() {
    let app = app().await;
    for account in app.both().await {
        let container = account.photo("x").await;
        let media = account.publish(&container).await.text("id");
        let path = format!("{media}/comments");
        let first = account.post(&path, &[("message", "Recipe?")]).await;
        app.sandbox
            .comment_on_media(&media, "vi", "Yes please")
            .unwrap();
        let listed = account
            .get(&format!("{path}?fields=id,text,username,timestamp"))
            .await
            .ok();
        assert_eq!(listed["data"][0]["username"], "vi");
        assert_eq!(listed["data"][1]["id"], first.text("id"));
        assert_eq!(listed["data"][1]["text"], "Recipe?");
        let seen = app.sandbox.visible_media(account.id);
        assert_eq!(seen[0].comments.len(), 2);
        assert_eq!(account.post(&path, &[]).await.code(), 100);
    }
}

#[tokio::test]
async fn delete_should_be_for_facebook_login_only() {
    let app = app().await;
    for account in app.both().await {
        let container = account.photo("x").await;
        let media = account.publish(&container).await.text("id");
        let told = account.delete(&media).await;
        if account.host == "graph.facebook.com" {
            told.ok();
            assert_eq!(account.visible(), 0);
            let gone = account.get(&media).await;
            assert_eq!(codes(&gone), (100, 33));
        } else {
            assert_eq!(codes(&told), (100, 33));
            assert_eq!(told.body["error"]["type"], "IGApiException");
            assert_eq!(account.visible(), 1);
        }
    }
}

#[tokio::test]
async fn fresh_media_should_be_hidden_from_reads_for_a_while_if_switched() {
    let app = switched(|switches| switches.read_after_create_lag = 1).await;
    let account = app.standalone().await;
    let container = account.photo("x").await;
    let media = account.publish(&container).await.text("id");
    assert_eq!(codes(&account.get(&media).await), (100, 33));
    account.get(&media).await.ok();
}

#[tokio::test]
async fn video_should_arrive_in_bytes_through_facebook_login() {
    let app = app().await;
    let [own, page] = app.both().await;
    let form = [("media_type", "REELS"), ("upload_type", "resumable")];
    assert_eq!(own.create(&form).await.code(), 100);
    let told = page.create(&form).await.ok();
    let (id, uri) = (told["id"].as_str().unwrap(), told["uri"].as_str().unwrap());
    assert!(uri.contains("/rupload.facebook.com/ig-api-upload/v25.0/"));
    assert_eq!(page.status(id).await.0, "IN_PROGRESS");
    let upload = async |offset: &str, bytes: &'static str| {
        let request = app
            .http
            .post(uri)
            .header("authorization", format!("OAuth {}", page.token))
            .header("offset", offset)
            .header("file_size", "10")
            .body(bytes);
        app.send(request).await
    };
    let short = upload("0", "01234").await;
    assert_eq!(short.body["debug_info"]["type"], "PartialRequestError");
    let wrong = upload("3", "34567").await;
    assert_eq!(wrong.body["debug_info"]["type"], "OffsetInvalidError");
    let whole = upload("5", "56789").await.ok();
    assert_eq!(whole["success"], true);
    page.finish(id).await;
    page.publish(id).await.ok();
    assert_eq!(page.visible(), 1);
    let unsigned = app.http.post(uri).body("x");
    let told = app.send(unsigned).await;
    assert_eq!(told.body["debug_info"]["type"], "ParameterValidationError");
}

#[tokio::test]
async fn another_accounts_container_should_not_be_there() {
    let app = app().await;
    let [own, page] = app.both().await;
    let container = own.photo("x").await;
    assert_eq!(codes(&page.publish(&container).await), (24, 2_207_006));
    let told = page.get(&format!("{container}?fields=status_code")).await;
    assert_eq!(codes(&told), (100, 33));
    let told = app
        .send(page.request(Method::GET, demo::STANDALONE_INSTAGRAM))
        .await;
    assert_eq!(codes(&told), (100, 33));
}
