//! Calls run out: what is withheld, for whom, and for how long.

use std::time::Duration;

use serde_json::{Value, json};
use shareville_core::{
    clock::{Deadline, later},
    connector::Connector as _,
    failure::{Failure, FailureClass, LimitScope},
    post::{Content, Evidence, Published},
    publisher::{CommentEvidence, Commented, Committed, Job, Prepared, Publisher as _},
    tenant::App,
};
use shareville_meta::{FacebookLogin, FacebookPages, Graph, LoginConfig};
use wiremock::ResponseTemplate;

use crate::support::{
    Meta, PAGE, POST, USER_TOKEN, app, graph_error, job, now, on, published, ready,
};

const APP_USAGE: &str = "x-app-usage";
const BUSINESS_USAGE: &str = "x-business-use-case-usage";

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(10))
}

fn text() -> Job {
    job(Content::text("Hello"))
}

/// The same, as another app's.
fn of_other_app(mut job: Job) -> Job {
    job.access.app = App {
        id: "999".to_owned(),
        ..app()
    };
    job
}

fn app_usage(percent: u32) -> (&'static str, String) {
    let usage = format!(r#"{{"call_count":{percent},"total_time":1,"total_cputime":1}}"#);
    (APP_USAGE, usage)
}

fn page_usage(id: &str, percent: u32, minutes: u32) -> (&'static str, String) {
    let gauge = json!([{ "type": "pages", "call_count": percent, "estimated_time_to_regain_access": minutes }]);
    (BUSINESS_USAGE, json!({ id: gauge }).to_string())
}

/// Answers a commit, and says how much is used.
async fn says(meta: &Meta, (header, usage): (&str, String), answer: (u16, Value)) {
    let (status, body) = answer;
    let answer = ResponseTemplate::new(status)
        .insert_header(header, usage.as_str())
        .set_body_json(body);
    let commit = on("POST", &format!("/{POST}")).respond_with(answer);
    commit
        .up_to_n_times(1)
        .with_priority(1)
        .mount(&meta.server)
        .await;
}

/// One post of the job's, after which this is how much is used.
async fn used(meta: &Meta, pages: &FacebookPages, usage: (&str, String)) {
    says(meta, usage, (200, json!({ "success": true }))).await;
    let committed = pages.commit(&text(), &ready(&text()), soon()).await;
    assert!(matches!(committed, Committed::Live(_)), "{committed:?}");
}

/// All further calls work.
async fn willing(meta: &Meta) {
    meta.on(
        "POST",
        &format!("/{POST}"),
        (200, json!({ "success": true })),
    )
    .await;
    meta.on(
        "POST",
        &format!("/{PAGE}/feed"),
        (200, json!({ "id": POST })),
    )
    .await;
}

async fn commit(pages: &FacebookPages, job: &Job) -> Result<(), Failure> {
    match pages.commit(job, &ready(job), soon()).await {
        Committed::Live(_) => Ok(()),
        // Nothing was sent, so nothing needs to be looked up.
        Committed::Refused(failure) => Err(failure),
        other => panic!("{other:?}"),
    }
}

async fn prepare(pages: &FacebookPages, job: &Job) -> Result<(), Failure> {
    match pages.prepare(job, None).await {
        Prepared::Ready(_) => Ok(()),
        Prepared::Failed { failure, .. } => Err(failure),
        other => panic!("{other:?}"),
    }
}

fn limited(outcome: Result<(), Failure>) -> Option<(LimitScope, Duration)> {
    let failure = outcome.err()?;
    let FailureClass::RateLimited { until, scope } = failure.class else {
        panic!("{failure}");
    };
    assert!(failure.platform.is_none(), "the platform was not asked");
    assert!(failure.message.contains("was not made"), "{failure}");
    Some((scope, (until.unwrap() - now()).to_std().unwrap()))
}

#[tokio::test]
async fn an_exhausted_app_should_send_nothing_and_say_until_when() {
    let meta = Meta::start().await;
    willing(&meta).await;
    let pages = meta.pages();
    used(&meta, &pages, app_usage(100)).await;
    let five_minutes = Duration::from_secs(300);
    for outcome in [
        commit(&pages, &text()).await,
        prepare(&pages, &text()).await,
    ] {
        assert_eq!(limited(outcome), Some((LimitScope::App, five_minutes)));
    }
    let commented = pages.comment(&published(with_comment()), soon()).await;
    assert!(matches!(commented, Commented::Refused(_)), "{commented:?}");
    assert_eq!(meta.requests().await.len(), 1);

    // Nobody says when it is over: so it is tried after a while.
    meta.clock.set(later(now(), five_minutes));
    assert_eq!(commit(&pages, &text()).await, Ok(()));
}

#[tokio::test]
async fn at_ninety_percent_only_commits_should_go_on() {
    let meta = Meta::start().await;
    willing(&meta).await;
    let pages = meta.pages();
    used(&meta, &pages, app_usage(90)).await;
    assert!(prepare(&pages, &text()).await.is_err());
    assert_eq!(commit(&pages, &text()).await, Ok(()));

    let meta = Meta::start().await;
    willing(&meta).await;
    let pages = meta.pages();
    used(&meta, &pages, app_usage(89)).await;
    assert_eq!(prepare(&pages, &text()).await, Ok(()));
}

#[tokio::test]
async fn a_look_should_go_on_as_long_as_commits_do() {
    let since = now();
    for (percent, goes_on) in [(99, true), (100, false)] {
        let meta = Meta::start().await;
        let pages = meta.pages();
        used(&meta, &pages, app_usage(percent)).await;
        meta.on("GET", &format!("/{POST}"), (400, graph_error(100, 33)))
            .await;
        let list = json!({ "data": [{ "id": POST }] });
        meta.on("GET", &format!("/{PAGE}/published_posts"), (200, list))
            .await;
        let looked = pages.look(&text(), &ready(&text()), since).await;
        assert_eq!(
            matches!(looked, Ok(Evidence::Live(_))),
            goes_on,
            "{looked:?}"
        );
        assert_eq!(looked.is_err(), !goes_on, "{looked:?}");
    }
}

fn with_comment() -> Job {
    let mut content = Content::text("Hello");
    content.first_comment = Some("First!".to_owned());
    job(content)
}

#[tokio::test]
async fn at_seventy_five_percent_what_nobody_misses_should_be_left_out_without_a_pause() {
    let meta = Meta::start().await;
    willing(&meta).await;
    let pages = meta.pages();
    used(&meta, &pages, app_usage(75)).await;
    let job = published(with_comment());
    let seen = Published {
        platform_id: Some(POST.to_owned()),
        permalink: None,
    };
    let address = pages.permalink(&job, &seen, soon()).await;
    assert_eq!(address, Some(meta.address_of(POST)));
    let found = pages.look_for_comment(&job, now()).await;
    assert_eq!(found, Ok(CommentEvidence::Unclear));
    assert_eq!(meta.requests().await.len(), 1);
    assert_eq!(prepare(&pages, &text()).await, Ok(()));
}

#[tokio::test]
async fn an_account_should_rest_as_long_as_the_platform_says_and_alone() {
    let meta = Meta::start().await;
    willing(&meta).await;
    meta.on("POST", "/2000/feed", (200, json!({ "id": "2000_1" })))
        .await;
    let pages = meta.pages();
    // On an answer that is an error, too.
    says(&meta, page_usage(PAGE, 20, 30), (400, graph_error(32, 0))).await;
    let committed = pages.commit(&text(), &ready(&text()), soon()).await;
    assert!(matches!(committed, Committed::Refused(_)), "{committed:?}");
    let half_an_hour = Duration::from_secs(1800);
    let outcome = commit(&pages, &text()).await;
    assert_eq!(limited(outcome), Some((LimitScope::Account, half_an_hour)));

    let mut other = text();
    let account = std::sync::Arc::make_mut(&mut other.account);
    account.platform_id = "2000".to_owned();
    assert_eq!(prepare(&pages, &other).await, Ok(()));

    meta.clock.set(later(now(), half_an_hour));
    assert_eq!(commit(&pages, &text()).await, Ok(()));
}

#[tokio::test]
async fn one_tenants_exhausted_app_should_not_slow_anothers() {
    let meta = Meta::start().await;
    willing(&meta).await;
    let pages = meta.pages();
    used(&meta, &pages, app_usage(140)).await;
    assert!(commit(&pages, &text()).await.is_err());
    assert_eq!(commit(&pages, &of_other_app(text())).await, Ok(()));
}

#[tokio::test]
async fn clones_of_a_client_should_heed_together_what_one_of_them_hears() {
    let meta = Meta::start().await;
    willing(&meta).await;
    let graph: Graph = meta.graph_with(meta.config());
    let login = FacebookLogin::new(graph.clone(), LoginConfig::new());
    let pages = FacebookPages::new(graph);
    used(&meta, &pages, app_usage(95)).await;
    let failure = login.revoke(&app(), &USER_TOKEN.into()).await.unwrap_err();
    assert!(limited(Err(failure)).is_some());
    // Another client knows nothing of it.
    let other = meta.pages();
    assert_eq!(prepare(&other, &text()).await, Ok(()));
}

#[tokio::test]
async fn a_malformed_header_should_change_nothing() {
    for usage in ["", "{", "[]", "null", r#"{"call_count":"lots"}"#, "100"] {
        for header in [APP_USAGE, BUSINESS_USAGE] {
            let meta = Meta::start().await;
            willing(&meta).await;
            let pages = meta.pages();
            used(&meta, &pages, (header, usage.to_owned())).await;
            assert_eq!(prepare(&pages, &text()).await, Ok(()), "{header}: {usage}");
            // Nor does it take back what is known.
            used(&meta, &pages, app_usage(99)).await;
            used(&meta, &pages, (header, usage.to_owned())).await;
            assert!(prepare(&pages, &text()).await.is_err(), "{header}: {usage}");
        }
    }
}
