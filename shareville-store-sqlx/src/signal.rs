//! Signals between those who write and those who wait, within one process.

use shareville_core::{event::Event, id::PostId};
use tokio::sync::{broadcast, watch};

/// How many changed posts a slow watcher may be behind before it simply looks again.
const BACKLOG: usize = 256;

/// Who waits listens first and looks then, so that no signal falls in between.
#[derive(Debug)]
pub(crate) struct Signals {
    work: watch::Sender<()>,
    deliveries: watch::Sender<()>,
    /// `None` stands for any post.
    posts: broadcast::Sender<Option<PostId>>,
}

impl Signals {
    pub(crate) fn new() -> Self {
        Self {
            work: watch::Sender::new(()),
            deliveries: watch::Sender::new(()),
            posts: broadcast::Sender::new(BACKLOG),
        }
    }

    /// There may be something to claim earlier than before.
    pub(crate) fn work(&self) {
        self.work.send_replace(());
    }

    /// There may be something to deliver earlier than before.
    pub(crate) fn deliveries(&self) {
        self.deliveries.send_replace(());
    }

    /// These events were told.
    pub(crate) fn told<'a>(&self, events: impl IntoIterator<Item = &'a Event>) {
        if events.into_iter().any(|event| event.kind.is_public()) {
            self.deliveries();
        }
    }

    /// These posts changed.
    pub(crate) fn posts(&self, posts: impl IntoIterator<Item = PostId>) {
        for post in posts {
            // Fails if nobody listens, which is fine.
            let _ = self.posts.send(Some(post));
        }
    }

    /// Any post may have changed.
    pub(crate) fn any_post(&self) {
        // As above.
        let _ = self.posts.send(None);
    }

    pub(crate) fn listen_for_work(&self) -> watch::Receiver<()> {
        self.work.subscribe()
    }

    pub(crate) fn listen_for_deliveries(&self) -> watch::Receiver<()> {
        self.deliveries.subscribe()
    }

    pub(crate) fn listen_for(&self, post: PostId) -> PostSignal {
        PostSignal {
            post,
            posts: self.posts.subscribe(),
        }
    }
}

/// Listens for changes of one post.
#[derive(Debug)]
pub(crate) struct PostSignal {
    post: PostId,
    posts: broadcast::Receiver<Option<PostId>>,
}

impl PostSignal {
    /// Returns once the post may have changed.
    pub(crate) async fn changed(&mut self) {
        loop {
            match self.posts.recv().await {
                Ok(Some(post)) if post != self.post => {}
                // An error means that signals were missed.
                _ => return,
            }
        }
    }
}
