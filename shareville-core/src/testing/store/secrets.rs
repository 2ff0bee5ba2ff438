//! Everything sealed, and exchanging it.

use std::slice::from_ref;

use super::{Bench, START};
use crate::{
    connection::{Account, Connection, Grant, Login},
    credential::{Purpose, TokenHash, mint},
    id::{Provider, UserId},
    secret::{Belongs, Keyring, Sealed},
    store::{Holder, LoginFound, PageRequest, SealedSecret, Swap},
    tenant::{SealedApp, Tenant, app_secret_place, webhook_secret_place},
};

/// A tenant with a secret in each place there is.
struct Full {
    tenant: Tenant,
    connection: Connection,
    accounts: Vec<Account>,
    state: TokenHash,
    grant: Grant,
    expected: Vec<(Holder, Belongs, Sealed)>,
}

async fn full(bench: &Bench, keyring: &Keyring) -> Full {
    let store = &bench.store;
    let mut tenant = bench.tenant().await;
    let sealed = |place: Belongs| keyring.seal(place, &"secret".into());
    let app = |provider: &Provider| {
        Some(SealedApp {
            id: format!("{provider} app"),
            secret: Some(sealed(app_secret_place(tenant.id, provider))),
        })
    };
    (tenant.facebook, tenant.instagram) = (app(&Provider::facebook()), app(&Provider::instagram()));
    // Of two secrets in one place, each is met.
    for _ in 0..2 {
        tenant.add_webhook_secret(sealed(webhook_secret_place(tenant.id)), bench.now());
    }
    tenant.revision += 1;
    let updated = store.update_tenant(&tenant, 1, &[]).await;
    updated.unwrap().unwrap();
    let account = bench.account(&tenant).await;
    let read = store.connection(tenant.id, account.connection).await;
    let connection = read.unwrap().unwrap();
    let page = store.accounts(tenant.id, connection.id, PageRequest::first(10));
    let accounts = page.await.unwrap().items;
    let state = login(bench, &tenant).await;
    let answer = sealed(Login::answer_place(tenant.id));
    let code = mint(Purpose::Grant, tenant.id).hash;
    let taken = store.take_login(tenant.id, &state, &code).await;
    assert!(matches!(taken, Ok(LoginFound::First(_))));
    let finished = store.finish_login(tenant.id, &state, &answer).await;
    finished.unwrap();
    let grant = Grant {
        hash: mint(Purpose::Grant, tenant.id).hash,
        tenant: tenant.id,
        user: UserId::new("user"),
        provider: Provider::facebook(),
        sealed: sealed(Grant::place(tenant.id)),
        expires_at: bench.at(600),
    };
    store.create_grant(&grant).await.unwrap();

    let mut expected = Vec::new();
    let mut stands = |holder: Holder, sealed: Vec<(Belongs, &mut Sealed)>| {
        expected.extend(
            sealed
                .into_iter()
                .map(|(place, it)| (holder, place, it.clone())),
        );
    };
    stands(Holder::Tenant(tenant.id), tenant.clone().sealed_mut());
    stands(
        Holder::Connection(connection.id),
        connection.clone().sealed_mut(),
    );
    for account in &accounts {
        stands(Holder::Account(account.id), account.clone().sealed_mut());
    }
    let mut answer = answer;
    stands(
        Holder::Login(state),
        vec![(Login::answer_place(tenant.id), &mut answer)],
    );
    stands(Holder::Grant(grant.hash), grant.clone().sealed_mut());
    Full {
        tenant,
        connection,
        accounts,
        state,
        grant,
        expected,
    }
}

async fn login(bench: &Bench, tenant: &Tenant) -> TokenHash {
    let login = Login {
        hash: mint(Purpose::LoginState, tenant.id).hash,
        tenant: tenant.id,
        user: UserId::new("user"),
        provider: Provider::facebook(),
        redirect_uri: None,
        confirm: true,
        expires_at: bench.at(600),
        outcome: None,
    };
    bench.store.begin_login(&login).await.unwrap();
    login.hash
}

/// Walks to the end; gives what was met and how many records were looked into.
async fn walk(bench: &Bench, step: usize) -> (Vec<SealedSecret>, usize) {
    let (mut met, mut holders, mut after) = (Vec::new(), 0, None);
    loop {
        let page = bench.store.sealed(after.as_ref(), step).await.unwrap();
        assert!(page.holders <= step);
        met.extend(page.secrets);
        holders += page.holders;
        after = page.next;
        if after.is_none() {
            return (met, holders);
        }
    }
}

fn swap(old: &SealedSecret) -> Swap {
    let new = Sealed::from_bytes([b"new ", old.sealed.as_bytes()].concat());
    Swap {
        old: old.clone(),
        new,
    }
}

/// A walk meets every secret of every tenant, in its place, whether its time is over or not.
pub async fn should_walk_through_everything_sealed(bench: &Bench) {
    let keyring = Keyring::ephemeral();
    assert_eq!(walk(bench, 10).await, (Vec::new(), 0));
    let (one, other) = (full(bench, &keyring).await, full(bench, &keyring).await);
    // These hold none.
    bench.tenant().await;
    login(bench, &one.tenant).await;
    bench.pass(601);
    let (met, holders) = walk(bench, 100).await;
    assert_eq!(bench.store.holders().await.unwrap(), holders as u64);
    let expected: Vec<_> = one.expected.into_iter().chain(other.expected).collect();
    assert_eq!(met.len(), expected.len());
    for (holder, place, sealed) in expected {
        let secret = SealedSecret {
            holder,
            place,
            sealed,
        };
        assert!(met.contains(&secret), "{secret:?} was not met");
    }
}

/// However small the steps are, no secret is left out or met twice.
pub async fn should_meet_each_secret_once_whatever_the_step(bench: &Bench) {
    let keyring = Keyring::ephemeral();
    for _ in 0..3 {
        full(bench, &keyring).await;
        bench.tenant().await;
    }
    let whole = walk(bench, 1000).await;
    for step in [1, 2, 3, 7] {
        assert_eq!(walk(bench, step).await, whole, "in steps of {step}");
    }
}

/// A swap exchanges the secret; the rest of the record stays, its revision and times too.
pub async fn should_swap_a_secret_and_nothing_else(bench: &Bench) {
    let full = full(bench, &Keyring::ephemeral()).await;
    let (met, _) = walk(bench, 100).await;
    bench.pass(1);
    let swaps: Vec<_> = met.iter().map(swap).collect();
    let swapped = bench.store.swap(&swaps).await.unwrap();
    assert_eq!(swapped, vec![true; swaps.len()]);
    let new = |sealed: &mut Sealed| {
        let swap = swaps.iter().find(|swap| swap.old.sealed == *sealed);
        *sealed = swap.unwrap().new.clone();
    };
    let store = &bench.store;
    let id = full.tenant.id;

    let mut tenant = full.tenant;
    tenant.sealed_mut().into_iter().for_each(|(_, it)| new(it));
    assert_eq!(store.tenant(id).await.unwrap(), Some(tenant));
    let mut connection = full.connection;
    new(&mut connection.token);
    let read = store.connection(id, connection.id).await.unwrap();
    assert_eq!(read, Some(connection));
    for mut account in full.accounts {
        account.sealed_mut().into_iter().for_each(|(_, it)| new(it));
        let read = store.account(id, account.id).await.unwrap();
        assert_eq!(read, Some(account));
    }
    let login = store.login(id, &full.state).await.unwrap().unwrap();
    let answer = login.outcome.and_then(|it| it.answer).unwrap();
    assert!(answer.as_bytes().starts_with(b"new "));
    let mut grant = full.grant;
    new(&mut grant.sealed);
    let taken = store.take_grant(id, &grant.hash, START).await;
    assert_eq!(taken.unwrap(), Some(grant));
}

/// What has changed since it was read, is gone, or is another tenant's, stays as it is.
pub async fn should_not_swap_what_has_changed_meanwhile(bench: &Bench) {
    let keyring = Keyring::ephemeral();
    let full = full(bench, &keyring).await;
    let other = bench.tenant().await;
    let (met, _) = walk(bench, 100).await;
    let swaps: Vec<_> = met.iter().map(swap).collect();
    bench.store.swap(&swaps).await.unwrap();
    let after = walk(bench, 100).await;
    let again = bench.store.swap(&swaps).await.unwrap();
    assert_eq!(again, vec![false; swaps.len()], "it was swapped already");
    let foreign = after.0.iter().map(|it| {
        let mut swap = swap(it);
        swap.old.place.tenant = other.id;
        swap
    });
    let foreign: Vec<_> = foreign.collect();
    let swapped = bench.store.swap(&foreign).await.unwrap();
    assert_eq!(swapped, vec![false; foreign.len()], "another tenant's");
    assert_eq!(walk(bench, 100).await, after);
    let gone: Vec<_> = after.0.iter().map(swap).collect();
    bench.store.delete_tenant(full.tenant.id).await.unwrap();
    let swapped = bench.store.swap(&gone).await.unwrap();
    assert_eq!(swapped, vec![false; gone.len()], "they are gone");
}

/// One that does not fit keeps none of the others back.
pub async fn should_answer_each_swap_for_itself(bench: &Bench) {
    full(bench, &Keyring::ephemeral()).await;
    let (met, _) = walk(bench, 100).await;
    let mut swaps: Vec<_> = met.iter().map(swap).collect();
    let stale = Swap {
        old: SealedSecret {
            sealed: Sealed::from_bytes(vec![1]),
            ..met[1].clone()
        },
        new: Sealed::from_bytes(vec![2]),
    };
    swaps.insert(1, stale);
    let swapped = bench.store.swap(&swaps).await.unwrap();
    let expected: Vec<_> = (0..swaps.len()).map(|at| at != 1).collect();
    assert_eq!(swapped, expected);
    assert_eq!(bench.store.swap(&[]).await.unwrap(), Vec::<bool>::new());
}

/// The first probe of a key stays until it is forgotten.
pub async fn should_keep_the_first_probe_of_a_key(bench: &Bench) {
    let store = &bench.store;
    let probe = |byte: u8| Sealed::from_bytes(vec![byte]);
    assert_eq!(store.probes().await.unwrap(), Vec::new());
    store.keep_probe("a", &probe(1)).await.unwrap();
    store.keep_probe("a", &probe(2)).await.unwrap();
    store.keep_probe("b", &probe(3)).await.unwrap();
    let mut probes = store.probes().await.unwrap();
    probes.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    assert_eq!(probes, [probe(1), probe(3)]);
    let unknown = "nobody's".to_owned();
    store
        .forget_probes(&["a".to_owned(), unknown])
        .await
        .unwrap();
    assert_eq!(store.probes().await.unwrap(), [probe(3)]);
    store
        .forget_probes(from_ref(&"b".to_owned()))
        .await
        .unwrap();
    assert_eq!(store.probes().await.unwrap(), Vec::new());
}
