//! What platforms tell: kept once, handed out, and erased in time.

use std::{collections::BTreeSet, slice::from_ref, sync::Arc};

use futures::future::join_all;
use uuid::Uuid;

use super::{Bench, LEASE, bench::new_tenant};
use crate::{
    delivery::DeliveryPace,
    id::TenantId,
    notice::{DELETION_KEPT, DeletionCode, Heeded, NOTICE_KEPT, Notice, NoticeDigest, NoticeKind},
    store::{ClaimedNotices, NoticeChange, NoticeClaim, Stale, StoreError},
};

fn look(bench: &Bench, tenant: TenantId, person: &str) -> Notice {
    let kind = NoticeKind::Deauthorized {
        person: person.to_owned(),
    };
    let digest = NoticeDigest::of([person.as_bytes()]);
    Notice::of(tenant, kind, digest, bench.now())
}

async fn keep(bench: &Bench, notice: &Notice) -> Option<Notice> {
    let mut before = bench.store.keep_notices(from_ref(notice)).await.unwrap();
    assert_eq!(before.len(), 1, "one answer for each");
    before.remove(0)
}

/// A notice that is kept.
async fn kept(bench: &Bench, person: &str) -> Notice {
    let notice = look(bench, bench.tenant().await.id, person);
    assert_eq!(keep(bench, &notice).await, None);
    notice
}

async fn claim(bench: &Bench, limit: usize) -> ClaimedNotices {
    let claimed = bench.store.claim_notices(limit, LEASE).await.unwrap();
    assert_eq!(claimed.now, bench.now());
    claimed
}

async fn claim_one(bench: &Bench) -> NoticeClaim {
    let mut claims = claim(bench, 10).await.claims;
    assert_eq!(claims.len(), 1, "one notice is up");
    claims.remove(0)
}

fn after(bench: &Bench, notice: &Notice, heeded: Heeded, claim: Option<Uuid>) -> NoticeChange {
    let pace = DeliveryPace {
        base: LEASE,
        jitter: 1.0,
    };
    NoticeChange {
        notice: notice.after(heeded, bench.now(), &pace),
        revision: notice.revision,
        claim,
    }
}

async fn apply(bench: &Bench, change: &NoticeChange) -> Result<(), Stale> {
    let mut applied = bench.store.apply_notices(from_ref(change)).await.unwrap();
    assert_eq!(applied.len(), 1, "one result for each change");
    applied.remove(0)
}

/// A notice that comes again stays as it was, and is given; another tenant's is another.
pub async fn should_keep_a_notice_once(bench: &Bench) {
    let first = kept(bench, "17").await;
    let again = look(bench, first.tenant, "17");
    assert_eq!(keep(bench, &again).await, Some(first.clone()));
    let other = look(bench, bench.tenant().await.id, "17");
    assert_eq!(keep(bench, &other).await, None);
    let claims = claim(bench, 10).await.claims;
    let notices: BTreeSet<_> = claims.iter().map(|it| it.notice.id).collect();
    assert_eq!(notices, BTreeSet::from([first.id, other.id]));
    let whole = claims.iter().find(|it| it.notice.id == first.id);
    assert_eq!(whole.map(|it| &it.notice), Some(&first));
}

/// Several at once are kept together, each once; none is, if the tenant of one is gone.
pub async fn should_keep_all_notices_or_none(bench: &Bench) {
    let tenant = bench.tenant().await.id;
    let (one, other) = (look(bench, tenant, "1"), look(bench, tenant, "2"));
    let gone = look(bench, new_tenant("nobody", bench.now()).id, "3");
    let refused = bench.store.keep_notices(&[one.clone(), gone]).await;
    assert!(matches!(
        refused,
        Err(StoreError::Conflict { field: "tenant" })
    ));
    assert_eq!(claim(bench, 10).await.claims, []);
    let twice = [one.clone(), look(bench, tenant, "1"), other];
    let before = bench.store.keep_notices(&twice).await.unwrap();
    assert_eq!(before, [None, Some(one), None]);
    assert_eq!(claim(bench, 10).await.claims.len(), 2);
    assert!(bench.store.keep_notices(&[]).await.unwrap().is_empty());
}

/// Of many who bring the same at once, one is the first, and the others are given what it brought.
pub async fn should_let_one_of_many_keep_a_notice(bench: &Bench) {
    let tenant = bench.tenant().await.id;
    let bring = |number: usize| {
        let notice = look(bench, tenant, "17");
        let store = match number % 2 {
            0 => Arc::clone(&bench.store),
            _ => Arc::clone(bench.other()),
        };
        tokio::spawn(async move { (notice.id, store.keep_notices(&[notice]).await) })
    };
    let brought = join_all((0..8).map(bring)).await;
    let brought = brought.into_iter().map(Result::unwrap);
    let brought: Vec<_> = brought
        .map(|(id, it)| (id, it.unwrap().remove(0)))
        .collect();
    let firsts = brought.iter().filter(|(_, before)| before.is_none());
    let firsts: Vec<_> = firsts.map(|(id, _)| *id).collect();
    assert_eq!(firsts.len(), 1);
    let mut others = brought.iter().filter_map(|(_, before)| before.as_ref());
    assert!(others.all(|before| before.id == firsts[0]));
}

/// What is claimed is nobody else's, and is not up while it is; no more is claimed than asked for, what waits longest first.
pub async fn should_hand_out_a_notice_once_at_a_time(bench: &Bench) {
    let first = kept(bench, "1").await;
    bench.pass(1);
    let second = kept(bench, "2").await;
    let one = claim(bench, 1).await;
    assert_eq!(one.claims.len(), 1);
    assert_eq!(one.claims[0].notice, first);
    assert_eq!(one.next_ready, second.due_at);
    assert_eq!(claim_one(bench).await.notice, second);
    let none = claim(bench, 10).await;
    assert_eq!(none.claims, []);
    assert_eq!(none.next_ready, Some(bench.at(60)));
}

/// However many workers claim, each notice goes to one of them.
pub async fn should_hand_out_a_notice_exactly_once_under_many_workers(bench: &Bench) {
    let tenant = bench.tenant().await.id;
    let notices: Vec<_> = (0..24)
        .map(|number| look(bench, tenant, &number.to_string()))
        .collect();
    bench.store.keep_notices(&notices).await.unwrap();
    let work = |number: usize| {
        let store = match number % 2 {
            0 => Arc::clone(&bench.store),
            _ => Arc::clone(bench.other()),
        };
        tokio::spawn(async move {
            let mut mine = Vec::new();
            loop {
                let claimed = store.claim_notices(3, LEASE).await.unwrap();
                if claimed.claims.is_empty() && claimed.next_ready.is_none_or(|at| at > claimed.now)
                {
                    return mine;
                }
                mine.extend(claimed.claims.into_iter().map(|it| it.notice.id));
            }
        })
    };
    let all = join_all((0..4).map(work)).await;
    let all: Vec<_> = all.into_iter().flat_map(Result::unwrap).collect();
    let different: BTreeSet<_> = all.iter().copied().collect();
    assert_eq!((all.len(), different.len()), (24, 24));
}

/// A worker that dies keeps nothing from being looked into.
pub async fn should_hand_out_a_notice_again_when_its_lease_ends(bench: &Bench) {
    kept(bench, "17").await;
    let dead = claim_one(bench).await;
    bench.pass(59);
    assert_eq!(claim(bench, 10).await.claims, []);
    bench.pass(1);
    let again = claim_one(bench).await;
    assert_ne!(again.nonce, dead.nonce);
    assert_eq!(again.notice, dead.notice);
}

/// One that failed is up again at its time; one that has ended is not.
pub async fn should_bring_up_a_notice_at_its_time(bench: &Bench) {
    kept(bench, "17").await;
    let claimed = claim_one(bench).await;
    let failed = after(bench, &claimed.notice, Heeded::Failed, Some(claimed.nonce));
    assert_eq!(apply(bench, &failed).await, Ok(()));
    let none = claim(bench, 10).await;
    assert_eq!((none.claims, none.next_ready), (vec![], Some(bench.at(60))));
    bench.pass(60);
    let claimed = claim_one(bench).await;
    assert_eq!(claimed.notice, failed.notice);
    let done = after(bench, &claimed.notice, Heeded::Done, Some(claimed.nonce));
    assert_eq!(apply(bench, &done).await, Ok(()));
    bench.pass(3600);
    let none = claim(bench, 10).await;
    assert_eq!((none.claims, none.next_ready), (vec![], None));
    let again = look(bench, done.notice.tenant, "17");
    assert_eq!(keep(bench, &again).await, Some(done.notice));
}

/// Who has lost a claim changes nothing; nor does who has seen an older one.
pub async fn should_refuse_what_a_lost_claim_found(bench: &Bench) {
    kept(bench, "17").await;
    let lost = claim_one(bench).await;
    bench.pass(60);
    let held = claim_one(bench).await;
    let done = |claim: &NoticeClaim| after(bench, &claim.notice, Heeded::Done, Some(claim.nonce));
    assert_eq!(apply(bench, &done(&lost)).await, Err(Stale));
    let mut old = done(&held);
    old.revision -= 1;
    assert_eq!(apply(bench, &old).await, Err(Stale));
    let both = [done(&lost), done(&held)];
    let applied = bench.store.apply_notices(&both).await.unwrap();
    assert_eq!(applied, [Err(Stale), Ok(())]);
    assert_eq!(apply(bench, &done(&held)).await, Err(Stale), "it has ended");
}

/// Without a claim it changes only while nobody is at it.
pub async fn should_not_change_a_notice_under_way(bench: &Bench) {
    let notice = kept(bench, "17").await;
    claim_one(bench).await;
    let change = after(bench, &notice, Heeded::Failed, None);
    assert_eq!(apply(bench, &change).await, Err(Stale));
    bench.pass(60);
    assert_eq!(apply(bench, &change).await, Ok(()));
    let mut foreign = after(bench, &change.notice, Heeded::Done, None);
    foreign.notice.tenant = bench.tenant().await.id;
    assert_eq!(apply(bench, &foreign).await, Err(Stale));
}

/// A wish to be deleted is found by its code, whatever has become of it, by its own tenant only.
pub async fn should_find_a_deletion_by_its_code(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await.id, bench.tenant().await.id);
    let wish = Notice::of_deletion(tenant, "17".to_owned(), bench.now());
    assert_eq!(keep(bench, &wish).await, None);
    assert_eq!(keep(bench, &look(bench, tenant, "17")).await, None);
    let find =
        async |tenant, code: &DeletionCode| bench.store.deletion(tenant, code).await.unwrap();
    let code = wish.code().unwrap();
    assert_eq!(find(tenant, code).await, Some(wish.clone()));
    assert_eq!(find(other, code).await, None);
    assert_eq!(find(tenant, &DeletionCode::generate(tenant)).await, None);
    let again = Notice::of_deletion(tenant, "17".to_owned(), bench.now());
    assert_eq!(keep(bench, &again).await, Some(wish.clone()));
    let done = after(bench, &wish, Heeded::Done, None);
    assert_eq!(apply(bench, &done).await, Ok(()));
    assert_eq!(find(tenant, code).await, Some(done.notice));
}

/// What has ended is erased when it is kept no longer, and nothing else.
pub async fn should_sweep_notices_that_are_over(bench: &Bench) {
    let tenant = bench.tenant().await.id;
    let wish = Notice::of_deletion(tenant, "17".to_owned(), bench.now());
    let (ended, open) = (look(bench, tenant, "1"), look(bench, tenant, "2"));
    let all = [wish.clone(), ended.clone(), open.clone()];
    bench.store.keep_notices(&all).await.unwrap();
    for notice in [&wish, &ended] {
        let done = after(bench, notice, Heeded::Done, None);
        assert_eq!(apply(bench, &done).await, Ok(()));
    }
    let sweep = async || bench.store.sweep_notices().await.unwrap();
    bench.clock.advance(NOTICE_KEPT - LEASE);
    assert_eq!(sweep().await, 0);
    bench.pass(60);
    assert_eq!(sweep().await, 1);
    assert_eq!(keep(bench, &ended).await, None, "it is not known any more");
    bench.clock.advance(DELETION_KEPT - NOTICE_KEPT);
    assert_eq!(sweep().await, 1);
    let code = wish.code().unwrap();
    assert_eq!(bench.store.deletion(tenant, code).await.unwrap(), None);
    assert!(keep(bench, &open).await.is_some(), "it has not ended");
}

/// They go with their tenant.
pub async fn should_lose_the_notices_of_a_deleted_tenant(bench: &Bench) {
    let notice = kept(bench, "17").await;
    assert!(bench.store.delete_tenant(notice.tenant).await.unwrap());
    assert_eq!(claim(bench, 10).await.claims, []);
    let refused = bench.store.keep_notices(&[notice]).await;
    assert!(matches!(
        refused,
        Err(StoreError::Conflict { field: "tenant" })
    ));
}
