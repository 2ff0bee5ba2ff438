//! End users who are erased.

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_user_should_be_erased_with_all_that_is_theirs() {
    let world = World::new().await;
    let (_, page) = world.connect(&world.key, "u%2F1").await;
    let post = world.draft(&page).await;
    let token = world.user_token("u/1").await;
    let other = world.user_token("u2").await;
    let path = "/users/u%2F1";
    let own = world.delete(path).bearer(&token).send().await;
    own.problem(401, "wrong_credential_kind");
    let weak = world
        .scoped_key(&["connections:write", "posts:write"])
        .await;
    let weak = world.delete(path).key(&weak).send().await;
    weak.problem(403, "missing_scope");
    world.delete(path).send().await.expect(401);

    for _ in 0..2 {
        let erased = world.delete(path).key(&world.key).send().await.expect(204);
        assert_eq!(erased.text, "");
    }
    let gone = world.get("/posts").bearer(&token).send().await;
    gone.problem(401, "credential_unknown");
    world.get("/posts").bearer(&other).send().await.expect(200);
    let gone = world.get(&format!("/posts/{post}")).key(&world.key).send();
    gone.await.problem(404, "not_found");
    for list in ["/posts", "/social/providers?userId=u%2F1"] {
        let listed = world.get(list).key(&world.key).send().await.expect(200);
        assert_eq!(listed.body["data"], json!([]));
    }
    let revoked = world.revoked.lock().await.len();
    assert_eq!(revoked, 1);
    let audit = format!("/client-apps/{}/events", world.app);
    let audit = world.get(&audit).owner("alice").send().await.expect(200);
    assert_eq!(audit.body["data"][0]["type"], "user.erased");
    assert!(!audit.text.contains("u/1"));
}

#[tokio::test]
async fn nobody_should_be_erased_by_a_name_that_cannot_be() {
    let world = World::new().await;
    let path = format!("/users/{}", "u".repeat(256));
    let long = world.delete(&path).key(&world.key).send().await;
    let long = long.problem(422, "invalid");
    assert_eq!(long.wrong(), [("/userId", "out_of_range")]);
    let unknown = world.delete("/users/nobody").key(&world.key).send().await;
    unknown.expect(204);
    let query = world.delete("/users/nobody?force=1").key(&world.key).send();
    query.await.expect(400);
}
