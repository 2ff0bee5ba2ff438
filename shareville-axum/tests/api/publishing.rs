//! Publishing on request, waiting for it, and what can be done with what is live.

use std::time::Duration;

use serde_json::{Value, json};
use shareville_core::{
    failure::{Failure, FailureClass},
    post::{Command, Evidence, Published},
};

use crate::world::{Answer, World, committing, publishing};

async fn drafted() -> (World, String) {
    let world = World::new().await;
    let (_, page) = world.connect(&world.key, "u1").await;
    let id = world.draft(&page).await;
    (world, id)
}

async fn publish(world: &World, id: &str, prefer: &str, body: Option<Value>) -> Answer {
    let mut call = world.post(&format!("/posts/{id}/publish")).key(&world.key);
    if !prefer.is_empty() {
        call = call.header("prefer", prefer);
    }
    if let Some(body) = body {
        call = call.json(&body);
    }
    call.send().await
}

/// Fails the post with nobody knowing whether it is live.
async fn lose(world: &World, id: &str) {
    publish(world, id, "", None).await.expect(202);
    let lost = Failure::new(FailureClass::Transient, "lost");
    let mut commands = committing();
    commands.push(Command::Uncertain { failure: lost });
    world.work(id, commands).await;
    // The hour runs from look to look.
    for _ in 0..20 {
        world.clock.advance(Duration::from_secs(300));
        let unclear = Command::Looked(Evidence::Unclear(None));
        world.work(id, vec![unclear]).await;
    }
}

#[tokio::test]
async fn publishing_should_be_accepted_and_safe_to_repeat() {
    let (world, id) = drafted().await;
    let first = publish(&world, &id, "", None).await.expect(202);
    assert_eq!(first.body["status"], "scheduled");
    assert!(first.header("preference-applied").is_empty());
    world.work(&id, committing()).await;
    let again = publish(&world, &id, "", Some(json!({}))).await.expect(202);
    assert_eq!(again.body["status"], "publishing");
    let odd = publish(
        &world,
        &id,
        "",
        Some(json!({"confirmedNotPublished": "yes", "now": 1})),
    )
    .await;
    assert_eq!(
        odd.problem(422, "invalid").wrong(),
        [
            ("/confirmedNotPublished", "type"),
            ("/now", "unknown_field")
        ]
    );
    for verb in ["cancel", "schedule"] {
        let call = world.post(&format!("/posts/{id}/{verb}")).key(&world.key);
        let call = match verb {
            "schedule" => call.json(&json!({"scheduledAt": "2026-03-02T09:00:00Z"})),
            _ => call,
        };
        call.send().await.problem(409, "commit_in_progress");
    }
}

#[tokio::test]
async fn a_wait_should_end_when_the_post_has_settled() {
    let (world, id) = drafted().await;
    let (answer, ()) = tokio::join!(publish(&world, &id, "wait=10", None), async {
        while publish_pending(&world, &id).await {
            tokio::task::yield_now().await;
        }
        world.work(&id, publishing()).await;
    });
    let answer = answer.expect(200);
    assert_eq!(answer.body["status"], "published");
    assert_eq!(answer.body["platformPostId"], "1_2");
    assert_eq!(answer.header("preference-applied"), "wait=10");
    assert_eq!(
        answer.header("etag"),
        format!("\"{}\"", answer.body["revision"])
    );
}

async fn publish_pending(world: &World, id: &str) -> bool {
    let read = world
        .get(&format!("/posts/{id}"))
        .key(&world.key)
        .send()
        .await;
    read.body["status"] == "draft"
}

#[tokio::test]
async fn a_wait_should_end_when_its_time_is_over() {
    let (world, id) = drafted().await;
    let (answer, ()) = tokio::join!(publish(&world, &id, "wait=3600", None), async {
        while publish_pending(&world, &id).await {
            tokio::task::yield_now().await;
        }
        world.clock.advance(Duration::from_secs(60));
    });
    assert_eq!(answer.expect(202).header("preference-applied"), "wait=60");
}

#[tokio::test]
async fn a_key_that_cannot_read_posts_should_publish_without_waiting() {
    let (world, id) = drafted().await;
    let writer = world.scoped_key(&["posts:write"]).await;
    let call = world.post(&format!("/posts/{id}/publish")).key(&writer);
    let answer = call.header("prefer", "wait=10").send().await.expect(202);
    assert!(answer.header("preference-applied").is_empty());
}

#[tokio::test]
async fn a_published_post_should_be_shown_in_the_refusal() {
    let (world, id) = drafted().await;
    publish(&world, &id, "", None).await.expect(202);
    world.work(&id, publishing()).await;
    let refused = publish(&world, &id, "", None)
        .await
        .problem(409, "already_published");
    assert_eq!(refused.body["post"]["id"], id.as_str());
    assert_eq!(refused.body["post"]["platformPostId"], "1_2");
    let cancel = world.post(&format!("/posts/{id}/cancel")).key(&world.key);
    cancel.send().await.problem(409, "not_cancelable");
    let path = format!("/posts/{id}");
    let delete = world.delete(&path).key(&world.key).send().await;
    delete.problem(409, "already_published");
}

#[tokio::test]
async fn what_is_live_should_be_edited_and_deleted_at_the_platform() {
    let (world, id) = drafted().await;
    publish(&world, &id, "", None).await.expect(202);
    world.work(&id, publishing()).await;
    let path = format!("/posts/{id}");
    let patch = |body: Value| world.patch(&path).key(&world.key).json(&body).send();
    let refused = patch(json!({"link": "https://x.example"}))
        .await
        .problem(422, "invalid");
    assert_eq!(refused.wrong(), [("/link", "not_supported_by_platform")]);
    *world.network.lock().await = Some(Failure::new(
        FailureClass::Permission,
        "The Page lacks a right.",
    ));
    patch(json!({"caption": "Cake"}))
        .await
        .problem(409, "permission");
    let edited = patch(json!({"caption": "Cake"})).await.expect(200);
    assert_eq!(edited.body["caption"], "Cake");

    *world.network.lock().await = Some(Failure::new(
        FailureClass::Transient,
        "The platform is down.",
    ));
    let delete = |query: &str| {
        world
            .delete(&format!("{path}?{query}"))
            .key(&world.key)
            .send()
    };
    delete("platform=perhaps").await.problem(400, "bad_query");
    delete("platform=true").await.problem(502, "transient");
    delete("platform=true").await.expect(204);
    let read = world.get(&path).key(&world.key).send().await.expect(200);
    assert_eq!(read.body["status"], "deleted");
}

#[tokio::test]
async fn an_unknown_outcome_should_be_looked_for_and_never_guessed() {
    let (world, id) = drafted().await;
    lose(&world, &id).await;
    let path = format!("/posts/{id}");
    let read = world.get(&path).key(&world.key).send().await.expect(200);
    assert_eq!(read.body["status"], "failed");
    assert_eq!(read.body["error"]["code"], "outcome_unknown");
    assert_eq!(read.body["errorMessage"], read.body["error"]["message"]);
    publish(&world, &id, "", None)
        .await
        .problem(409, "outcome_unknown");
    let edit = world
        .patch(&path)
        .key(&world.key)
        .json(&json!({"caption": "x"}));
    edit.send().await.problem(409, "outcome_unknown");

    *world.evidence.lock().await = Evidence::Live(Published::default());
    let found = publish(&world, &id, "", None).await.expect(200);
    assert_eq!(found.body["status"], "published");
    assert_eq!(found.body["platformPostId"], Value::Null);
}

#[tokio::test]
async fn a_person_may_say_that_it_is_not_published() {
    let (world, id) = drafted().await;
    let confirmed = json!({"confirmedNotPublished": true});
    let early = publish(&world, &id, "", Some(confirmed.clone())).await;
    early.problem(409, "nothing_to_confirm");
    lose(&world, &id).await;
    let again = publish(&world, &id, "", Some(confirmed)).await.expect(202);
    assert_eq!(again.body["status"], "scheduled");
    assert_eq!(again.body["error"], Value::Null);
}

#[tokio::test]
async fn events_should_tell_every_step_newest_first() {
    let (world, id) = drafted().await;
    publish(&world, &id, "", None).await.expect(202);
    world.work(&id, publishing()).await;
    let path = format!("/posts/{id}/events");
    let listed = world.get(&path).key(&world.key).send().await.expect(200);
    let data = listed.body["data"].as_array().unwrap();
    assert_eq!(data[0]["type"], "post.published");
    assert_eq!(data[0]["actor"], json!({"kind": "worker"}));
    assert_eq!(data.last().unwrap()["type"], "post.created");
    let shown = world.get(&format!("/posts/{id}")).key(&world.key);
    let shown = shown.send().await.expect(200);
    assert_eq!(
        data[0]["data"]["post"], shown.body,
        "told in the API's form"
    );
    let names: Vec<&String> = data[0].as_object().unwrap().keys().collect();
    assert_eq!(names, ["actor", "at", "data", "id", "revision", "type"]);
    let first = world
        .get(&format!("{path}?limit=1"))
        .key(&world.key)
        .send()
        .await
        .expect(200);
    assert_eq!(first.body["nextCursor"], data[0]["id"]);
}
