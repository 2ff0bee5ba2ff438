//! Going on though a part panicked: whatever a host's own connector does ends nobody else's work.

use std::{any::Any, panic::AssertUnwindSafe};

use futures::FutureExt as _;

/// Work that panicked, with what it said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it panicked: {0}")]
pub(crate) struct Panicked(String);

impl Panicked {
    fn of(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Self(text.unwrap_or("it did not say why").to_owned())
    }
}

/// Does work that may panic. Nothing of it is used again afterwards but what it has written to the store.
pub(crate) async fn survive<F: Future>(work: F) -> Result<F::Output, Panicked> {
    let done = AssertUnwindSafe(work).catch_unwind().await;
    done.map_err(|payload| Panicked::of(payload.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_should_be_told_with_its_words() {
        assert_eq!(survive(async { 1 }).await, Ok(1));
        let broken = survive(async { panic!("no {}", "luck") }).await;
        assert_eq!(broken, Err::<(), _>(Panicked("no luck".to_owned())));
    }
}
