//! Uploads: taken from who may post, given to whoever knows their address.

use std::{
    collections::HashSet,
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode},
};
use futures::{channel::mpsc, stream};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::world::{Answer, Call, MAX_UPLOAD, ORIGIN, World};

const PNG: &[u8] = b"PNG and all that follows";

/// What is served at an address, with its headers.
struct Served {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Bytes,
}

impl Served {
    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }
}

async fn fetch(world: &World, method: Method, url: &Value, headers: &[(&str, &str)]) -> Served {
    let url = url.as_str().unwrap();
    let path = url.strip_prefix("https://api.example").unwrap();
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    let answer = world.router.clone().oneshot(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    Served {
        status: parts.status,
        headers: parts.headers,
        bytes: to_bytes(body, usize::MAX).await.unwrap(),
    }
}

async fn upload(world: &World, user: &str, bytes: &'static [u8]) -> Answer {
    let path = format!("/media?userId={user}");
    let call = world.post(&path).key(&world.key);
    call.raw("application/octet-stream", bytes).send().await
}

fn nothing_is_kept(world: &World) -> bool {
    world.shelf.kept.lock().unwrap().is_empty()
}

#[tokio::test]
async fn an_upload_should_be_told_of_and_served() {
    let world = World::new().await;
    let token = world.user_token("maria").await;
    let call = world.post("/media").bearer(&token).header("origin", ORIGIN);
    let made = call.raw("image/png", PNG).send().await.expect(201);
    assert_eq!(made.header("access-control-allow-origin"), ORIGIN);
    let fields: Vec<_> = made.body.as_object().unwrap().keys().collect();
    let expected = ["expiresAt", "height", "id", "size", "type", "url", "width"];
    assert_eq!(fields, expected);
    let told = [&made.body["type"], &made.body["size"], &made.body["width"]];
    assert_eq!(told, [&json!("image/png"), &json!(PNG.len()), &json!(3)]);
    assert_eq!(made.body["expiresAt"], "2026-03-02T12:00:00.000000Z");

    let served = fetch(&world, Method::GET, &made.body["url"], &[]).await;
    assert_eq!((served.status, &*served.bytes), (StatusCode::OK, PNG));
    for (name, value) in [
        ("content-type", "image/png"),
        ("content-length", "24"),
        ("accept-ranges", "bytes"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox"),
        ("cache-control", "private, max-age=3600, immutable"),
    ] {
        assert_eq!(served.header(name), value, "{name}");
    }
    let etag = served.header("etag").to_owned();
    let head = fetch(&world, Method::HEAD, &made.body["url"], &[]).await;
    assert_eq!((head.status, head.bytes.len()), (StatusCode::OK, 0));
    assert_eq!(head.header("content-length"), "24");
    assert_eq!(head.header("etag"), etag);
    let seen = [("if-none-match", &*etag)];
    let seen = fetch(&world, Method::GET, &made.body["url"], &seen).await;
    assert_eq!(
        (seen.status, seen.bytes.len()),
        (StatusCode::NOT_MODIFIED, 0)
    );
}

#[tokio::test]
async fn a_part_should_be_served_where_one_is_asked_for() {
    let world = World::new().await;
    let made = upload(&world, "maria", PNG).await.expect(201);
    let url = &made.body["url"];
    let part = fetch(&world, Method::GET, url, &[("range", "bytes=4-6")]).await;
    assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(&*part.bytes, b"and");
    assert_eq!(part.header("content-range"), "bytes 4-6/24");
    assert_eq!(part.header("content-length"), "3");
    let beyond = fetch(&world, Method::GET, url, &[("range", "bytes=24-")]).await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(beyond.header("content-range"), "bytes */24");
    let outdated = [("range", "bytes=4-6"), ("if-range", "\"other\"")];
    let outdated = fetch(&world, Method::GET, url, &outdated).await;
    assert_eq!((outdated.status, &*outdated.bytes), (StatusCode::OK, PNG));
}

#[tokio::test]
async fn what_nobody_was_told_of_should_not_be_found() {
    let world = World::new().await;
    let made = upload(&world, "maria", PNG).await.expect(201);
    let url = made.body["url"].as_str().unwrap();
    for other in [&url[..url.len() - 2], "https://api.example/api/media/x"] {
        let served = fetch(&world, Method::GET, &json!(other), &[]).await;
        assert_eq!(served.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_form_should_be_taken_too() {
    let world = World::new().await;
    let form = |name: &str, kind: &str, content: &str| {
        format!(
            "--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\nContent-Type: {kind}\r\n\r\n{content}\r\n--x--\r\n"
        )
    };
    let send = async |body: String| {
        let call = world.post("/media?userId=maria").key(&world.key);
        call.raw("multipart/form-data; boundary=x", body)
            .send()
            .await
    };
    let made = send(form("file", "image/png", "PNG in a form"))
        .await
        .expect(201);
    assert_eq!(made.body["size"], 13);
    let lie = send(form("file", "video/mp4", "PNG in a form")).await;
    lie.problem(415, "unsupported_media_type");
    let other = send(form("caption", "text/plain", "Fresh")).await;
    assert_eq!(other.expect(422).wrong(), [("/caption", "unknown_field")]);
    let empty = send("--x--\r\n".to_owned()).await;
    assert_eq!(empty.expect(422).wrong(), [("/file", "required")]);
    send("nonsense".to_owned())
        .await
        .problem(400, "malformed_form");
}

/// A form in many pieces that are all there at once, and how many of them were taken.
fn form_at_once(head: &'static str) -> (Body, Arc<AtomicUsize>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    let pieces = (0..4096).map(move |number| {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok::<_, Infallible>(match number {
            0 => Bytes::from_static(head.as_bytes()),
            _ => Bytes::from(vec![b'x'; 8 * 1024]),
        })
    });
    (Body::from_stream(stream::iter(pieces)), taken)
}

#[tokio::test]
async fn no_more_of_a_form_should_be_taken_than_is_used() {
    let world = World::new().await;
    let head = "--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nPNG";
    for (head, status, code) in [
        ("nothing like a form", 400, "malformed_form"),
        (
            "--x\r\nContent-Disposition: form-data; name=\"file",
            400,
            "malformed_form",
        ),
        (head, 413, "media_too_large"),
    ] {
        let (body, taken) = form_at_once(head);
        let call = world.post("/media?userId=maria").key(&world.key);
        let refused = call
            .raw("multipart/form-data; boundary=x", body)
            .send()
            .await;
        refused.problem(status, code);
        let taken = taken.load(Ordering::Relaxed);
        assert!(taken < 20, "{taken} pieces were taken for {head}");
    }
    let reader = world.scoped_key(&["posts:read"]).await;
    let (body, taken) = form_at_once(head);
    let call = world.post("/media?userId=maria").key(&reader);
    let refused = call
        .raw("multipart/form-data; boundary=x", body)
        .send()
        .await;
    refused.problem(403, "missing_scope");
    assert_eq!(taken.load(Ordering::Relaxed), 0);
    assert!(nothing_is_kept(&world));
}

#[tokio::test]
async fn what_is_no_medium_or_another_than_it_says_should_be_refused() {
    let world = World::new().await;
    let send = async |content_type: &str, bytes: &'static str| {
        let call = world.post("/media?userId=maria").key(&world.key);
        call.raw(content_type, bytes).send().await
    };
    let lie = send("image/jpeg", "PNG").await;
    let lie = lie.problem(415, "unsupported_media_type");
    assert!(lie.detail().contains("`image/png`"), "{}", lie.detail());
    let text = send("text/html", "PNG").await;
    text.problem(415, "unsupported_media_type");
    let garbage = send("image/png", "<html>").await;
    garbage.problem(422, "media_unreadable");
    send("image/png", "").await.problem(422, "media_empty");
    assert!(nothing_is_kept(&world));
}

/// A body without a length, in pieces; it breaks off at the end if it is to.
fn coming(pieces: usize, ends: Result<(), &'static str>) -> Body {
    let piece = |number: usize| match number {
        0 => Ok(Bytes::from_static(b"PNG ")),
        _ => Ok(Bytes::from(vec![b'x'; 8 * 1024])),
    };
    let broken = ends.err().map(Err::<Bytes, _>);
    let pieces: Vec<_> = (0..pieces).map(piece).chain(broken).collect();
    Body::from_stream(stream::iter(pieces))
}

#[tokio::test]
async fn what_is_too_large_should_be_refused_whatever_it_says() {
    let world = World::new().await;
    let call = world.post("/media?userId=maria").key(&world.key);
    let announced = vec![b'x'; usize::try_from(MAX_UPLOAD).unwrap() + 1];
    let refused = call.raw("image/png", announced).send().await;
    refused.problem(413, "media_too_large");
    let call = world.post("/media?userId=maria").key(&world.key);
    let refused = call.raw("image/png", coming(20, Ok(()))).send().await;
    refused.problem(413, "media_too_large");
    assert!(nothing_is_kept(&world));
    let call = world.post("/media?userId=maria").key(&world.key);
    let taken = call.raw("image/png", coming(4, Ok(()))).send().await;
    taken.expect(201);
}

#[tokio::test]
async fn an_upload_that_breaks_off_should_leave_nothing() {
    let world = World::new().await;
    for pieces in [0, 1, 4] {
        let call = world.post("/media?userId=maria").key(&world.key);
        let body = coming(pieces, Err("the client is gone"));
        let broken = call.raw("image/png", body).send().await;
        broken.problem(400, "incomplete_body");
    }
    assert!(nothing_is_kept(&world));
    // Nor does it count.
    for _ in 0..2 {
        let call = world.post("/media?userId=maria").key(&world.key);
        let taken = call.raw("image/png", coming(6, Ok(()))).send().await;
        taken.expect(201);
    }
}

#[tokio::test]
async fn a_user_should_have_no_more_than_their_room() {
    let world = World::new().await;
    let send = async |user: &str| {
        let path = format!("/media?userId={user}");
        let call = world.post(&path).key(&world.key);
        call.raw("image/png", coming(7, Ok(()))).send().await
    };
    for user in ["maria", "maria", "jan"] {
        send(user).await.expect(201);
    }
    let over = send("maria").await.problem(422, "media_quota");
    assert!(over.detail().contains("the end user"), "{}", over.detail());
    let over = send("jan").await.problem(422, "media_quota");
    assert!(
        over.detail().contains("the client app"),
        "{}",
        over.detail()
    );
}

#[tokio::test]
async fn what_is_under_way_should_count_for_all_that_it_may_become() {
    let world = World::new().await;
    let send = |body: Body| {
        let call = world.post("/media?userId=maria").key(&world.key);
        Box::pin(call.raw("image/png", body).send())
    };
    // Two bodies without a length, which go on later.
    let (client, body) = mpsc::unbounded::<Result<Bytes, &str>>();
    let (other_client, other_body) = mpsc::unbounded::<Result<Bytes, &str>>();
    let mut first = send(Body::from_stream(body));
    let mut second = send(Body::from_stream(other_body));
    assert!(futures::poll!(first.as_mut()).is_pending());
    assert!(futures::poll!(second.as_mut()).is_pending());
    let over = send(PNG.into()).await.problem(422, "media_quota");
    assert!(over.detail().contains("under way"), "{}", over.detail());
    // Who hangs up gives their room back.
    client.unbounded_send(Err("the client is gone")).unwrap();
    first.await.problem(400, "incomplete_body");
    send(PNG.into()).await.expect(201);
    let png = Ok(Bytes::from_static(PNG));
    other_client.unbounded_send(png).unwrap();
    drop(other_client);
    second.await.expect(201);
}

#[tokio::test]
async fn only_who_may_post_should_upload_and_only_for_themselves() {
    let world = World::new().await;
    let nameless = png(world.post("/media").key(&world.key)).send().await;
    assert_eq!(nameless.expect(422).wrong(), [("/userId", "required")]);
    let token = world.user_token("maria").await;
    let other = png(world.post("/media?userId=jan").bearer(&token))
        .send()
        .await;
    other.problem(403, "other_user");
    let reader = world.scoped_key(&["posts:read"]).await;
    let reader = png(world.post("/media?userId=jan").key(&reader))
        .send()
        .await;
    reader.problem(403, "missing_scope");
    let nobody = png(world.post("/media")).send().await;
    nobody.problem(401, "credential_missing");
    assert!(nothing_is_kept(&world));
}

fn png(call: Call<'_>) -> Call<'_> {
    call.raw("image/png", PNG)
}

fn post_with(page: &str, media: &Value) -> Value {
    json!({"socialPageId": page, "caption": "Look", "media": [media]})
}

#[tokio::test]
async fn a_post_should_name_uploads_of_its_own_user_only() {
    let world = World::new().await;
    let (_, page) = world.connect(&world.key, "maria").await;
    let own = upload(&world, "maria", PNG).await.expect(201).id();
    let others = upload(&world, "jan", PNG).await.expect(201).id();
    let nothing = "01900000-0000-7000-8000-000000000000".to_owned();
    for id in [&others, &nothing] {
        let refused = world
            .create(&post_with(&page, &json!({"mediaId": id})))
            .await;
        let refused = refused.problem(422, "invalid");
        assert_eq!(refused.wrong(), [("/media/0/mediaId", "unknown")]);
    }
    let film = json!({"mediaId": own, "type": "video"});
    let refused = world.create(&post_with(&page, &film)).await.expect(422);
    assert_eq!(refused.wrong(), [("/media/0/type", "other_type")]);
    let made = world
        .create(&post_with(&page, &json!({"mediaId": own})))
        .await;
    let made = made.expect(201);
    assert_eq!(made.body["media"][0]["mediaId"], own.as_str());
    let path = format!("/posts/{}", made.id());
    let change = json!({"media": [{"mediaId": others}]});
    let refused = world
        .patch(&path)
        .key(&world.key)
        .json(&change)
        .send()
        .await;
    assert_eq!(
        refused.expect(422).wrong(),
        [("/media/0/mediaId", "unknown")]
    );
    let change = json!({"caption": "See"});
    let changed = world
        .patch(&path)
        .key(&world.key)
        .json(&change)
        .send()
        .await;
    changed.expect(200);
}

#[tokio::test]
async fn what_a_draft_names_should_stay_and_the_rest_be_swept() {
    let world = World::new().await;
    let (_, page) = world.connect(&world.key, "maria").await;
    let named = upload(&world, "maria", PNG).await.expect(201);
    let unnamed = upload(&world, "maria", PNG).await.expect(201);
    let media = json!({"mediaId": named.id()});
    world.create(&post_with(&page, &media)).await.expect(201);
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(24 * 3600));
        world.shareville.sweep_uploads().await.unwrap();
    }
    let served = fetch(&world, Method::GET, &named.body["url"], &[]).await;
    assert_eq!(served.status, StatusCode::OK);
    let served = fetch(&world, Method::GET, &unnamed.body["url"], &[]).await;
    assert_eq!(served.status, StatusCode::NOT_FOUND);
    assert_eq!(world.shelf.kept.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_erased_should_not_keep_the_rest() {
    let world = World::new().await;
    for _ in 0..110 {
        upload(&world, "maria", PNG).await.expect(201);
    }
    let stuck: HashSet<_> = world.shelf.kept.lock().unwrap().keys().copied().collect();
    world.shelf.stuck.lock().unwrap().clone_from(&stuck);
    for _ in 0..110 {
        upload(&world, "maria", PNG).await.expect(201);
    }
    world.clock.advance(Duration::from_secs(24 * 3600));
    world.shareville.sweep_uploads().await.unwrap_err();
    let left: HashSet<_> = world.shelf.kept.lock().unwrap().keys().copied().collect();
    assert_eq!(left, stuck);
    world.shelf.stuck.lock().unwrap().clear();
    world.shareville.sweep_uploads().await.unwrap();
    assert!(nothing_is_kept(&world));
}

#[tokio::test]
async fn an_erased_user_should_leave_no_upload() {
    let world = World::new().await;
    let gone = upload(&world, "maria", PNG).await.expect(201);
    let kept = upload(&world, "jan", PNG).await.expect(201);
    // What others have left behind is a sweep's business.
    world.clock.advance(Duration::from_secs(24 * 3600));
    let erased = world.delete("/users/maria").key(&world.key).send().await;
    erased.expect(204);
    let served = fetch(&world, Method::GET, &gone.body["url"], &[]).await;
    assert_eq!(served.status, StatusCode::NOT_FOUND);
    let served = fetch(&world, Method::GET, &kept.body["url"], &[]).await;
    assert_eq!(served.status, StatusCode::OK);
    assert_eq!(world.shelf.kept.lock().unwrap().len(), 1);
}
