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

use shareville_core::id::PostId;
use sqlx::{PgPool, postgres::PgListener, query, query_scalar};
use tokio::{sync::Notify, task::JoinHandle};
use uuid::Uuid;

use crate::signal::Signals;

/// The least time between two notifications of one process.
const PAUSE: Duration = Duration::from_millis(20);

/// How long to wait before listening again after the connection was lost.
const RECONNECT: Duration = Duration::from_millis(500);

/// The most posts one notification names: beyond, it says only that posts have changed. (It holds 8,000 bytes.)
const MOST: usize = 200;

/// What has not been told yet.
#[derive(Debug, Default)]
struct News {
    work: bool,
    any_post: bool,
    posts: BTreeSet<Uuid>,
}

/// Tells and hears.
#[derive(Debug)]
pub(super) struct Wire {
    signals: Arc<Signals>,
    news: Mutex<News>,
    waiting: Notify,
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
        self.listening.load(Ordering::Relaxed)
    }

    /// There is something to claim soon.
    pub(super) fn work(&self) {
        self.signals.work();
        self.news().work = true;
        self.waiting.notify_one();
    }

    /// These posts changed.
    pub(super) fn posts(&self, posts: impl IntoIterator<Item = PostId>) {
        let posts: Vec<PostId> = posts.into_iter().collect();
        self.news().posts.extend(posts.iter().map(PostId::as_uuid));
        self.signals.posts(posts);
        self.waiting.notify_one();
    }

    /// Any post may have changed.
    pub(super) fn any_post(&self) {
        self.signals.any_post();
        self.news().any_post = true;
        self.waiting.notify_one();
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
            .connect_lazy_with((*pool.connect_options()).clone());
        let mut listener = PgListener::connect_with(&own).await?;
        listener.eager_reconnect(false);
        listener.listen(&self.channel).await?;
        self.listening.store(true, Ordering::Relaxed);
        Ok(listener)
    }

    async fn hear(self: Arc<Self>, pool: PgPool, mut listener: PgListener) {
        loop {
            while let Ok(Some(heard)) = listener.try_recv().await {
                self.heed(heard.payload());
            }
            self.listening.store(false, Ordering::Relaxed);
            tracing::warn!("the connection to PostgreSQL that listens for others was lost");
            listener = loop {
                tokio::time::sleep(RECONNECT).await;
                match self.listen(&pool).await {
                    Ok(listener) => break listener,
                    Err(error) => tracing::debug!(%error, "cannot listen yet"),
                }
            };
            // Nobody knows what was told meanwhile.
            self.signals.work();
            self.signals.any_post();
        }
    }

    fn heed(&self, payload: &str) {
        let mut words = payload.split(' ');
        if words.next() == Some(&self.name) {
            return;
        }
        for word in words {
            match word {
                "work" => self.signals.work(),
                "posts" => self.signals.any_post(),
                // What does not read was told by a version to come.
                post => self.signals.posts(post.parse().ok().map(PostId::from_uuid)),
            }
        }
    }

    async fn tell(self: Arc<Self>, pool: PgPool) {
        loop {
            self.waiting.notified().await;
            let news = std::mem::take(&mut *self.news());
            let mut payload = self.name.clone();
            if news.work {
                payload.push_str(" work");
            }
            if news.any_post || news.posts.len() > MOST {
                payload.push_str(" posts");
            } else {
                for post in news.posts {
                    payload.push(' ');
                    payload.push_str(post.simple().encode_lower(&mut Uuid::encode_buffer()));
                }
            }
            let told = query("SELECT pg_notify($1, $2)")
                .bind(&self.channel)
                .bind(payload)
                .execute(&pool)
                .await;
            if let Err(error) = told {
                // The others look by themselves.
                tracing::debug!(%error, "others could not be told");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
