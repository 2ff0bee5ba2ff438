//! In whatever app it is mounted, every answer keeps its form.

use axum::{
    Router,
    body::Body,
    http::{Request, request::Parts},
    routing::get,
};
use serde_json::{Value, json};
use shareville_axum::{NoOwners, RouterOptions, SignIn, SignInError, SignedIn};

use crate::world::{World, ask};

fn request(path: &str) -> Request<Body> {
    Request::builder().uri(path).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn the_process_should_say_that_it_lives_and_can_work() {
    let world = World::new().await;
    for path in ["/health", "/ready"] {
        assert_eq!(
            world.get(path).send().await.expect(200).body["status"],
            "ok"
        );
    }
}

#[tokio::test]
async fn it_should_merge_into_an_app_with_state_and_a_fallback_of_its_own() {
    #[derive(Clone)]
    struct State;

    let world = World::new().await;
    let api = RouterOptions::new()
        .with_fallback(false)
        .router(world.shareville.clone(), NoOwners);
    let app = Router::<State>::new()
        .route("/own", get(async || "own"))
        .fallback(async || "a page of my own")
        .merge(api)
        .with_state(State);
    assert_eq!(ask(app.clone(), request("/health")).await.status, 200);
    let missing = ask(app.clone(), request("/client-apps")).await;
    missing.problem(401, "not_signed_in");
    let created = Request::post("/user-tokens").header("x-api-key", &world.key);
    let created = created.header("content-type", "application/json");
    let created = created.body(Body::from(r#"{"userId":"u"}"#)).unwrap();
    ask(app, created).await.expect(201);
}

#[tokio::test]
async fn unknown_routes_and_methods_should_be_problems() {
    let world = World::new().await;
    world.get("/nowhere").send().await.problem(404, "not_found");
    let wrong = world
        .delete("/posts")
        .send()
        .await
        .problem(405, "method_not_allowed");
    assert_eq!(wrong.header("allow"), "GET,HEAD,POST");
    let wrong = world
        .patch("/client-apps")
        .send()
        .await
        .problem(405, "method_not_allowed");
    assert_eq!(wrong.header("allow"), "GET,HEAD,POST");
    world
        .options("/client-apps")
        .send()
        .await
        .problem(405, "method_not_allowed");
}

#[tokio::test]
async fn a_sane_request_id_should_be_kept_and_another_replaced() {
    let world = World::new().await;
    let kept = world
        .get("/health")
        .header("x-request-id", "abc-1.2:3")
        .send()
        .await;
    assert_eq!(kept.header("x-request-id"), "abc-1.2:3");
    let long = "x".repeat(129);
    for odd in ["", "a b", "{\"a\":1}", &long] {
        let answer = world
            .get("/nowhere")
            .header("x-request-id", odd)
            .send()
            .await;
        assert_ne!(answer.header("x-request-id"), odd);
        assert_eq!(answer.header("x-request-id").len(), 36);
    }
}

#[tokio::test]
async fn a_panic_should_be_a_problem_that_tells_nothing() {
    let world = World::new().await;
    let answer = world.get("/client-apps").owner("panic").send().await;
    answer.problem(500, "internal");
}

#[tokio::test]
async fn a_body_that_is_too_large_should_be_refused() {
    let world = World::new().await;
    let small = RouterOptions::new().with_max_body_bytes(64);
    let app: Router = small.router(world.shareville.clone(), NoOwners);
    let body = json!({"userId": "u".repeat(64)}).to_string();
    let request = Request::post("/user-tokens")
        .header("x-api-key", &world.key)
        .header("content-type", "application/json")
        .body(Body::from(body))
        .unwrap();
    ask(app, request).await.problem(413, "body_too_large");
    let large = "u".repeat(1024 * 1024);
    let body = json!({ "userId": large });
    let answer = world
        .post("/user-tokens")
        .key(&world.key)
        .json(&body)
        .send()
        .await;
    answer.problem(413, "body_too_large");
}

#[tokio::test]
async fn the_document_should_tell_of_the_hosts_own_sign_in() {
    #[derive(Debug)]
    struct Told(Value);

    #[shareville_axum::async_trait]
    impl SignIn for Told {
        async fn owner(&self, _: &Parts) -> Result<Option<SignedIn>, SignInError> {
            Ok(None)
        }

        fn paths(&self) -> Value {
            self.0.clone()
        }
    }

    let world = World::new().await;
    let told = async |paths: Value| {
        let app: Router = RouterOptions::new().router(world.shareville.clone(), Told(paths));
        ask(app, request("/openapi.json")).await.expect(200).body
    };
    let responses = json!({"200": {"description": "Signed in."}});
    let operation = json!({"operationId": "signIn", "responses": responses});
    let more = told(json!({"/auth/sign-in": {"post": operation}})).await;
    let added = &more["paths"]["/auth/sign-in"]["post"];
    assert_eq!(added["operationId"], "signIn");
    assert_eq!(added["responses"], responses);
    assert!(more["paths"]["/posts"].is_object());
    // What is no OpenAPI is left out, and what the router does itself is told all the same.
    let odd = told(json!({"/auth/sign-in": {"post": 7}})).await;
    assert_eq!(odd["paths"].get("/auth/sign-in"), None);
    assert_eq!(odd["paths"]["/posts"], more["paths"]["/posts"]);
}
