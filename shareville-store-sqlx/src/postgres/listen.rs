//! Signals between processes: each tells the others of what it has written, once for all that came together.
//!
//! It is told after the commit and beside it: `NOTIFY` within a transaction takes a lock that all of them share until the
//! commit is on the disk. What a process that dies does not tell, the others find when they look by themselves.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use shareville_core::{
    event::Event,
    id::{PostId, TenantId},
    store::{CredentialEpoch, CredentialEpochs, RaisedEpoch, Result},
};
use sqlx::{
    PgConnection, PgPool,
    postgres::{PgListener, PgNotification},
    query, query_scalar, raw_sql,
};
use tokio::{sync::Notify, task::JoinHandle, time::timeout};
use uuid::Uuid;

use super::ALIVE;
use crate::{error::failed, signal::Signals};

/// The least time between two notifications of one process.
const PAUSE: Duration = Duration::from_millis(20);

/// How long to wait before listening again after the connection was lost.
const RECONNECT: Duration = Duration::from_millis(500);

/// How long it may be silent before it is asked whether the connection is still there, and how long that may take.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// The most posts one notification names: beyond, it says only that posts have changed. (It holds 8,000 bytes.)
const MOST: usize = 200;

/// Tells what everybody is to heed.
const ANYBODY: &str = "host";

/// Stands before a tenant whose credentials are no longer what they were.
const OUTDATED: &str = "outdated:";

/// What has not been told yet.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) work: bool,
    pub(super) deliveries: bool,
    pub(super) posts: BTreeSet<Uuid>,
}

impl News {
    fn is_empty(&self) -> bool {
        !self.work && !self.deliveries && self.posts.is_empty()
    }

    /// As it is told, by whom.
    fn payload(&self, name: &str) -> String {
        let mut payload = name.to_owned();
        if self.work {
            payload.push_str(" work");
        }
        if self.deliveries {
            payload.push_str(" deliveries");
        }
        if self.posts.len() > MOST {
            payload.push_str(" posts");
            return payload;
        }
        for post in &self.posts {
            payload.push(' ');
            payload.push_str(post.simple().encode_lower(&mut Uuid::encode_buffer()));
        }
        payload
    }
}

/// Tells and hears.
#[derive(Debug)]
pub(super) struct Wire {
    signals: Arc<Signals>,
    news: Mutex<News>,
    waiting: Notify,
    /// Held while news are told, so that whoever has it knows that all that were taken before have been.
    telling: tokio::sync::Mutex<()>,
    epochs: CredentialEpochs,
    listening: AtomicBool,
    /// Names this store in what it tells, so that it does not heed itself.
    name: String,
    channel: String,
}

/// The tasks that tell and hear, for as long as this is kept.
#[derive(Debug)]
pub(super) struct Tasks(Vec<JoinHandle<()>>);

impl Tasks {
    pub(super) fn stop(&self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Wire {
    /// Starts to listen, on a connection of its own, and to tell.
    pub(super) async fn start(
        pool: &PgPool,
        signals: Arc<Signals>,
    ) -> sqlx::Result<(Arc<Self>, Tasks)> {
        // All who share the tables share the channel, whatever else is in the database.
        let schema: String = query_scalar(
            "SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = 'shareville_lanes'::regclass",
        )
        .fetch_one(pool)
        .await?;
        let wire = Arc::new(Self {
            signals,
            news: Mutex::default(),
            waiting: Notify::new(),
            telling: tokio::sync::Mutex::default(),
            epochs: CredentialEpochs::new(),
            listening: AtomicBool::new(false),
            name: Uuid::now_v7().simple().to_string(),
            channel: format!("shareville {schema}").chars().take(60).collect(),
        });
        let listener = wire.listen(pool).await?;
        let hearing = Arc::clone(&wire).hear(pool.clone(), listener);
        let telling = Arc::clone(&wire).tell(pool.clone());
        let tasks = Tasks(vec![tokio::spawn(hearing), tokio::spawn(telling)]);
        Ok((wire, tasks))
    }

    /// Whether what others do is heard of now.
    pub(super) fn is_listening(&self) -> bool {
        self.listening.load(Ordering::SeqCst)
    }

    /// There is something to claim soon.
    pub(super) fn work(&self) {
        self.signals.work();
        self.news().work = true;
        self.waiting.notify_one();
    }

    /// There is something to deliver soon.
    pub(super) fn deliveries(&self) {
        self.signals.deliveries();
        self.news().deliveries = true;
        self.waiting.notify_one();
    }

    /// These events were told.
    pub(super) fn told<'a>(&self, events: impl IntoIterator<Item = &'a Event>) {
        if events.into_iter().any(|event| event.kind.is_public()) {
            self.deliveries();
        }
    }

    /// The epoch of a tenant's credentials, as long as what others write is heard of.
    pub(super) fn epoch(&self, tenant: TenantId) -> Option<CredentialEpoch> {
        self.is_listening().then(|| self.epochs.of(tenant))
    }

    /// Ends the epoch of a tenant's credentials here once it is dropped.
    pub(super) const fn raising(&self, tenant: TenantId) -> RaisedEpoch<'_> {
        self.epochs.raising(tenant)
    }

    /// Ends it everywhere with the commit of a transaction, so that it does so whatever becomes of this process. Here too:
    /// if the answer to the commit is lost or late, the epoch may have ended before the commit took effect, and another may
    /// have read since what it makes wrong. That happens seldom enough to take the lock.
    pub(super) async fn outdate(&self, on: &mut PgConnection, tenant: TenantId) -> Result<()> {
        query("SELECT pg_notify($1, $2)")
            .bind(&self.channel)
            .bind(format!("{ANYBODY} {OUTDATED}{}", tenant.as_uuid()))
            .execute(on)
            .await
            .map_err(failed)?;
        Ok(())
    }

    /// These posts changed.
    pub(super) fn posts(&self, posts: impl IntoIterator<Item = PostId>) {
        let posts: Vec<PostId> = posts.into_iter().collect();
        self.news().posts.extend(posts.iter().map(PostId::as_uuid));
        self.signals.posts(posts);
        self.waiting.notify_one();
    }

    /// Tells everybody, this process too, with the commit of a host's transaction.
    pub(super) async fn tell_with(&self, on: &mut PgConnection, news: &News) -> Result<()> {
        if news.is_empty() {
            return Ok(());
        }
        query("SELECT pg_notify($1, $2)")
            .bind(&self.channel)
            .bind(news.payload(ANYBODY))
            .execute(on)
            .await
            .map_err(failed)?;
        Ok(())
    }

    fn news(&self) -> std::sync::MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn listen(&self, pool: &PgPool) -> sqlx::Result<PgListener> {
        // Not one of the pool's own, which others wait for.
        let own = sqlx::postgres::PgPoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    raw_sql(ALIVE).execute(connection).await?;
                    Ok(())
                })
            })
            .connect_lazy_with((*pool.connect_options()).clone());
        let mut listener = PgListener::connect_with(&own).await?;
        listener.eager_reconnect(false);
        listener.listen(&self.channel).await?;
        // Nobody knows what was told before.
        self.epochs.raise_all();
        self.listening.store(true, Ordering::SeqCst);
        Ok(listener)
    }

    async fn hear(self: Arc<Self>, pool: PgPool, mut listener: PgListener) {
        loop {
            while let Ok(heard) = next(&mut listener).await {
                if let Some(heard) = heard {
                    self.heed(heard.payload());
                }
            }
            self.listening.store(false, Ordering::SeqCst);
            tracing::warn!("the connection to PostgreSQL that listens for others was lost");
            listener = loop {
                tokio::time::sleep(RECONNECT).await;
                match self.listen(&pool).await {
                    Ok(listener) => break listener,
                    Err(error) => tracing::debug!(%error, "cannot listen yet"),
                }
            };
            // Nor of work and posts.
            self.signals.work();
            self.signals.deliveries();
            self.signals.any_post();
        }
    }

    fn heed(&self, payload: &str) {
        let mut words = payload.split(' ');
        if words.next() == Some(&self.name) {
            return;
        }
        for word in words {
            if let Some(tenant) = word.strip_prefix(OUTDATED) {
                match tenant.parse() {
                    Ok(tenant) => self.epochs.raise(TenantId::from_uuid(tenant)),
                    Err(_) => self.epochs.raise_all(),
                }
                continue;
            }
            match word {
                "work" => self.signals.work(),
                "deliveries" => self.signals.deliveries(),
                "posts" => self.signals.any_post(),
                // What does not read was told by a version to come.
                post => self.signals.posts(post.parse().ok().map(PostId::from_uuid)),
            }
        }
    }

    async fn tell(self: Arc<Self>, pool: PgPool) {
        loop {
            self.waiting.notified().await;
            self.tell_now(&pool).await;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Tells others what they have not been told yet.
    pub(super) async fn tell_now(&self, pool: &PgPool) {
        let _alone = self.telling.lock().await;
        let news = std::mem::take(&mut *self.news());
        if news.is_empty() {
            return;
        }
        let told = query("SELECT pg_notify($1, $2)")
            .bind(&self.channel)
            .bind(news.payload(&self.name))
            .execute(pool)
            .await;
        if let Err(error) = told {
            // The others look by themselves.
            tracing::debug!(%error, "others could not be told");
        }
    }
}

/// The connection that listens is gone.
struct Lost;

/// What is heard next, if anything was before it was time to ask whether anybody is there.
async fn next(listener: &mut PgListener) -> std::result::Result<Option<PgNotification>, Lost> {
    match timeout(HEARTBEAT, listener.try_recv()).await {
        Ok(Ok(Some(heard))) => Ok(Some(heard)),
        Ok(_) => Err(Lost),
        // A connection that is lost without a word is as silent as one on which nothing is told.
        Err(_) => match timeout(HEARTBEAT, query("SELECT 1").execute(listener)).await {
            Ok(Ok(_)) => Ok(None),
            _ => Err(Lost),
        },
    }
}
