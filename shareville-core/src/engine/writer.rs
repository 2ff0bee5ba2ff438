//! Writes changes to the store: whatever comes while one write is under way goes into the next, so that a busy engine
//! needs few transactions and an idle one loses no time.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::{
    post::{Applied, Change},
    store::{Stale, Store, StoreError},
};

/// The most changes in one write.
const MOST: usize = 128;

/// How often a write is tried while the store cannot be reached, with pauses that add up to some 6 seconds.
const TRIES: u32 = 8;

/// Why a change was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotWritten {
    /// The post or the claim has moved on.
    Stale,
    /// The store failed; whether it was written may be unknown.
    StoreFailed,
}

type Answer = Result<Applied, NotWritten>;

/// Takes changes and has them written.
#[derive(Debug, Clone)]
pub(super) struct Writer(mpsc::Sender<(Change, oneshot::Sender<Answer>)>);

impl Writer {
    /// Starts writing to a store; it ends when every copy of the writer is gone.
    pub(super) fn start(store: Arc<dyn Store>) -> Self {
        let (sender, mut inbox) = mpsc::channel::<(Change, oneshot::Sender<Answer>)>(MOST);
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(MOST);
            while inbox.recv_many(&mut batch, MOST).await > 0 {
                let (changes, askers): (Vec<_>, Vec<_>) = batch.drain(..).unzip();
                let answers = write(store.as_ref(), &changes).await;
                for (asker, answer) in askers.into_iter().zip(answers) {
                    // Whoever asked may be gone: then nobody wants to know.
                    let _ = asker.send(answer);
                }
            }
        });
        Self(sender)
    }

    /// Writes a change.
    pub(super) async fn write(&self, change: Change) -> Answer {
        let (asker, answer) = oneshot::channel();
        match self.0.send((change, asker)).await {
            Ok(()) => answer.await.unwrap_or(Err(NotWritten::StoreFailed)),
            Err(_) => Err(NotWritten::StoreFailed),
        }
    }
}

async fn write(store: &dyn Store, changes: &[Change]) -> Vec<Answer> {
    let mut pause = std::time::Duration::from_millis(50);
    for attempt in 1..=TRIES {
        match store.apply(changes).await {
            Ok(answers) => {
                return answers
                    .into_iter()
                    .map(|answer| answer.map_err(|Stale| NotWritten::Stale))
                    .collect();
            }
            Err(error @ StoreError::Unavailable(_)) if attempt < TRIES => {
                tracing::warn!(%error, attempt, "changes could not be written: trying again");
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            // One that cannot be written must not keep the others from it.
            Err(StoreError::Broken(_)) if changes.len() > 1 => {
                let mut answers = Vec::with_capacity(changes.len());
                for change in changes {
                    let single = Box::pin(write(store, std::slice::from_ref(change)));
                    answers.extend(single.await);
                }
                return answers;
            }
            // Whatever was under way at the platform has its mark: the next worker looks.
            Err(error) => {
                tracing::error!(%error, changes = changes.len(), "changes could not be written");
                break;
            }
        }
    }
    vec![Err(NotWritten::StoreFailed); changes.len()]
}
