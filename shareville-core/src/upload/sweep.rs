//! Erasing uploads: those whose time is over, those of who is erased, and what is left of those that broke off.

use crate::{
    clock::later,
    error::Error,
    id::{TenantId, UserId},
    media::{MediaKeeper, MediaPlace},
    shareville::Shareville,
};

/// How many uploads are looked at, or erased, in one go.
const BATCH: usize = 100;

/// How many times in one sweep as many are looked at: each that is kept is over again once its time is.
const MOST_BATCHES: usize = 1000;

impl Shareville {
    /// Erases uploads whose time is over, and what is left of those that broke off. What a post names which is a draft or
    /// not settled stays.
    ///
    /// # Errors
    /// [`Error::Store`]; [`Error::Media`] if some could not be erased: they are found again.
    pub async fn sweep_uploads(&self) -> Result<(), Error> {
        let Some(keeper) = self.keeper() else {
            return Ok(());
        };
        for _ in 0..MOST_BATCHES {
            let until = later(self.clock().now(), self.settings().uploads.life);
            if self.store().sweep_uploads(until, BATCH).await? < BATCH {
                break;
            }
        }
        let (mut erased, mut after) = (Ok(()), None);
        loop {
            let places = self.store().discarded_uploads(after, BATCH).await?;
            after = places.last().map(|last| last.id);
            // What cannot be erased must not keep what comes after it.
            erased = self.erase_bytes(keeper.as_ref(), &places).await.and(erased);
            if places.len() < BATCH {
                return erased;
            }
        }
    }

    /// Erases an end user's uploads.
    pub(crate) async fn erase_uploads_of(
        &self,
        tenant: TenantId,
        user: &UserId,
    ) -> Result<(), Error> {
        let places = self.store().discard_uploads_of(tenant, user).await?;
        // Nobody sees them any more; what cannot be erased now, a sweep erases.
        match self.keeper() {
            Some(keeper) => self.erase_bytes(keeper.as_ref(), &places).await,
            None => Ok(()),
        }
    }

    async fn erase_bytes(
        &self,
        keeper: &dyn MediaKeeper,
        places: &[MediaPlace],
    ) -> Result<(), Error> {
        let mut erased = Vec::with_capacity(places.len());
        let mut failed = None;
        for place in places {
            match keeper.erase(*place).await {
                Ok(()) => erased.push(*place),
                // One that cannot be erased must not keep the others.
                Err(error) => failed = Some(error),
            }
        }
        if !erased.is_empty() {
            self.store().forget_uploads(&erased).await?;
        }
        failed.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Erases what is left of an upload that was not taken; what cannot be erased now, a sweep erases.
    pub(super) async fn clear_up(&self, keeper: &dyn MediaKeeper, place: MediaPlace) {
        let cleared = async {
            let store = self.store();
            store.discard_uploads(place.tenant, &[place.id]).await?;
            self.erase_bytes(keeper, &[place]).await
        };
        if let Err(error) = cleared.await {
            tracing::warn!(%error, tenant = %place.tenant, upload = %place.id, "what is left of an upload is erased later");
        }
    }
}
