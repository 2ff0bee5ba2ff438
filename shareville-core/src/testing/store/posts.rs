//! Posts and their history.

use chrono::TimeDelta;
use serde_json::json;

use super::{Bench, new_connection};
use crate::{
    connection::Account,
    event::Subject,
    id::{AccountId, GroupId, PostId, UserId},
    media::Media,
    post::{Command, FirstCommentStatus, Post, PostStatus, Published},
    store::{NewPost, Page, PageRequest, PostFilter, StoreError},
};

async fn list(bench: &Bench, post: &Post, filter: PostFilter) -> Vec<PostId> {
    let page = PageRequest::first(100);
    let listed = bench.store.posts(post.tenant, &filter, page).await;
    listed.unwrap().items.iter().map(|post| post.id).collect()
}

/// A post reads as it was written, to the last detail.
pub async fn should_keep_a_post_as_it_was_written(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let mut new = bench.scheduled(&account, bench.at(3600));
    new.post.group = Some(GroupId::generate());
    new.post.timezone = Some("Europe/Lisbon".to_owned());
    new.post.content.caption = Some("Olá \u{1F950} \"quoted\" \\ \u{0} end".to_owned());
    new.post.content.media = vec![Media::image("https://bakery.example/a.jpg")];
    let metadata = json!({"deep": {"list": [1, 2.5, null, "x"]}, "big": 9_007_199_254_740_993_u64});
    new.post.metadata = metadata.as_object().unwrap().clone();
    bench
        .store
        .create(std::slice::from_ref(&new), None)
        .await
        .unwrap();
    assert_eq!(bench.read(&new.post).await, new.post);
    let unknown = bench.store.post(tenant.id, PostId::generate()).await;
    assert_eq!(unknown.unwrap(), None);
}

/// Posts are stored all together or not at all, with their events.
pub async fn should_create_all_posts_or_none(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let good = bench.scheduled(&account, bench.now());
    let mut orphan = bench.scheduled(&account, bench.now());
    orphan.post.account = AccountId::generate();
    let refused = bench.store.create(&[good.clone(), orphan], None).await;
    assert!(matches!(
        refused,
        Err(StoreError::Conflict { field: "account" })
    ));
    let subject = Subject::Post(good.post.id);
    let page = PageRequest::first(10);
    let read = bench.store.post(tenant.id, good.post.id).await.unwrap();
    assert_eq!(read, None);
    let history = bench.store.events(tenant.id, subject, page).await.unwrap();
    assert_eq!(history.items, vec![]);
    assert_eq!(bench.claim(10).await, vec![]);

    let other = bench.scheduled(&account, bench.at(60));
    bench
        .store
        .create(&[good.clone(), other.clone()], None)
        .await
        .unwrap();
    assert_eq!(bench.read(&good.post).await, good.post);
    assert_eq!(bench.read(&other.post).await, other.post);
    let again = bench.store.create(&[good], None).await;
    assert!(matches!(again, Err(StoreError::Conflict { .. })));
    bench.store.create(&[], None).await.unwrap();
}

/// No post can be made for another tenant's account.
pub async fn should_refuse_a_post_for_anothers_account(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let account = bench.account(&tenant).await;
    let mut stolen = bench.scheduled(&account, bench.now());
    stolen.post.tenant = other.id;
    stolen.post.lane.tenant = other.id;
    let refused = bench.store.create(&[stolen], None).await;
    assert!(matches!(
        refused,
        Err(StoreError::Conflict { field: "account" })
    ));
}

/// Each part of a filter picks out what it names, and all parts together what all name.
pub async fn should_list_posts_by_filter(bench: &Bench) {
    let tenant = bench.tenant().await;
    let anna = new_connection(&tenant, "anna", "person-1");
    let annas = bench.connect(&anna, &["page-1", "page-2"]).await;
    let bert = new_connection(&tenant, "bert", "person-2");
    let berts = bench.connect(&bert, &["page-3"]).await;
    let first = bench.post(&annas[0], bench.at(10)).await;
    let second = bench.post(&annas[1], bench.at(20)).await;
    let group = GroupId::generate();
    let mut third = bench.scheduled(&berts[0], bench.at(30));
    third.post.group = Some(group);
    bench
        .store
        .create(std::slice::from_ref(&third), None)
        .await
        .unwrap();
    let third = third.post;
    let canceled = bench.change(&first, Command::Cancel);
    bench.apply(&canceled).await.unwrap();

    let all = PostFilter::default();
    assert_eq!(
        list(bench, &first, all.clone()).await,
        [third.id, second.id, first.id]
    );
    let of_anna = PostFilter {
        user: Some(UserId::new("anna")),
        ..all.clone()
    };
    assert_eq!(
        list(bench, &first, of_anna.clone()).await,
        [second.id, first.id]
    );
    let to_page_2 = PostFilter {
        account: Some(annas[1].id),
        ..all.clone()
    };
    assert_eq!(list(bench, &first, to_page_2).await, [second.id]);
    let in_group = PostFilter {
        group: Some(group),
        ..all.clone()
    };
    assert_eq!(list(bench, &first, in_group).await, [third.id]);
    let scheduled = PostFilter {
        status: Some(PostStatus::Scheduled),
        ..all
    };
    assert_eq!(
        list(bench, &first, scheduled.clone()).await,
        [third.id, second.id]
    );
    let both = PostFilter {
        status: Some(PostStatus::Canceled),
        ..of_anna.clone()
    };
    assert_eq!(list(bench, &first, both).await, [first.id]);
    let neither = PostFilter {
        group: Some(group),
        ..of_anna
    };
    assert_eq!(list(bench, &first, neither).await, []);
}

/// The span of a list includes its start and excludes its end, to the microsecond.
pub async fn should_filter_by_time_to_the_microsecond(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let at = bench.at(3600);
    let post = bench.post(&account, at).await;
    let tick = TimeDelta::microseconds(1);
    let span = |from, to| PostFilter {
        from: Some(from),
        to: Some(to),
        ..PostFilter::default()
    };
    assert_eq!(list(bench, &post, span(at, at + tick)).await, [post.id]);
    assert_eq!(list(bench, &post, span(at - tick, at)).await, []);
    assert_eq!(
        list(bench, &post, span(at + tick, at + tick + tick)).await,
        []
    );
}

/// A list goes on where it stopped, though posts are added meanwhile.
pub async fn should_keep_its_place_while_posts_are_added(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let mut expected = Vec::new();
    for _ in 0..5 {
        expected.insert(0, bench.post(&account, bench.at(60)).await.id);
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let request = PageRequest { limit: 2, after };
        let filter = PostFilter::default();
        let page: Page<Post> = bench
            .store
            .posts(tenant.id, &filter, request)
            .await
            .unwrap();
        seen.extend(page.items.iter().map(|post| post.id));
        bench.post(&account, bench.at(60)).await;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, expected);
}

/// A span of time is listed like everything else: newest first, and stable while posts are added and moved.
pub async fn should_list_a_span_of_time_page_by_page(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    // Those made later go out earlier.
    let mut expected = Vec::new();
    for place in 0..6 {
        let post = bench.post(&account, bench.at(600 - place)).await;
        bench.post(&account, bench.at(6000)).await;
        expected.insert(0, post.id);
    }
    let filter = PostFilter {
        from: Some(bench.at(500)),
        to: Some(bench.at(700)),
        status: Some(PostStatus::Scheduled),
        ..PostFilter::default()
    };
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let request = PageRequest { limit: 2, after };
        let page = bench.store.posts(tenant.id, &filter, request).await;
        let page = page.unwrap();
        seen.extend(page.items.iter().map(|post| post.id));
        bench.post(&account, bench.at(600)).await;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, expected);
    let other = bench.tenant().await;
    let foreign = bench.store.posts(other.id, &filter, PageRequest::first(9));
    assert_eq!(foreign.await.unwrap().items, vec![]);
}

/// What comes up in a lane within a span is found, soonest first; what is over, or in another lane, is not.
pub async fn should_find_what_comes_up_in_a_lane(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let elsewhere = bench.account(&tenant).await;
    let mut posts = Vec::new();
    for at in [40, 10, 30, 20] {
        posts.push(bench.post(&account, bench.at(at)).await);
    }
    bench.post(&elsewhere, bench.at(20)).await;
    let canceled = bench.post(&account, bench.at(20)).await;
    let cancel = bench.change(&canceled, Command::Cancel);
    bench.apply(&cancel).await.unwrap();
    let found = async |limit| -> Vec<PostId> {
        let (lane, from, to) = (account.lane(), bench.at(10), bench.at(40));
        let due = bench.store.due_within(&lane, from, to, limit).await;
        due.unwrap().iter().map(|post| post.id).collect()
    };
    let soonest = [posts[1].id, posts[3].id, posts[2].id];
    assert_eq!(found(10).await, soonest);
    assert_eq!(found(2).await, soonest[..2]);
}

/// What has not ended, or has an open commit, is found through its connection.
pub async fn should_find_the_unsettled_posts_of_a_connection(bench: &Bench) {
    let tenant = bench.tenant().await;
    let connection = new_connection(&tenant, "user", "person");
    let accounts = bench.connect(&connection, &["page-1", "page-2"]).await;
    let elsewhere = bench.account(&tenant).await;
    bench.post(&elsewhere, bench.now()).await;
    let scheduled = bench.post(&accounts[0], bench.at(60)).await;
    let canceled = bench.post(&accounts[0], bench.at(60)).await;
    bench
        .apply(&bench.change(&canceled, Command::Cancel))
        .await
        .unwrap();
    let committing = bench.post(&accounts[1], bench.now()).await;
    bench.apply(&bench.committing(&committing)).await.unwrap();
    let unclear = bench.post(&accounts[1], bench.now()).await;
    bench.apply(&bench.committing(&unclear)).await.unwrap();
    bench.pass(100_000);
    let unclear = bench.read(&unclear).await;
    let lost = bench.change(&unclear, Command::Expire);
    bench.apply(&lost).await.unwrap();
    assert_eq!(bench.read(&unclear).await.status, PostStatus::Failed);

    // A post that is live, and whose first comment is still to come, is not settled either.
    let mut commented = bench.scheduled(&accounts[1], bench.now());
    commented.post.content.first_comment = Some("first".to_owned());
    commented.post.first_comment_status = FirstCommentStatus::Pending;
    bench
        .store
        .create(std::slice::from_ref(&commented), None)
        .await
        .unwrap();
    bench
        .apply(&bench.committing(&commented.post))
        .await
        .unwrap();
    let live = Command::Live(Published::default());
    let commented = bench.read(&commented.post).await;
    bench.apply(&bench.change(&commented, live)).await.unwrap();

    let unsettled = |limit| bench.store.unsettled(tenant.id, connection.id, limit);
    let mut found: Vec<_> = unsettled(10)
        .await
        .unwrap()
        .iter()
        .map(|it| it.id)
        .collect();
    found.sort();
    assert_eq!(
        found,
        vec![scheduled.id, committing.id, unclear.id, commented.id]
    );
    assert_eq!(unsettled(2).await.unwrap().len(), 2);
    let other = bench.tenant().await;
    let foreign = bench.store.unsettled(other.id, connection.id, 10).await;
    assert_eq!(foreign.unwrap(), vec![]);
}

/// What was still to go on when its connection was removed is found until somebody has ended it.
pub async fn should_find_the_posts_that_a_removed_connection_left(bench: &Bench) {
    let tenant = bench.tenant().await;
    let connection = new_connection(&tenant, "user", "person");
    let account = bench.connect(&connection, &["page-1"]).await.remove(0);
    let elsewhere = bench.account(&tenant).await;
    bench.post(&elsewhere, bench.at(60)).await;
    let first = bench.post(&account, bench.at(60)).await;
    let canceled = bench.post(&account, bench.at(60)).await;
    bench
        .apply(&bench.change(&canceled, Command::Cancel))
        .await
        .unwrap();
    let committing = bench.post(&account, bench.now()).await;
    bench.apply(&bench.committing(&committing)).await.unwrap();
    assert_eq!(bench.store.stranded(None, 10).await.unwrap(), vec![]);

    let removed = bench.store.remove_connection(tenant.id, connection.id, &[]);
    assert!(removed.await.unwrap());
    let committing = bench.read(&committing).await;
    let stranded = bench.store.stranded(None, 10).await.unwrap();
    assert_eq!(stranded, [first.clone(), committing.clone()]);
    assert_eq!(bench.store.stranded(None, 1).await.unwrap(), stranded[..1]);
    let after = bench.store.stranded(Some(first.id), 10).await;
    assert_eq!(after.unwrap(), stranded[1..]);
    for post in [&first, &committing] {
        let ended = bench.change(post, Command::ConnectionRemoved);
        bench.apply(&ended).await.unwrap();
    }
    assert_eq!(bench.store.stranded(None, 10).await.unwrap(), vec![]);
}

/// A post that is live as `12_34`.
async fn live(bench: &Bench, account: &Account) -> Post {
    let post = bench.post(account, bench.now()).await;
    bench.apply(&bench.committing(&post)).await.unwrap();
    let post = bench.read(&post).await;
    let live = Command::Live(Published {
        platform_id: Some("12_34".to_owned()),
        permalink: None,
    });
    bench.apply(&bench.change(&post, live)).await.unwrap();
    bench.read(&post).await
}

/// An id at the platform is held by the post that has it, for the others of the lane.
pub async fn should_tell_whether_a_platform_id_is_held(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = live(bench, &account).await;
    let (lane, store) = (account.lane(), &bench.store);
    let other = PostId::generate();
    assert!(store.is_held(&lane, "12_34", other).await.unwrap());
    assert!(!store.is_held(&lane, "12_34", post.id).await.unwrap());
    assert!(!store.is_held(&lane, "56_78", other).await.unwrap());
    let elsewhere = bench.account(&tenant).await.lane();
    assert!(!store.is_held(&elsewhere, "12_34", other).await.unwrap());
}

/// A post is found by its id at the platform, in its own lane only.
pub async fn should_find_a_post_by_its_platform_id(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = live(bench, &account).await;
    let (lane, store) = (account.lane(), &bench.store);
    assert_eq!(store.known_as(&lane, "12_34").await.unwrap(), Some(post));
    assert_eq!(store.known_as(&lane, "56_78").await.unwrap(), None);
    let elsewhere = bench.account(&tenant).await.lane();
    assert_eq!(store.known_as(&elsewhere, "12_34").await.unwrap(), None);
}

/// Events of a post come newest first, and page by page.
pub async fn should_list_events_newest_first(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let new = bench.scheduled(&account, bench.at(60));
    bench
        .store
        .create(std::slice::from_ref(&new), None)
        .await
        .unwrap();
    let NewPost { post, events } = new;
    bench.post(&account, bench.at(60)).await;
    let canceled = bench.change(&post, Command::Cancel);
    bench.apply(&canceled).await.unwrap();
    let mut expected: Vec<_> = events.into_iter().chain(canceled.events).collect();
    expected.reverse();
    let subject = Subject::Post(post.id);
    let first = bench
        .store
        .events(tenant.id, subject, PageRequest::first(2));
    let first = first.await.unwrap();
    let rest = PageRequest {
        limit: 2,
        after: first.next,
    };
    let rest = bench.store.events(tenant.id, subject, rest).await.unwrap();
    assert_eq!(rest.next, None);
    let seen: Vec<_> = first.items.into_iter().chain(rest.items).collect();
    assert_eq!(seen, expected);
}

/// No tenant reads another's posts or history, or waits for them.
pub async fn should_keep_posts_from_other_tenants(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.now()).await;
    let (id, store) = (other.id, &bench.store);
    assert_eq!(store.post(id, post.id).await.unwrap(), None);
    let page = PageRequest::first(10);
    let mut filter = PostFilter::default();
    let listed = store.posts(id, &filter, page).await.unwrap();
    assert_eq!(listed.items, vec![]);
    filter.account = Some(account.id);
    let listed = store.posts(id, &filter, page).await.unwrap();
    assert_eq!(listed.items, vec![]);
    let history = store.events(id, Subject::Post(post.id), page).await;
    assert_eq!(history.unwrap().items, vec![]);
    let watched = bench.soon(store.watch(id, post.id, 99, bench.at(60))).await;
    assert_eq!(watched.unwrap(), None);
}
