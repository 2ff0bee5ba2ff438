//! Every post ends, and rightly: what reviews of the engine and of the service have found.

use std::time::Duration;

use shareville_core::{
    Error, Settings,
    connect::LandingStatus,
    credential::Scope,
    failure::{FailureClass, LimitScope},
    id::Provider,
    post::{FirstCommentStatus, PostStatus, Repeat},
    tenancy::{NewApiKey, TenantInput},
    testing::network::{Call, Fault, Manners, granted},
};

use crate::stage::{Stage, limited, with_comment};

const HOUR: u64 = 3600;

async fn uncertain(repeat: Repeat, fault: Fault) -> (Stage, shareville_core::post::Post) {
    let manners = Manners {
        repeat,
        ..Manners::default()
    };
    let stage = Stage::set(manners, Settings::default()).await;
    let account = stage.account().await;
    stage.network.on(Call::Commit, 1, fault);
    let post = stage.post(&account).await;
    stage.tick_all().await;
    (stage, post)
}

#[tokio::test]
async fn a_live_post_should_be_found_however_long_the_server_was_down() {
    for hours in [3, 25, 72] {
        let (stage, post) = uncertain(Repeat::Proven, Fault::ActAndLoseAnswer).await;
        stage.pass(hours * HOUR);
        stage.tick_all().await;
        let post = stage.read(post.id).await;
        assert_eq!(
            post.status,
            PostStatus::Published,
            "{hours} h: {:?}",
            post.failure
        );
    }
}

#[tokio::test]
async fn a_lost_request_should_be_repeated_after_hours_in_which_nobody_looked() {
    let (stage, post) = uncertain(Repeat::Proven, Fault::LoseRequest).await;
    stage.pass(2 * HOUR);
    let post = stage.drive_one(post.id).await;
    assert_eq!(post.status, PostStatus::Published);
    assert_eq!(stage.network.visible_of(post.id), 1);
}

#[tokio::test]
async fn a_draft_should_not_be_set_going_once_its_account_is_gone() {
    let stage = Stage::new().await;
    let (connection, accounts) = stage.connect("maria", "token", &["page-1"]).await;
    let draft = stage.create(crate::stage::input(&accounts[0], None)).await;
    let caller = stage.caller().await;
    stage
        .shareville
        .connections(&caller)
        .remove(connection.id)
        .await
        .unwrap();
    let posts = stage.shareville.posts(&caller);
    let published = posts.publish(draft.id.into(), false).await;
    let scheduled = posts.schedule(draft.id.into(), stage.at(60)).await;
    for refused in [published, scheduled] {
        let told = matches!(
            &refused,
            Err(Error::Conflict {
                code: "connection_removed",
                ..
            })
        );
        assert!(told, "{refused:?}");
    }
    assert_eq!(stage.read(draft.id).await.status, PostStatus::Draft);
}

#[tokio::test]
async fn an_account_that_a_reconnect_left_out_should_not_be_published_to_with_the_persons_token() {
    let stage = Stage::new().await;
    let (_, accounts) = stage.connect("maria", "token", &["page-1", "page-2"]).await;
    let post = stage.post_at(&accounts[1], stage.at(60)).await;
    // What is taken from an app is taken from all its tokens.
    let left = granted(
        &Provider::facebook(),
        "person of maria",
        "token",
        &["page-1"],
    );
    stage.connector.change("token", Some(left));
    stage.connect("maria", "token of later", &["page-1"]).await;
    stage.pass(120);
    stage.tick_all().await;
    let waiting = stage.read(post.id).await;
    assert_eq!(waiting.failure.unwrap().code, "account_not_granted");
    assert!(stage.network.visible().is_empty());
    assert_eq!(stage.network.count(Call::Prepare), 0);
}

#[tokio::test]
async fn a_first_comment_should_end_within_a_day() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let refusal = crate::stage::transient();
    stage.network.on(Call::Comment, 1, Fault::Refuse(refusal));
    let post = stage.create(with_comment(&account, stage.now())).await;
    stage.tick_all().await;
    assert_eq!(stage.read(post.id).await.status, PostStatus::Published);
    stage.pass(25 * HOUR);
    stage.tick_all().await;
    let post = stage.read(post.id).await;
    assert_eq!(post.first_comment_status, FirstCommentStatus::Failed);
    assert_eq!(post.due_at(), None);
}

#[tokio::test]
async fn a_post_behind_a_paused_lane_should_show_why_and_until_when() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let until = stage.at(600);
    stage.network.on(
        Call::Prepare,
        1,
        Fault::Refuse(limited(until, LimitScope::Account)),
    );
    stage.post(&account).await;
    stage.tick_all().await;
    let second = stage.post(&account).await;
    let caller = stage.caller().await;
    let shown = stage
        .shareville
        .posts(&caller)
        .get(second.id)
        .await
        .unwrap();
    assert_eq!(shown.status, PostStatus::Scheduled);
    assert_eq!(shown.next_attempt_at(), Some(until));
    let class = shown.failure.unwrap().class;
    assert!(
        matches!(class, FailureClass::RateLimited { .. }),
        "{class:?}"
    );
}

#[tokio::test]
async fn a_user_token_should_die_with_a_key_that_expires() {
    let stage = Stage::new().await;
    let key = NewApiKey {
        expires_at: Some(stage.at(60)),
        scopes: Some(vec![Scope::TokensWrite]),
        ..NewApiKey::default()
    };
    let tenancy = stage.shareville.tenancy(&stage.owner);
    let (_, key) = tenancy.create_api_key(stage.tenant, key).await.unwrap();
    let key = secrecy::ExposeSecret::expose_secret(&key);
    let caller = stage.shareville.authenticate(key).await.unwrap();
    let life = Some(Duration::from_secs(3600));
    let (token, _) = stage
        .shareville
        .mint_user_token(&caller, "maria".into(), life)
        .await
        .unwrap();
    assert_eq!(token.expires_at, stage.at(60));
}

async fn change(stage: &Stage, input: TenantInput) {
    let tenancy = stage.shareville.tenancy(&stage.owner);
    tenancy.update(stage.tenant, input).await.unwrap();
}

#[tokio::test]
async fn a_login_should_follow_what_its_website_is_by_now() {
    let stage = Stage::new().await;
    let brings = |token| granted(&Provider::facebook(), "person", token, &["page-1"]);
    let (state, code) = stage.begin("maria", false, brings("one")).await;
    let struck_off = TenantInput {
        redirect_uris: Some(Vec::new()),
        ..TenantInput::default()
    };
    let (later, later_code) = stage.begin("maria", false, brings("two")).await;
    change(&stage, struck_off).await;
    let landing = stage.come_back(&state, &code).await.unwrap();
    assert_eq!(landing.redirect, None, "only to what is registered");

    let inactive = TenantInput {
        active: Some(false),
        ..TenantInput::default()
    };
    change(&stage, inactive).await;
    let landing = stage.come_back(&later, &later_code).await.unwrap();
    let refused = matches!(landing.status, LandingStatus::Error { ref code, .. } if code == "client_app_inactive");
    assert!(refused, "{landing:?}");
}

#[tokio::test]
async fn a_grant_that_has_died_meanwhile_should_not_be_connected() {
    let stage = Stage::new().await;
    let brings = granted(&Provider::facebook(), "person", "token", &["page-1"]);
    let landing = stage.log_in("maria", true, brings).await;
    let LandingStatus::Confirm { grant } = landing.status else {
        panic!("nothing to confirm: {landing:?}")
    };
    stage.connector.change("token", None);
    let caller = stage.caller().await;
    let connections = stage.shareville.connections(&caller);
    let confirmed = connections
        .confirm(&grant.into(), Some(&"maria".into()))
        .await;
    let dead =
        matches!(&confirmed, Err(Error::Platform(it)) if it.class == FailureClass::Reauthorize);
    assert!(dead, "{confirmed:?}");
}
