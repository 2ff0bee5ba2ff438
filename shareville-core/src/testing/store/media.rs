//! Uploads.

use std::sync::Arc;

use futures::future::join_all;

use super::Bench;
use crate::{
    clock::Timestamp,
    id::{MediaId, TenantId, UserId},
    media::{
        BegunUpload, MadeFrom, Media, MediaFacts, MediaFormat, MediaPlace, MediaSource, MediaToken,
        OverQuota, QuotaOf, Upload, UploadLimits,
    },
    post::{Command, Content, Post, PostStatus},
    store::{NotFinished, StoreError},
    tenant::Tenant,
};

/// All that a test sweeps is few enough for one step.
const ALL: usize = 100;

fn begun(bench: &Bench, tenant: TenantId, bytes: u64) -> BegunUpload {
    BegunUpload {
        id: MediaId::generate(),
        tenant,
        user: UserId::new("user"),
        made_from: None,
        bytes,
        expires_at: bench.at(60),
    }
}

fn whole(bench: &Bench, begun: &BegunUpload) -> Upload {
    let facts = MediaFacts {
        bytes: Some(begun.bytes),
        width: Some(640),
        height: Some(480),
        ..MediaFacts::of(MediaFormat::Png)
    };
    Upload {
        id: begun.id,
        tenant: begun.tenant,
        user: begun.user.clone(),
        token: MediaToken::generate(begun.tenant),
        facts,
        bytes: begun.bytes,
        made_from: begun.made_from.clone(),
        created_at: bench.now(),
        expires_at: bench.at(600),
    }
}

async fn begin(bench: &Bench, begun: &BegunUpload) {
    let limits = UploadLimits::default();
    let taken = bench.store.begin_upload(begun, &limits).await.unwrap();
    assert_eq!(taken, Ok(()));
}

async fn finish(bench: &Bench, upload: &Upload) -> Result<(), NotFinished> {
    let limits = UploadLimits::default();
    bench.store.finish_upload(upload, &limits).await.unwrap()
}

async fn store(bench: &Bench, begun: &BegunUpload) -> Upload {
    begin(bench, begun).await;
    let upload = whole(bench, begun);
    assert_eq!(finish(bench, &upload).await, Ok(()));
    upload
}

async fn upload(bench: &Bench, tenant: &Tenant) -> Upload {
    store(bench, &begun(bench, tenant.id, 1000)).await
}

fn rendition_of(bench: &Bench, upload: &Upload, form: &str) -> BegunUpload {
    BegunUpload {
        user: upload.user.clone(),
        made_from: Some(MadeFrom {
            original: upload.id,
            form: form.to_owned(),
            changed: "PNG became JPEG".to_owned(),
        }),
        ..begun(bench, upload.tenant, 500)
    }
}

async fn read(bench: &Bench, upload: &Upload) -> Option<Upload> {
    let found = bench.store.uploads(upload.tenant, &[upload.id]).await;
    found.unwrap().pop()
}

/// Gives all that is discarded then.
async fn sweep(bench: &Bench, until: Timestamp) -> Vec<MediaPlace> {
    bench.store.sweep_uploads(until, ALL).await.unwrap();
    bench.store.discarded_uploads(None, ALL).await.unwrap()
}

/// A draft that shows an upload.
async fn draft_with(bench: &Bench, tenant: &Tenant, upload: &Upload) -> Post {
    let account = bench.account(tenant).await;
    let mut new = bench.scheduled(&account, bench.at(30));
    new.post = bench
        .change(&new.post, Command::Cancel)
        .next
        .expect("canceling removes nothing");
    new.post.status = PostStatus::Draft;
    new.post.content = showing(upload.id);
    let news = std::slice::from_ref(&new);
    bench.store.create(news, None).await.unwrap();
    new.post
}

fn showing(id: MediaId) -> Content {
    Content {
        media: vec![Media {
            source: MediaSource::MediaId(id),
            ..Media::image("")
        }],
        ..Content::text("Look")
    }
}

/// A scheduled post that shows an upload.
async fn post_with(bench: &Bench, tenant: &Tenant, upload: &Upload) -> Post {
    let account = bench.account(tenant).await;
    let mut new = bench.scheduled(&account, bench.at(30));
    new.post.content = showing(upload.id);
    let news = std::slice::from_ref(&new);
    bench.store.create(news, None).await.unwrap();
    new.post
}

/// An upload is read as it was written, by its id and by its token.
pub async fn should_keep_an_upload_as_it_was_written(bench: &Bench) {
    let tenant = bench.tenant().await;
    let upload = upload(bench, &tenant).await;
    assert_eq!(read(bench, &upload).await, Some(upload.clone()));
    let hash = upload.token.hash().unwrap();
    let found = bench.store.upload_by_token(tenant.id, &hash).await;
    assert_eq!(found.unwrap(), Some(upload));
    let other = MediaToken::generate(tenant.id).hash().unwrap();
    let found = bench.store.upload_by_token(tenant.id, &other).await;
    assert_eq!(found.unwrap(), None);
}

/// An upload that has only begun is not seen; nor can one be finished that never began.
pub async fn should_show_an_upload_only_once_it_is_whole(bench: &Bench) {
    let tenant = bench.tenant().await;
    let begun = begun(bench, tenant.id, 10);
    begin(bench, &begun).await;
    let upload = whole(bench, &begun);
    assert_eq!(read(bench, &upload).await, None);
    let kept = bench
        .store
        .keep_uploads(tenant.id, &[begun.id], bench.at(9))
        .await;
    assert_eq!(kept.unwrap(), []);
    assert_eq!(finish(bench, &upload).await, Ok(()));
    assert_eq!(read(bench, &upload).await, Some(upload.clone()));
    let never = Upload {
        id: MediaId::generate(),
        token: MediaToken::generate(tenant.id),
        ..upload
    };
    assert_eq!(finish(bench, &never).await, Err(NotFinished::Gone));
    let unknown = super::new_tenant("", bench.now());
    let nobodys = BegunUpload {
        tenant: unknown.id,
        ..begun
    };
    let limits = UploadLimits::default();
    let refused = bench.store.begin_upload(&nobodys, &limits).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict { field: "tenant" }));
}

/// Nobody has more than their quota: what is announced counts, and what has come in its stead. Renditions and what is
/// discarded do not count.
pub async fn should_take_no_more_than_there_is_room_for(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let mut limits = UploadLimits::default();
    (limits.user_bytes, limits.tenant_bytes) = (1000, 1500);
    let taken = async |begun: &BegunUpload| {
        let taken = bench.store.begin_upload(begun, &limits);
        taken.await.unwrap()
    };
    let over = |of, most, used| OverQuota { of, most, used };
    let first = begun(bench, tenant.id, 600);
    assert_eq!(taken(&first).await, Ok(()));
    let too_much = begun(bench, tenant.id, 401);
    assert_eq!(taken(&too_much).await, Err(over(QuotaOf::User, 1000, 600)));
    let second = begun(bench, tenant.id, 400);
    assert_eq!(taken(&second).await, Ok(()));
    let of_another = |bytes| BegunUpload {
        user: UserId::new("user-2"),
        ..begun(bench, tenant.id, bytes)
    };
    let refused = taken(&of_another(501)).await;
    assert_eq!(refused, Err(over(QuotaOf::Tenant, 1500, 1000)));
    assert_eq!(taken(&of_another(500)).await, Ok(()));
    assert_eq!(taken(&begun(bench, other.id, 1000)).await, Ok(()));
    // More has come than was announced.
    let longer = Upload {
        bytes: 601,
        ..whole(bench, &first)
    };
    let finished = bench.store.finish_upload(&longer, &limits).await.unwrap();
    let refused = NotFinished::OverQuota(over(QuotaOf::User, 1000, 400));
    assert_eq!(finished, Err(refused));
    let shorter = Upload {
        bytes: 100,
        ..longer
    };
    let finished = bench.store.finish_upload(&shorter, &limits).await.unwrap();
    assert_eq!(finished, Ok(()));
    let rendition = rendition_of(bench, &shorter, "jpeg");
    assert_eq!(taken(&rendition).await, Ok(()));
    bench
        .store
        .discard_uploads(tenant.id, &[second.id])
        .await
        .unwrap();
    assert_eq!(taken(&begun(bench, tenant.id, 900)).await, Ok(()));
}

/// Of many who want the last room at once, one gets it.
pub async fn should_let_one_of_many_have_the_last_room(bench: &Bench) {
    let tenant = bench.tenant().await;
    let limits = UploadLimits {
        tenant_bytes: 1000,
        ..UploadLimits::default()
    };
    let wanting = (0..16).map(|number| {
        let store = Arc::clone(&bench.store);
        let begun = BegunUpload {
            user: UserId::new(format!("user-{number}")),
            ..begun(bench, tenant.id, 600)
        };
        tokio::spawn(async move { store.begin_upload(&begun, &limits).await.unwrap() })
    });
    let taken = join_all(wanting.collect::<Vec<_>>()).await;
    let taken = taken.into_iter().filter(|it| matches!(it, Ok(Ok(()))));
    assert_eq!(taken.count(), 1);
}

/// A rendition is found by what it was made from and its form, and goes with its original.
pub async fn should_find_a_rendition_by_its_form(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let original = upload(bench, &tenant).await;
    let made = store(bench, &rendition_of(bench, &original, "jpeg")).await;
    let find = async |tenant: TenantId, form: &str| {
        let found = bench.store.rendition(tenant, original.id, form).await;
        found.unwrap()
    };
    assert_eq!(find(tenant.id, "jpeg").await, Some(made.clone()));
    assert_eq!(find(tenant.id, "tiny").await, None);
    assert_eq!(find(other.id, "jpeg").await, None);
    let late = rendition_of(bench, &original, "tiny");
    begin(bench, &late).await;
    bench
        .store
        .discard_uploads(tenant.id, &[original.id])
        .await
        .unwrap();
    assert_eq!(find(tenant.id, "jpeg").await, None);
    assert_eq!(read(bench, &made).await, None);
    let late = whole(bench, &late);
    assert_eq!(finish(bench, &late).await, Err(NotFinished::Gone));
}

/// Of many renditions of one form, one is kept.
pub async fn should_let_one_of_many_renditions_be_the_first(bench: &Bench) {
    let tenant = bench.tenant().await;
    let original = upload(bench, &tenant).await;
    let mut making = Vec::new();
    for _ in 0..8 {
        let begun = rendition_of(bench, &original, "jpeg");
        begin(bench, &begun).await;
        let (store, made) = (Arc::clone(&bench.store), whole(bench, &begun));
        making.push(tokio::spawn(async move {
            let limits = UploadLimits::default();
            store.finish_upload(&made, &limits).await
        }));
    }
    let made = join_all(making).await.into_iter().map(Result::unwrap);
    let (first, others): (Vec<_>, Vec<_>) = made.partition(Result::is_ok);
    assert_eq!((first.len(), others.len()), (1, 7));
    for other in others {
        let other = other.unwrap_err();
        assert!(matches!(other, StoreError::Conflict { field: "form" }));
    }
}

/// What is kept stays at least until then, with its renditions, and no shorter than it would have.
pub async fn should_keep_uploads_until_then(bench: &Bench) {
    let tenant = bench.tenant().await;
    let original = upload(bench, &tenant).await;
    let made = store(bench, &rendition_of(bench, &original, "jpeg")).await;
    let unknown = MediaId::generate();
    for (until, expected) in [(bench.at(900), bench.at(900)), (bench.at(5), bench.at(900))] {
        let ids = [original.id, unknown];
        let kept = bench.store.keep_uploads(tenant.id, &ids, until).await;
        assert_eq!(kept.unwrap(), [original.id]);
        for upload in [&original, &made] {
            let read = read(bench, upload).await.unwrap();
            assert_eq!(read.expires_at, expected);
        }
    }
}

/// What a draft or an unsettled post names is kept when its time is over; once the post has settled, no longer.
pub async fn should_keep_what_an_open_post_names(bench: &Bench) {
    let tenant = bench.tenant().await;
    let (of_post, of_draft) = (upload(bench, &tenant).await, upload(bench, &tenant).await);
    let made = store(bench, &rendition_of(bench, &of_post, "jpeg")).await;
    let post = post_with(bench, &tenant, &of_post).await;
    draft_with(bench, &tenant, &of_draft).await;
    bench.pass(600);
    let until = bench.at(600);
    assert_eq!(sweep(bench, until).await, []);
    for upload in [&of_post, &of_draft, &made] {
        let read = read(bench, upload).await.unwrap();
        assert_eq!(read.expires_at, until);
    }
    let canceled = bench.change(&post, Command::Cancel);
    bench.apply(&canceled).await.unwrap();
    bench.pass(600);
    let mut swept = sweep(bench, bench.at(600)).await;
    swept.sort_unstable();
    let mut gone = [of_post.place(), made.place()];
    gone.sort_unstable();
    assert_eq!(swept, gone);
    assert!(read(bench, &of_draft).await.is_some());
}

/// What nobody names is swept when its time is over; another user's post keeps nothing.
pub async fn should_sweep_what_nobody_names(bench: &Bench) {
    let tenant = bench.tenant().await;
    let upload = store(
        bench,
        &BegunUpload {
            user: UserId::new("user-2"),
            ..begun(bench, tenant.id, 10)
        },
    )
    .await;
    post_with(bench, &tenant, &upload).await;
    bench.pass(599);
    assert_eq!(sweep(bench, bench.at(600)).await, []);
    bench.pass(1);
    assert_eq!(sweep(bench, bench.at(600)).await, [upload.place()]);
    assert_eq!(read(bench, &upload).await, None);
    let hash = upload.token.hash().unwrap();
    let found = bench.store.upload_by_token(tenant.id, &hash).await;
    assert_eq!(found.unwrap(), None);
    // Until its bytes are erased, it is told again.
    assert_eq!(sweep(bench, bench.at(600)).await, [upload.place()]);
    bench.store.forget_uploads(&[upload.place()]).await.unwrap();
    assert_eq!(sweep(bench, bench.at(600)).await, []);
}

/// As many are looked at as are wanted, whatever becomes of them, and what is discarded is read page by page.
pub async fn should_sweep_and_read_page_by_page(bench: &Bench) {
    let tenant = bench.tenant().await;
    let mut gone = Vec::new();
    for _ in 0..5 {
        gone.push(upload(bench, &tenant).await.place());
    }
    let named = upload(bench, &tenant).await;
    post_with(bench, &tenant, &named).await;
    bench.pass(600);
    let mut looked_at = Vec::new();
    for _ in 0..4 {
        let until = bench.at(600);
        looked_at.push(bench.store.sweep_uploads(until, 2).await.unwrap());
    }
    assert_eq!(looked_at, [2, 2, 2, 0]);
    assert!(read(bench, &named).await.is_some());
    gone.sort_unstable_by_key(|it| it.id);
    let (mut found, mut after) = (Vec::new(), None);
    for length in [2, 2, 1, 0] {
        let page = bench.store.discarded_uploads(after, 2).await.unwrap();
        assert_eq!(page.len(), length);
        after = page.last().map(|it| it.id).or(after);
        found.extend(page);
    }
    assert_eq!(found, gone);
}

/// What has begun and was never whole is swept too, and cannot be finished any more.
pub async fn should_give_up_an_upload_that_broke_off(bench: &Bench) {
    let tenant = bench.tenant().await;
    let begun = begun(bench, tenant.id, 10);
    begin(bench, &begun).await;
    let upload = whole(bench, &begun);
    bench.pass(60);
    assert_eq!(sweep(bench, bench.at(600)).await, [upload.place()]);
    assert_eq!(finish(bench, &upload).await, Err(NotFinished::Gone));
}

/// All that a user has uploaded is discarded, and nobody else's.
pub async fn should_discard_the_uploads_of_a_user(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let own = upload(bench, &tenant).await;
    let made = store(bench, &rendition_of(bench, &own, "jpeg")).await;
    let broken = begun(bench, tenant.id, 10);
    begin(bench, &broken).await;
    let anothers = store(
        bench,
        &BegunUpload {
            user: UserId::new("user-2"),
            ..begun(bench, tenant.id, 10)
        },
    )
    .await;
    let elsewhere = upload(bench, &other).await;
    let broken = MediaPlace {
        tenant: tenant.id,
        id: broken.id,
    };
    let mut gone = [own.place(), made.place(), broken];
    gone.sort_unstable();
    // Until their bytes are erased, they are told again.
    for _ in 0..2 {
        let discarded = bench.store.discard_uploads_of(tenant.id, &own.user);
        let mut discarded = discarded.await.unwrap();
        discarded.sort_unstable();
        assert_eq!(discarded, gone);
    }
    let mut swept = sweep(bench, bench.at(600)).await;
    swept.sort_unstable();
    assert_eq!(swept, gone);
    assert!(read(bench, &anothers).await.is_some());
    assert!(read(bench, &elsewhere).await.is_some());
}

/// A tenant's uploads outlive it only until their bytes are erased.
pub async fn should_discard_the_uploads_of_a_tenant(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let (own, others) = (upload(bench, &tenant).await, upload(bench, &other).await);
    assert!(bench.store.delete_tenant(tenant.id).await.unwrap());
    assert_eq!(read(bench, &own).await, None);
    assert_eq!(sweep(bench, bench.at(600)).await, [own.place()]);
    assert!(read(bench, &others).await.is_some());
}

/// What is still to be seen is not forgotten.
pub async fn should_forget_only_what_is_discarded(bench: &Bench) {
    let tenant = bench.tenant().await;
    let upload = upload(bench, &tenant).await;
    bench.store.forget_uploads(&[upload.place()]).await.unwrap();
    assert!(read(bench, &upload).await.is_some());
}

/// Another tenant's uploads are as good as none.
pub async fn should_keep_uploads_from_other_tenants(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let upload = upload(bench, &tenant).await;
    let found = bench.store.uploads(other.id, &[upload.id]).await;
    assert_eq!(found.unwrap(), []);
    let hash = upload.token.hash().unwrap();
    let found = bench.store.upload_by_token(other.id, &hash).await;
    assert_eq!(found.unwrap(), None);
    let kept = bench
        .store
        .keep_uploads(other.id, &[upload.id], bench.at(9000))
        .await;
    assert_eq!(kept.unwrap(), []);
    bench
        .store
        .discard_uploads(other.id, &[upload.id])
        .await
        .unwrap();
    assert_eq!(read(bench, &upload).await, Some(upload));
}
