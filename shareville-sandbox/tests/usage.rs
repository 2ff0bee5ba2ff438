//! Usage headers on demand.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use serde_json::{Value, json};
use shareville_sandbox::{Answer, Effect, Fault, Step, Usage, demo};
use support::{APP, Told, app};

fn header(told: &Told, name: &str) -> Value {
    told.headers.get(name).map_or(Value::Null, |value| {
        serde_json::from_slice(value.as_bytes()).unwrap()
    })
}

#[tokio::test]
async fn answers_should_tell_the_usage_that_was_set() {
    let app = app().await;
    let token = app.bakery().await;
    let garden = app.page_token(demo::GARDEN).await;
    app.sandbox.set_usage(Usage::of_app(APP, 91));
    app.sandbox.set_usage(Usage::of_page(demo::BAKERY, 107, 15));
    let told = app.get(demo::BAKERY, &token).await;
    assert_eq!(header(&told, "x-app-usage")["call_count"], 91);
    let page = &header(&told, "x-business-use-case-usage")[demo::BAKERY][0];
    assert_eq!(
        (&page["type"], &page["call_count"]),
        (&json!("pages"), &json!(107))
    );
    assert_eq!(page["estimated_time_to_regain_access"], 15);

    let other = app.get(demo::GARDEN, &garden).await;
    assert_eq!(header(&other, "x-app-usage")["call_count"], 91);
    assert_eq!(header(&other, "x-business-use-case-usage"), Value::Null);
    app.sandbox.set_usage(Usage::of_app(APP, 0));
    let told = app.get(demo::GARDEN, &garden).await;
    assert_eq!(header(&told, "x-app-usage"), Value::Null);
}

#[tokio::test]
async fn answers_of_faults_should_tell_it_too() {
    let app = app().await;
    let token = app.bakery().await;
    let url = format!("{}/_sandbox/usage", app.sandbox.base_url());
    let usage = json!({ "app": APP, "page": demo::BAKERY, "call_count": 80, "minutes": 3 });
    let set = app.http.post(url).json(&usage).send().await.unwrap();
    assert_eq!(set.status(), 204);
    let answer = Answer::code_2();
    app.sandbox
        .arm(Fault::on(Step::PageRead, Effect::Refuse { answer }));
    let told = app.get(demo::BAKERY, &token).await;
    assert_eq!(told.code(), 2);
    assert_eq!(header(&told, "x-app-usage")["call_count"], 80);
    let throttle = Effect::Throttle {
        code: 80_001,
        minutes: 9,
    };
    app.sandbox.arm(Fault::on(Step::PageRead, throttle));
    let told = app.get(demo::BAKERY, &token).await;
    let page = &header(&told, "x-business-use-case-usage")[demo::BAKERY][0];
    assert_eq!(page["estimated_time_to_regain_access"], 9);
}
