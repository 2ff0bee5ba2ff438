//! A post of which nobody knows whether it is live, and what people ask of it.

use shareville_core::{
    post::{Evidence, Post, PostStatus, Published, Refusal, Repeat},
    testing::network::{Call, Fault, Manners},
};

use crate::{
    posting::{delete, publish, refusal, update},
    stage::{Stage, transient},
};

/// A post whose commit went wrong, and that nobody could look at for an hour.
pub(crate) async fn unknown(repeat: Repeat, fault: Fault) -> (Stage, Post) {
    let stage = Stage::with(Manners {
        repeat,
        ..Manners::default()
    })
    .await;
    let account = stage.account().await;
    stage.network.on(Call::Commit, 1, fault);
    stage
        .network
        .strike(|call, _| (call == Call::Look).then(|| Fault::Refuse(transient())));
    let post = stage.post(&account).await;
    loop {
        stage.tick_all().await;
        let post = stage.read(post.id).await;
        if post.status == PostStatus::Failed {
            assert_eq!(post.failure.as_ref().unwrap().code, "outcome_unknown");
            return (stage, post);
        }
        stage.clock.set(post.due_at().unwrap());
    }
}

#[tokio::test]
async fn publishing_an_unknown_post_that_is_live_should_find_it() {
    let (stage, post) = unknown(Repeat::Never, Fault::ActAndLoseAnswer).await;
    stage.network.heal();
    let post = publish(&stage, post.id, false).await.unwrap();
    assert_eq!(post.status, PostStatus::Published);
    assert_eq!(stage.network.count(Call::Commit), 1);
    assert_eq!(stage.network.visible_of(post.id), 1);
}

#[tokio::test]
async fn publishing_an_unknown_post_that_is_absent_should_go_on_where_a_repeat_is_allowed() {
    let (stage, post) = unknown(Repeat::Assumed, Fault::LoseRequest).await;
    stage.network.heal();
    let post = publish(&stage, post.id, false).await.unwrap();
    assert_eq!(post.status, PostStatus::Publishing);
    let post = stage.drive_one(post.id).await;
    assert_eq!(post.status, PostStatus::Published);
    assert_eq!(stage.network.visible_of(post.id), 1);
    assert_eq!(stage.network.objects_of(post.id), 1, "the same object");

    let (stage, post) = unknown(Repeat::Never, Fault::LoseRequest).await;
    stage.network.heal();
    let refused = refusal(publish(&stage, post.id, false).await);
    assert_eq!(refused, Refusal::OutcomeUnknown);
}

/// A post whose outcome is unknown, and another of the same account that is live.
async fn unknown_beside_another() -> (Stage, Post, Post) {
    let (stage, post) = unknown(Repeat::Never, Fault::LoseRequest).await;
    stage.network.heal();
    let account = stage.store.account(stage.tenant, post.account).await;
    let other = stage.post(&account.unwrap().unwrap()).await;
    let other = stage.drive_one(other.id).await;
    assert!(other.published.platform_id.is_some());
    (stage, post, other)
}

#[tokio::test]
async fn nobody_who_looks_should_take_another_post_for_this_one() {
    let (stage, post, other) = unknown_beside_another().await;
    stage.network.finds(Evidence::Live(other.published));
    let refused = refusal(publish(&stage, post.id, false).await);
    assert_eq!(refused, Refusal::OutcomeUnknown);
    stage.clock.set(stage.read(post.id).await.due_at().unwrap());
    stage.tick_all().await;
    assert_eq!(stage.read(post.id).await.status, PostStatus::Failed);
    let caller = stage.caller().await;
    let connections = stage.shareville.connections(&caller);
    connections.remove(post.connection).await.unwrap();
    let post = stage.read(post.id).await;
    let code = post.failure.map(|failure| failure.code);
    assert_eq!(
        (post.status, code.as_deref()),
        (PostStatus::Failed, Some("outcome_unknown"))
    );
}

#[tokio::test]
async fn what_says_itself_that_it_is_visible_should_be_live_whoever_holds_the_id() {
    for is_held in [true, false] {
        for by_engine in [true, false] {
            let (stage, post, other) = unknown_beside_another().await;
            let free = Published {
                platform_id: Some("free".to_owned()),
                permalink: None,
            };
            let (guess, expected) = match is_held {
                true => (other.published, Published::default()),
                false => (free.clone(), free),
            };
            stage.network.finds(Evidence::Visible { guess });
            match by_engine {
                true => {
                    stage.clock.set(stage.read(post.id).await.due_at().unwrap());
                    stage.tick_all().await;
                }
                false => drop(publish(&stage, post.id, false).await.unwrap()),
            }
            let post = stage.read(post.id).await;
            assert_eq!(post.status, PostStatus::Published);
            assert_eq!(post.published, expected);
        }
    }
}

#[tokio::test]
async fn publishing_an_unknown_post_that_nobody_can_look_at_should_change_nothing() {
    let (stage, post) = unknown(Repeat::Assumed, Fault::ActAndLoseAnswer).await;
    let refused = refusal(publish(&stage, post.id, false).await);
    assert_eq!(refused, Refusal::OutcomeUnknown);
    assert_eq!(stage.read(post.id).await, post);
    assert_eq!(
        refusal(update(&stage, post.id, "?").await),
        Refusal::OutcomeUnknown
    );
    assert_eq!(
        refusal(delete(&stage, post.id, false).await),
        Refusal::OutcomeUnknown
    );
}

#[tokio::test]
async fn a_person_who_confirms_should_get_one_visible_post_even_if_they_are_wrong() {
    for fault in [
        Fault::LoseRequest,
        Fault::ActAndLoseAnswer,
        Fault::ActWhenTold,
    ] {
        let (stage, post) = unknown(Repeat::Never, fault.clone()).await;
        stage.network.heal();
        let post = publish(&stage, post.id, true).await.unwrap();
        if matches!(fault, Fault::ActAndLoseAnswer) {
            // The platform is asked first: what it knows outweighs what the person has seen.
            assert_eq!(post.status, PostStatus::Published);
            assert_eq!(stage.network.objects_of(post.id), 1);
            continue;
        }
        assert_eq!(post.status, PostStatus::Scheduled);
        let post = stage.drive_one(post.id).await;
        stage.network.act_late();
        assert_eq!(post.status, PostStatus::Published, "{fault:?}");
        assert_eq!(stage.network.visible_of(post.id), 1, "{fault:?}");
        let told = stage.told(post.id).await;
        let confirmed = told
            .iter()
            .find(|event| event.data["confirmedNotPublished"] == true);
        assert!(confirmed.is_some(), "it is recorded");
    }
}

#[tokio::test]
async fn confirming_what_is_not_unknown_should_be_refused() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let post = stage.post_at(&account, stage.at(60)).await;
    let refused = refusal(publish(&stage, post.id, true).await);
    assert_eq!(refused, Refusal::NothingToConfirm);
    stage.pass(60);
    stage.tick_all().await;
    for confirmed in [false, true] {
        assert_eq!(
            refusal(publish(&stage, post.id, confirmed).await),
            Refusal::Published
        );
    }
}
