//! Uploads in memory.

use std::result::Result as StdResult;

use async_trait::async_trait;

use super::{MemoryStore, State};
use crate::{
    clock::Timestamp,
    credential::TokenHash,
    id::{MediaId, TenantId, UserId},
    media::{BegunUpload, MediaPlace, MediaSource, OverQuota, Upload, UploadLimits},
    post::PostStatus,
    store::{MediaStore, NotFinished, Result, StoreError},
};

/// An upload from before its first byte until after its last.
#[derive(Debug)]
pub(super) struct KeptUpload {
    pub(super) begun: BegunUpload,
    /// It, once it is whole.
    whole: Option<Upload>,
    standing: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// There, or to come.
    There,
    /// Nobody sees it any more.
    Discarded,
}

impl KeptUpload {
    fn is_there(&self) -> bool {
        self.standing == Standing::There
    }

    /// As it can be seen.
    fn seen(&self) -> Option<Upload> {
        let whole = self.whole.as_ref().filter(|_| self.is_there())?;
        Some(Upload {
            expires_at: self.begun.expires_at,
            ..whole.clone()
        })
    }

    fn place(&self) -> MediaPlace {
        MediaPlace {
            tenant: self.begun.tenant,
            id: self.begun.id,
        }
    }

    fn original(&self) -> Option<MediaId> {
        self.begun.made_from.as_ref().map(|made| made.original)
    }

    /// The upload that posts name for it.
    fn named(&self) -> MediaId {
        self.original().unwrap_or(self.begun.id)
    }
}

impl State {
    /// Discards uploads.
    pub(super) fn discard(&mut self, which: impl Fn(&KeptUpload) -> bool) {
        for upload in self.uploads.values_mut().filter(|it| which(it)) {
            upload.standing = Standing::Discarded;
        }
    }

    /// How many bytes of others there are: of the tenant, and of the user.
    fn used(&self, but: &BegunUpload) -> (u64, u64) {
        let others = self.uploads.values().filter(|it| {
            it.is_there()
                && it.begun.made_from.is_none()
                && it.begun.tenant == but.tenant
                && it.begun.id != but.id
        });
        others.fold((0, 0), |(tenant, user), it| {
            let own = if it.begun.user == but.user {
                it.begun.bytes
            } else {
                0
            };
            (tenant + it.begun.bytes, user + own)
        })
    }

    fn room(&self, begun: &BegunUpload, limits: &UploadLimits) -> StdResult<(), OverQuota> {
        if begun.made_from.is_some() {
            return Ok(());
        }
        let (tenant, user) = self.used(begun);
        limits.room(begun.bytes, tenant, user)
    }

    fn is_named(&self, upload: &KeptUpload) -> bool {
        let source = MediaSource::MediaId(upload.named());
        self.posts.values().any(|post| {
            post.tenant == upload.begun.tenant
                && post.user == upload.begun.user
                && (post.is_unsettled() || post.status == PostStatus::Draft)
                && post.content.media.iter().any(|it| it.source == source)
        })
    }

    fn keep(&mut self, id: MediaId, until: Timestamp) {
        for upload in self.uploads.values_mut() {
            if upload.named() == id || upload.begun.id == id {
                let expires_at = &mut upload.begun.expires_at;
                *expires_at = until.max(*expires_at);
            }
        }
    }
}

#[async_trait]
impl MediaStore for MemoryStore {
    async fn begin_upload(
        &self,
        begun: &BegunUpload,
        limits: &UploadLimits,
    ) -> Result<StdResult<(), OverQuota>> {
        let mut state = self.state();
        state.tenant_is_there(begun.tenant)?;
        if let Err(over) = state.room(begun, limits) {
            return Ok(Err(over));
        }
        let kept = KeptUpload {
            begun: begun.clone(),
            whole: None,
            standing: Standing::There,
        };
        state.uploads.insert(begun.id, kept);
        Ok(Ok(()))
    }

    async fn finish_upload(
        &self,
        upload: &Upload,
        limits: &UploadLimits,
    ) -> Result<StdResult<(), NotFinished>> {
        let mut state = self.state();
        let found = state.uploads.get(&upload.id);
        let begun = found.filter(|it| it.is_there() && it.begun.tenant == upload.tenant);
        let Some(begun) = begun.map(|it| it.begun.clone()) else {
            return Ok(Err(NotFinished::Gone));
        };
        let begun = BegunUpload {
            bytes: upload.bytes,
            expires_at: upload.expires_at,
            ..begun
        };
        if let Some(made) = &begun.made_from {
            let original = state.uploads.get(&made.original);
            if original.and_then(KeptUpload::seen).is_none() {
                return Ok(Err(NotFinished::Gone));
            }
            let same = |it: &KeptUpload| {
                let of = it.begun.made_from.as_ref();
                it.seen().is_some()
                    && of.is_some_and(|of| (of.original, &of.form) == (made.original, &made.form))
            };
            if state.uploads.values().any(same) {
                return Err(StoreError::Conflict { field: "form" });
            }
        }
        if let Err(over) = state.room(&begun, limits) {
            return Ok(Err(NotFinished::OverQuota(over)));
        }
        if let Some(kept) = state.uploads.get_mut(&upload.id) {
            kept.begun = begun;
            kept.whole = Some(upload.clone());
        }
        Ok(Ok(()))
    }

    async fn uploads(&self, tenant: TenantId, ids: &[MediaId]) -> Result<Vec<Upload>> {
        let state = self.state();
        let found = ids.iter().filter_map(|id| state.uploads.get(id)?.seen());
        Ok(found.filter(|it| it.tenant == tenant).collect())
    }

    async fn upload_by_token(&self, tenant: TenantId, token: &TokenHash) -> Result<Option<Upload>> {
        let state = self.state();
        let mut seen = state.uploads.values().filter_map(KeptUpload::seen);
        Ok(seen.find(|it| it.tenant == tenant && it.token.hash() == Some(*token)))
    }

    async fn rendition(
        &self,
        tenant: TenantId,
        original: MediaId,
        form: &str,
    ) -> Result<Option<Upload>> {
        let state = self.state();
        let mut seen = state.uploads.values().filter_map(KeptUpload::seen);
        Ok(seen.find(|it| {
            let of = it.made_from.as_ref();
            it.tenant == tenant && of.is_some_and(|of| of.original == original && of.form == form)
        }))
    }

    async fn keep_uploads(
        &self,
        tenant: TenantId,
        ids: &[MediaId],
        until: Timestamp,
    ) -> Result<Vec<MediaId>> {
        let mut state = self.state();
        let mut kept = Vec::with_capacity(ids.len());
        for id in ids {
            let seen = state.uploads.get(id).and_then(KeptUpload::seen);
            if seen.is_some_and(|it| it.tenant == tenant) {
                state.keep(*id, until);
                kept.push(*id);
            }
        }
        Ok(kept)
    }

    async fn discard_uploads(&self, tenant: TenantId, ids: &[MediaId]) -> Result<()> {
        self.state().discard(|it| {
            it.begun.tenant == tenant && (ids.contains(&it.begun.id) || ids.contains(&it.named()))
        });
        Ok(())
    }

    async fn discard_uploads_of(&self, tenant: TenantId, user: &UserId) -> Result<Vec<MediaPlace>> {
        let mut state = self.state();
        let theirs = |it: &KeptUpload| it.begun.tenant == tenant && it.begun.user == *user;
        state.discard(theirs);
        let discarded = state.uploads.values().filter(|it| theirs(it));
        Ok(discarded.map(KeptUpload::place).collect())
    }

    async fn sweep_uploads(&self, until: Timestamp, limit: usize) -> Result<usize> {
        let now = self.clock.now();
        let mut state = self.state();
        let over: Vec<MediaId> = state
            .uploads
            .values()
            .filter(|it| it.is_there() && it.begun.expires_at <= now)
            .map(|it| it.begun.id)
            .take(limit)
            .collect();
        let looked_at = over.len();
        for id in over {
            let Some(upload) = state.uploads.get(&id) else {
                continue;
            };
            match upload.whole.is_some() && state.is_named(upload) {
                true => state.keep(id, until),
                false => state.discard(|it| it.begun.id == id),
            }
        }
        Ok(looked_at)
    }

    async fn discarded_uploads(
        &self,
        after: Option<MediaId>,
        limit: usize,
    ) -> Result<Vec<MediaPlace>> {
        let state = self.state();
        let discarded = state.uploads.values().filter(|it| !it.is_there());
        let mut places: Vec<_> = discarded
            .map(KeptUpload::place)
            .filter(|it| after.is_none_or(|after| it.id > after))
            .collect();
        places.sort_unstable_by_key(|it| it.id);
        places.truncate(limit);
        Ok(places)
    }

    async fn forget_uploads(&self, places: &[MediaPlace]) -> Result<()> {
        let mut state = self.state();
        for place in places {
            let discarded = |it: &KeptUpload| !it.is_there() && it.begun.tenant == place.tenant;
            if state.uploads.get(&place.id).is_some_and(discarded) {
                state.uploads.remove(&place.id);
            }
        }
        Ok(())
    }
}
