//! Storing new posts in PostgreSQL: what several callers have to store at one time is stored by one statement, in which the
//! posts of each caller, an *item*, stand or fall for themselves.

use std::{collections::HashSet, iter::repeat_n, sync::Arc};

use shareville_core::{
    idempotency::{Fingerprint, Idempotency, KeyHash},
    post::Post,
    store::{NewPost, Result, StoreError},
};
use sqlx::{PgConnection, PgPool, query_as};
use uuid::Uuid;

use super::{
    PostgresStore,
    clock::{StoreClock, durable, now},
    events::Events,
    gathering::{Gathering, Unanswered, failed_for},
    lanes::Settled,
    lend::AtHand,
    listen::Wire,
};
use crate::{
    error::{conflict_written, is_busy, is_locked_out},
    row::{json, micros, revision},
};

/// Stores items with their events and the answers to be kept, each all or none, in one statement.
///
/// The accounts are locked, so that none goes away meanwhile. Then the keys are taken: who finds one being taken waits until
/// that is done. A tenant's turn is touched only if a post is now the first in its lane. No two items may have the same key.
/// Nothing is waited for longer than the last parameter says, where it says something.
///
/// Answers for each item whether all its accounts are there and whether it was stored; and of all together the time, when
/// the first lane is ready, and whether an endpoint may have to be told.
///
/// Rows are picked out by arrays and hashed sets: joined, each would be held against each, and a plan that was made while
/// there were few reads all that there are.
pub(super) const CREATE: &str = concat!(
    "WITH batch AS MATERIALIZED (
         SELECT * FROM unnest($1::integer[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::uuid[], $7::uuid[],
                              $8::bigint[], $9::text[], $10::bigint[], $11::bigint[], $12::bigint[], $13::text[],
                              $14::boolean[], $15::text[], $16::text[], $17::text[])
              AS b (item, id, tenant, end_user, account, connection, group_id, revision, status, listed_at, due_at,
                    expires_at, known_as, open, record, provider, platform_id)),
     keys AS MATERIALIZED (
         SELECT * FROM unnest($25::integer[], $26::uuid[], $27::bytea[], $28::bytea[], $29::bigint[], $30::text[],
                              $31::bytea[])
              AS k (item, tenant, key, request, expires_at, users, answer)),
     accounts AS MATERIALIZED (
         SELECT a.id, a.tenant FROM shareville_accounts a
         WHERE a.id = ANY ($5::uuid[])
             AND (SELECT CASE WHEN $32::text IS NULL THEN true
                              ELSE set_config('lock_timeout', $32, true) IS NOT NULL END)
         ORDER BY a.id FOR KEY SHARE),
     fits AS MATERIALIZED (
         SELECT item, bool_and((account, tenant) IN (SELECT id, tenant FROM accounts)) AS fits
         FROM batch GROUP BY item),
     kept AS (
         INSERT INTO shareville_answers AS a (tenant, key, request, expires_at, users, answer)
         SELECT tenant, key, request, expires_at, users, answer FROM keys
         WHERE item = ANY (ARRAY(SELECT item FROM fits WHERE fits))
         ORDER BY tenant, key
         ON CONFLICT (tenant, key) DO UPDATE
         SET request = excluded.request, expires_at = excluded.expires_at, users = excluded.users,
             answer = excluded.answer
         WHERE a.expires_at <= ",
    now!("$24"),
    "
         RETURNING a.tenant, a.key),
     goes AS MATERIALIZED (
         SELECT item, fits, fits AND item <> ALL (ARRAY(
             SELECT item FROM keys WHERE (tenant, key) NOT IN (SELECT tenant, key FROM kept))) AS goes
         FROM fits),
     lanes AS (
         INSERT INTO shareville_lanes AS l (tenant, provider, platform_id, next_due, next_expiry)
         SELECT tenant, provider, platform_id, min(due_at), min(expires_at) FROM batch
         WHERE item = ANY (ARRAY(SELECT item FROM goes WHERE goes))
         GROUP BY tenant, provider, platform_id
         ORDER BY tenant, provider COLLATE \"C\", platform_id COLLATE \"C\"
         ON CONFLICT (tenant, provider, platform_id) DO UPDATE
         SET next_due = LEAST(l.next_due, excluded.next_due), next_expiry = LEAST(l.next_expiry, excluded.next_expiry),
             version = l.version + 1
         RETURNING id, tenant, provider, platform_id, next_due, next_expiry, ready_at),
     placed AS MATERIALIZED (
         SELECT b.*, l.id AS lane, l.ready_at, b.due_at = l.next_due OR b.expires_at = l.next_expiry AS leads
         FROM batch b JOIN lanes l USING (tenant, provider, platform_id)
         WHERE b.item = ANY (ARRAY(SELECT item FROM goes WHERE goes))),
     posts AS (
         INSERT INTO shareville_posts (id, tenant, end_user, account, connection, lane, group_id, revision, status,
                                       listed_at, due_at, expires_at, platform_id, open, record)
         SELECT id, tenant, end_user, account, connection, lane, group_id, revision, status,
                listed_at, due_at, expires_at, known_as, open, record FROM placed),
     told AS (
         INSERT INTO shareville_events (id, tenant, subject, record, public)
         SELECT id, tenant, subject, record, public
         FROM unnest($18::integer[], $19::uuid[], $20::uuid[], $21::uuid[], $22::text[], $23::boolean[])
              AS e (item, id, tenant, subject, record, public)
         WHERE item = ANY (ARRAY(SELECT item FROM goes WHERE goes))),
     leaders AS MATERIALIZED (
         SELECT tenant, min(ready_at) AS ready_at FROM placed WHERE leads GROUP BY tenant),
     locked AS MATERIALIZED (
         SELECT tenant FROM shareville_turns WHERE tenant = ANY (ARRAY(SELECT tenant FROM leaders))
         ORDER BY tenant FOR NO KEY UPDATE),
     turns AS (
         UPDATE shareville_turns q
         SET turn = LEAST(q.turn, GREATEST(q.served_at, f.ready_at)), version = q.version + 1
         FROM leaders f
         WHERE q.tenant = ANY (ARRAY(SELECT tenant FROM locked)) AND q.tenant = f.tenant)
     SELECT fits, goes, ",
    now!("$24"),
    ", (SELECT min(ready_at) FROM placed),
            EXISTS (SELECT 1 FROM unnest($20::uuid[], $23::boolean[]) AS e (tenant, public)
                    WHERE e.public AND (SELECT n.active FROM shareville_endpoints n WHERE n.tenant = e.tenant)), ",
    durable!(),
    " FROM goes ORDER BY item"
);

/// Who has more posts to store than these stores them alone.
const FEW: usize = 8;

/// How long any of several items may wait for a lock, of which the others know nothing. Where it lasts longer, each is
/// stored by itself.
const BRIEFLY: &str = "250ms";

/// How long to wait for a key, or what else is needed with it.
const FOR_A_KEY: &str = "10s";

/// What became of posts that were to be stored.
#[derive(Debug, Clone, Copy)]
pub(super) enum Inserted {
    /// They are, and this is when the first of the lanes is ready.
    Done {
        now: i64,
        ready_at: Option<i64>,
        /// Whether an endpoint may have to be told.
        owed: bool,
    },
    /// Some account is not there.
    AccountGone,
    /// Their key is taken.
    KeyTaken,
    /// Their key is being taken, or what they need is locked, and that lasts.
    UnderWay,
}

impl Inserted {
    /// If they are stored, when there is something to do, and whether an endpoint may have to be told.
    pub(super) const fn news(&self) -> Option<(Settled, bool)> {
        match *self {
            Self::Done {
                now,
                ready_at,
                owed,
            } => Some((Settled { now, ready_at }, owed)),
            _ => None,
        }
    }
}

pub(super) const fn account_gone() -> StoreError {
    StoreError::Conflict { field: "account" }
}

/// A post, as it stands in its row.
#[derive(Debug)]
struct PostRow {
    id: Uuid,
    tenant: Uuid,
    end_user: String,
    account: Uuid,
    connection: Uuid,
    group: Option<Uuid>,
    revision: i64,
    status: &'static str,
    listed_at: i64,
    due_at: Option<i64>,
    expires_at: Option<i64>,
    known_as: Option<String>,
    open: bool,
    record: String,
    provider: String,
    platform_id: String,
}

impl PostRow {
    fn of(post: &Post) -> Result<Self> {
        Ok(Self {
            id: post.id.as_uuid(),
            tenant: post.tenant.as_uuid(),
            end_user: post.user.as_str().to_owned(),
            account: post.account.as_uuid(),
            connection: post.connection.as_uuid(),
            group: post.group.map(|group| group.as_uuid()),
            revision: revision(post.revision),
            status: post.status.name(),
            listed_at: micros(post.listed_at()),
            due_at: post.due_at().map(micros),
            expires_at: post.expires_at().map(micros),
            known_as: post.published.platform_id.clone(),
            open: post.is_unsettled(),
            record: json(post)?,
            provider: post.lane.provider.as_str().to_owned(),
            platform_id: post.lane.platform_id.clone(),
        })
    }
}

/// An answer that is kept, as it stands in its row.
#[derive(Debug)]
struct KeyRow {
    tenant: Uuid,
    key: KeyHash,
    request: Fingerprint,
    expires_at: i64,
    users: String,
    answer: Vec<u8>,
}

impl KeyRow {
    fn of(kept: &Idempotency) -> Result<Self> {
        Ok(Self {
            tenant: kept.tenant.as_uuid(),
            key: kept.key,
            request: kept.request,
            expires_at: micros(kept.expires_at),
            users: json(&kept.users)?,
            answer: kept.answer.clone(),
        })
    }
}

/// Posts to be stored, all or none.
#[derive(Debug)]
pub(super) struct Item {
    posts: Vec<PostRow>,
    events: Events,
    key: Option<KeyRow>,
}

impl Item {
    fn of(new: &[NewPost], kept: Option<&Idempotency>) -> Result<Self> {
        let posts = new.iter().map(|new| PostRow::of(&new.post));
        Ok(Self {
            posts: posts.collect::<Result<_>>()?,
            events: Events::of(new.iter().flat_map(|new| &new.events))?,
            key: kept.map(KeyRow::of).transpose()?,
        })
    }
}

/// A column of something that items have.
fn column<'a, R: 'a, T>(
    items: &[&'a Item],
    rows: impl Fn(&'a Item) -> &'a [R],
    value: impl Fn(&'a R) -> T,
) -> Vec<T> {
    let rows = items.iter().copied().flat_map(rows);
    rows.map(value).collect()
}

/// The numbers of the items that something belongs to, of which each has so many.
fn numbers(items: &[&Item], count: impl Fn(&Item) -> usize) -> Vec<i32> {
    let numbered = (0_i32..).zip(items.iter().copied());
    let numbers = numbered.flat_map(|(number, item)| repeat_n(number, count(item)));
    numbers.collect()
}

fn posts(item: &Item) -> &[PostRow] {
    &item.posts
}

fn keys(item: &Item) -> &[KeyRow] {
    item.key.as_slice()
}

/// Stores items, and says of each what became of it.
async fn insert_all(
    on: &mut PgConnection,
    items: &[&Item],
    patience: Option<&str>,
    now: Option<i64>,
) -> sqlx::Result<Vec<Inserted>> {
    let rows: Vec<(bool, bool, i64, Option<i64>, bool)> = query_as(CREATE)
        .bind(numbers(items, |item| item.posts.len()))
        .bind(column(items, posts, |post| post.id))
        .bind(column(items, posts, |post| post.tenant))
        .bind(column(items, posts, |post| post.end_user.as_str()))
        .bind(column(items, posts, |post| post.account))
        .bind(column(items, posts, |post| post.connection))
        .bind(column(items, posts, |post| post.group))
        .bind(column(items, posts, |post| post.revision))
        .bind(column(items, posts, |post| post.status))
        .bind(column(items, posts, |post| post.listed_at))
        .bind(column(items, posts, |post| post.due_at))
        .bind(column(items, posts, |post| post.expires_at))
        .bind(column(items, posts, |post| post.known_as.as_deref()))
        .bind(column(items, posts, |post| post.open))
        .bind(column(items, posts, |post| post.record.as_str()))
        .bind(column(items, posts, |post| post.provider.as_str()))
        .bind(column(items, posts, |post| post.platform_id.as_str()))
        .bind(numbers(items, |item| item.events.ids.len()))
        .bind(column(items, |item| &item.events.ids[..], |id| *id))
        .bind(column(items, |item| &item.events.tenants[..], |id| *id))
        .bind(column(items, |item| &item.events.subjects[..], |id| *id))
        .bind(column(
            items,
            |item| &item.events.records[..],
            |it| it.as_str(),
        ))
        .bind(column(items, |item| &item.events.public[..], |it| *it))
        .bind(now)
        .bind(numbers(items, |item| keys(item).len()))
        .bind(column(items, keys, |kept| kept.tenant))
        .bind(column(items, keys, |kept| &kept.key.as_bytes()[..]))
        .bind(column(items, keys, |kept| &kept.request.as_bytes()[..]))
        .bind(column(items, keys, |kept| kept.expires_at))
        .bind(column(items, keys, |kept| kept.users.as_str()))
        .bind(column(items, keys, |kept| &kept.answer[..]))
        .bind(patience)
        .fetch_all(on)
        .await?;
    if rows.len() != items.len() {
        return Err(sqlx::Error::RowNotFound);
    }
    let inserted = rows
        .into_iter()
        .map(|(fits, goes, now, ready_at, owed)| match (fits, goes) {
            (_, true) => Inserted::Done {
                now,
                ready_at,
                owed,
            },
            (true, false) => Inserted::KeyTaken,
            (false, false) => Inserted::AccountGone,
        });
    Ok(inserted.collect())
}

/// Stores posts by themselves.
pub(super) async fn insert(
    on: &mut PgConnection,
    new: &[NewPost],
    kept: Option<&Idempotency>,
    now: Option<i64>,
) -> Result<Inserted> {
    let item = Item::of(new, kept)?;
    let patience = kept.map(|_| FOR_A_KEY);
    match insert_all(on, &[&item], patience, now).await {
        // There is one for the one item.
        Ok(inserted) => Ok(inserted.first().copied().unwrap_or(Inserted::AccountGone)),
        Err(error) if kept.is_some() && is_locked_out(&error) => Ok(Inserted::UnderWay),
        Err(error) => Err(conflict_written("id")(error)),
    }
}

/// What became of an item; `None` if it is to be stored by itself.
type Answer = Result<Option<Inserted>>;

/// Stores items that come at one time together.
pub(super) type Creating = Gathering<Item, Answer>;

pub(super) fn start(
    clock: StoreClock,
    pool: PgPool,
    at_hand: Arc<AtHand>,
    wire: Arc<Wire>,
) -> Creating {
    let creator = Creator {
        clock,
        pool,
        at_hand,
        wire,
    };
    Gathering::start(move |items: Vec<Item>| {
        let creator = creator.clone();
        async move { creator.create(&items).await }
    })
}

/// Which items have a key that none before them has, or none at all.
fn firsts(items: &[Item]) -> Vec<bool> {
    let mut seen = HashSet::new();
    let mut is_new = |key: &KeyRow| seen.insert((key.tenant, key.key));
    let keys = items.iter().map(|item| item.key.as_ref());
    keys.map(|key| key.is_none_or(&mut is_new)).collect()
}

/// What it takes to store items, without the store, which ends when nobody has it any more.
#[derive(Debug, Clone)]
struct Creator {
    clock: StoreClock,
    pool: PgPool,
    at_hand: Arc<AtHand>,
    wire: Arc<Wire>,
}

impl Creator {
    /// Stores items; one answer for each.
    async fn create(&self, items: &[Item]) -> Vec<Answer> {
        let mut on = match self.at_hand.lend(&self.pool).await {
            Ok(on) => on,
            Err(error) => return failed_for(error, items.len()),
        };
        let is_first = firsts(items);
        let numbered = items.iter().zip(&is_first);
        let first: Vec<&Item> = numbered
            .filter_map(|(item, first)| first.then_some(item))
            .collect();
        let inserted = insert_all(on.on(), &first, Some(BRIEFLY), self.clock.now()).await;
        match inserted {
            Ok(inserted) => {
                on.keep();
                tell(&self.wire, &inserted);
                let mut inserted = inserted.into_iter();
                // Whoever has the key of another looks, and comes again if that was not stored.
                let answer = |first: &bool| match first {
                    true => inserted.next(),
                    false => Some(Inserted::KeyTaken),
                };
                is_first.iter().map(answer).map(Ok).collect()
            }
            Err(error) => {
                let is_busy = is_busy(&error);
                match conflict_written("id")(error) {
                    // Nothing was stored, and it may be because of one of them.
                    error if is_busy || items.len() > 1 && is_refused(&error) => {
                        tracing::debug!(%error, items = items.len(), "stored one by one");
                        items.iter().map(|_| Ok(None)).collect()
                    }
                    error => failed_for(error, items.len()),
                }
            }
        }
    }
}

/// Tells of what was stored, whether or not whoever had it stored is still there.
fn tell(wire: &Wire, inserted: &[Inserted]) {
    // What is said of all together is the same for each.
    let Some((settled, owed)) = inserted.iter().find_map(Inserted::news) else {
        return;
    };
    if settled.is_soon() {
        wire.work();
    }
    if owed {
        wire.deliveries();
    }
}

/// Whether the database found something wrong with what was to be stored.
const fn is_refused(error: &StoreError) -> bool {
    matches!(error, StoreError::Conflict { .. } | StoreError::Broken(_))
}

impl PostgresStore {
    /// Stores posts, together with what others have to store just now if they are few, and tells of it.
    pub(super) async fn insert(
        &self,
        new: &[NewPost],
        kept: Option<&Idempotency>,
    ) -> Result<Inserted> {
        if new.len() <= FEW {
            match self.creating.ask(Item::of(new, kept)?).await {
                Ok(answer) => {
                    if let Some(inserted) = answer? {
                        return Ok(inserted);
                    }
                }
                Err(Unanswered::Gone) => {
                    let source = "whoever was storing it has ended".into();
                    return Err(StoreError::Lost(source));
                }
                Err(Unanswered::NotTaken) => {}
            }
        }
        let mut on = self.lend().await?;
        let inserted = insert(on.on(), new, kept, self.clock.now()).await?;
        on.keep();
        tell(&self.wire, &[inserted]);
        Ok(inserted)
    }
}
