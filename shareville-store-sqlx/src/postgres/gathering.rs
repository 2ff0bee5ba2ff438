//! What many ask for at once is done together: whatever comes while one statement is under way goes into the next, so that
//! a busy store needs few statements and an idle one loses no time.

use std::{error::Error, fmt, sync::Arc};

use shareville_core::store::{Result, StoreError};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

/// The most that are answered together. As many may wait beside them; the rest wait for room.
const MOST: usize = 64;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// Nobody takes questions any more: nothing was done.
    NotTaken,
    /// Who took it is gone: nobody can tell what was done.
    Gone,
}

/// Takes questions and has them answered, some together, by a task that ends with this.
pub(super) struct Gathering<Q, A> {
    inbox: mpsc::Sender<(Q, oneshot::Sender<A>)>,
    task: JoinHandle<()>,
}

impl<Q, A> fmt::Debug for Gathering<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gathering").finish_non_exhaustive()
    }
}

impl<Q, A> Drop for Gathering<Q, A> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<Q: Send + 'static, A: Send + 'static> Gathering<Q, A> {
    /// Starts to take questions; `answer` gives one answer for each, in their order.
    pub(super) fn start<F>(mut answer: impl FnMut(Vec<Q>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Vec<A>> + Send + 'static,
    {
        let (inbox, mut asked) = mpsc::channel::<(Q, oneshot::Sender<A>)>(MOST);
        let task = tokio::spawn(async move {
            let mut batch = Vec::with_capacity(MOST);
            while asked.recv_many(&mut batch, MOST).await > 0 {
                // Who has gone away meanwhile does not want to know any more.
                let waiting = batch.drain(..).filter(|(_, asker)| !asker.is_closed());
                let (questions, askers): (Vec<_>, Vec<_>) = waiting.unzip();
                if questions.is_empty() {
                    continue;
                }
                let answers = answer(questions).await;
                for (asker, answer) in askers.into_iter().zip(answers) {
                    // Nor who goes away while it is done.
                    let _ = asker.send(answer);
                }
            }
        });
        Self { inbox, task }
    }

    /// Asks. Whoever is dropped while waiting may yet have been heard.
    pub(super) async fn ask(&self, question: Q) -> std::result::Result<A, Unanswered> {
        let (asker, answer) = oneshot::channel();
        match self.inbox.send((question, asker)).await {
            Ok(()) => answer.await.map_err(|_| Unanswered::Gone),
            Err(_) => Err(Unanswered::NotTaken),
        }
    }
}

/// Why something failed, underneath.
type Source = Box<dyn Error + Send + Sync>;

/// Tells all who asked together that it failed.
pub(super) fn failed_for<T>(error: StoreError, count: usize) -> Vec<Result<T>> {
    if count == 1 {
        return vec![Err(error)];
    }
    let (kind, source): (fn(Source) -> StoreError, Source) = match error {
        StoreError::Unavailable(source) => (StoreError::Unavailable, source),
        StoreError::Lost(source) => (StoreError::Lost, source),
        StoreError::Broken(source) => (StoreError::Broken, source),
        other => (StoreError::Broken, Box::new(other)),
    };
    let source: Arc<dyn Error + Send + Sync> = Arc::from(source);
    let failed = |_| Err(kind(Box::new(Arc::clone(&source))));
    (0..count).map(failed).collect()
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    /// Answers with how many were asked together, each once there is a permit for it.
    fn counting() -> (Arc<Gathering<(), usize>>, Arc<Semaphore>) {
        let permits = Arc::new(Semaphore::new(0));
        let given = Arc::clone(&permits);
        let gathering = Gathering::start(move |asked: Vec<()>| {
            let given = Arc::clone(&given);
            async move {
                given.acquire().await.unwrap().forget();
                vec![asked.len(); asked.len()]
            }
        });
        (Arc::new(gathering), permits)
    }

    fn ask(
        gathering: &Arc<Gathering<(), usize>>,
    ) -> JoinHandle<std::result::Result<usize, Unanswered>> {
        let gathering = Arc::clone(gathering);
        tokio::spawn(async move { gathering.ask(()).await })
    }

    async fn let_others_go_on() {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn what_comes_meanwhile_should_be_answered_together_and_but_for_those_who_left() {
        let (gathering, permits) = counting();
        let first = ask(&gathering);
        let_others_go_on().await;
        let (gone, others) = (ask(&gathering), [ask(&gathering), ask(&gathering)]);
        let_others_go_on().await;
        gone.abort();
        let_others_go_on().await;
        permits.add_permits(2);
        assert_eq!(first.await.unwrap(), Ok(1));
        for other in others {
            assert_eq!(other.await.unwrap(), Ok(2));
        }
    }

    #[tokio::test]
    async fn who_is_never_answered_should_be_told() {
        let (gathering, _permits) = counting();
        let under_way = ask(&gathering);
        let_others_go_on().await;
        gathering.task.abort();
        assert_eq!(under_way.await.unwrap(), Err(Unanswered::Gone));
        assert_eq!(gathering.ask(()).await, Err(Unanswered::NotTaken));
    }

    #[test]
    fn all_should_be_told_why_it_failed() {
        let error = StoreError::Lost("gone".into());
        let told = failed_for::<()>(error, 2);
        assert_eq!(told.len(), 2);
        for told in told {
            let Err(StoreError::Lost(source)) = told else {
                panic!("{told:?}");
            };
            assert_eq!(source.to_string(), "gone");
        }
    }
}
