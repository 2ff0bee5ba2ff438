//! Reading media: what they are, where a platform can fetch them, and their bytes.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use shareville_core::{
    id::{MediaId, TenantId},
    media::{
        Addressed, BegunUpload, JpegLimits, MadeFrom, MediaError, MediaFacts, MediaForm,
        MediaFormat, MediaReader, MediaSource, MediaToken, Upload,
    },
    store::{NotFinished, StoreError},
};

use crate::{
    MediaLibrary,
    library::{Inner, unknown},
    picture::{self, Brought, Jpeg},
};

/// What a form is called, the same for the same one.
fn name_of(limits: JpegLimits) -> String {
    let JpegLimits {
        max_bytes,
        min_width,
        max_width,
    } = limits;
    format!("jpeg {max_bytes} {min_width}-{max_width}")
}

/// Somebody else was at the same upload meanwhile: the next try finds what has become of it.
fn lost_race() -> MediaError {
    MediaError::Unavailable("the upload was changed meanwhile".into())
}

impl Inner {
    fn original(&self, upload: &Upload) -> Addressed {
        Addressed {
            url: upload.url(&self.api_url).into(),
            changed: None,
        }
    }

    fn made(&self, rendition: &Upload) -> Addressed {
        Addressed {
            url: rendition.url(&self.api_url).into(),
            changed: rendition
                .made_from
                .as_ref()
                .map(|made| made.changed.clone()),
        }
    }

    async fn in_form(&self, upload: &Upload, limits: JpegLimits) -> Result<Addressed, MediaError> {
        let form = name_of(limits);
        if let Some(made) = self.rendition(upload, &form).await? {
            return Ok(self.made(&made));
        }
        let format = upload.facts.format;
        if upload.bytes > self.options.max_picture_bytes {
            let most = self.options.max_picture_bytes;
            let (is, bytes) = (format.name(), upload.bytes);
            return Err(MediaError::NotConvertible(format!(
                "this {is} file has {bytes} bytes, and pictures of up to {most} bytes are converted: upload a smaller one"
            )));
        }
        let turn = self.turn().await?;
        // While it waited, it may have been made.
        if let Some(made) = self.rendition(upload, &form).await? {
            return Ok(self.made(&made));
        }
        let bytes = self.objects.read(upload.place(), 0..upload.bytes).await?;
        let max_pixels = self.options.max_pixels;
        let brought = tokio::task::spawn_blocking(move || {
            let brought = picture::bring(format, &bytes, limits, max_pixels);
            drop(turn);
            brought
        });
        let brought = brought
            .await
            .map_err(|stopped| MediaError::Unavailable(Box::new(stopped)))??;
        match brought {
            Brought::AsItIs => Ok(self.original(upload)),
            Brought::Made(jpeg) => self.keep_rendition(upload, form, jpeg).await,
        }
    }

    async fn rendition(&self, upload: &Upload, form: &str) -> Result<Option<Upload>, MediaError> {
        let found = self.store.rendition(upload.tenant, upload.id, form).await;
        found.map_err(unknown)
    }

    /// Keeps a rendition beside its original, unless somebody else was first.
    async fn keep_rendition(
        &self,
        upload: &Upload,
        form: String,
        jpeg: Jpeg,
    ) -> Result<Addressed, MediaError> {
        let limits = &self.options.limits;
        let until = self.kept_until();
        let bytes = jpeg.bytes.len() as u64;
        let begun = BegunUpload {
            id: MediaId::generate(),
            tenant: upload.tenant,
            user: upload.user.clone(),
            made_from: Some(MadeFrom {
                original: upload.id,
                form: form.clone(),
                changed: jpeg.changed,
            }),
            bytes,
            expires_at: until,
        };
        let rendition = Upload {
            id: begun.id,
            tenant: begun.tenant,
            user: begun.user.clone(),
            token: MediaToken::generate(begun.tenant),
            facts: MediaFacts {
                bytes: Some(bytes),
                width: Some(jpeg.width),
                height: Some(jpeg.height),
                ..MediaFacts::of(MediaFormat::Jpeg)
            },
            bytes,
            made_from: begun.made_from.clone(),
            created_at: self.options.clock.now(),
            expires_at: until,
        };
        let taken = self.store.begin_upload(&begun, limits).await;
        // Renditions count for no quota, so there is always room.
        taken.map_err(unknown)?.map_err(|_| lost_race())?;
        let kept = self.objects.put(rendition.place(), jpeg.bytes).await;
        let finished = match kept {
            Ok(()) => self.store.finish_upload(&rendition, limits).await,
            Err(error) => {
                self.give_up(&rendition).await;
                return Err(error);
            }
        };
        match finished {
            Ok(Ok(())) => return Ok(self.made(&rendition)),
            // It may be written: a sweep finds out whether it is to stay.
            Err(error @ StoreError::Lost(_)) => return Err(unknown(error)),
            Ok(Err(NotFinished::Gone | NotFinished::OverQuota(_))) => {
                self.give_up(&rendition).await;
                // Whether it or the original is gone, the next try finds out.
                return Err(lost_race());
            }
            Err(StoreError::Conflict { .. }) => self.give_up(&rendition).await,
            Err(error) => {
                self.give_up(&rendition).await;
                return Err(unknown(error));
            }
        }
        let first = self.rendition(upload, &form).await?;
        first.map(|first| self.made(&first)).ok_or_else(lost_race)
    }

    /// Erases a rendition that is of no use; what cannot be erased now, a sweep erases.
    async fn give_up(&self, rendition: &Upload) {
        let cleared = async {
            let store = &self.store;
            let discarded = store
                .discard_uploads(rendition.tenant, &[rendition.id])
                .await;
            discarded.map_err(unknown)?;
            self.objects.erase(rendition.place()).await?;
            let forgotten = store.forget_uploads(&[rendition.place()]).await;
            forgotten.map_err(unknown)
        };
        if let Err(error) = cleared.await {
            tracing::warn!(%error, tenant = %rendition.tenant, upload = %rendition.id, "a rendition of no use is erased later");
        }
    }
}

#[async_trait]
impl MediaReader for MediaLibrary {
    async fn facts(
        &self,
        tenant: TenantId,
        source: &MediaSource,
    ) -> Result<MediaFacts, MediaError> {
        match source {
            MediaSource::MediaId(id) => Ok(self.0.upload(tenant, *id).await?.facts),
            MediaSource::Url(_) => self.0.fetched.facts(tenant, source).await,
        }
    }

    async fn address(
        &self,
        tenant: TenantId,
        source: &MediaSource,
        form: MediaForm,
    ) -> Result<Addressed, MediaError> {
        let id = match source {
            MediaSource::Url(_) => return self.0.fetched.address(tenant, source, form).await,
            MediaSource::MediaId(id) => *id,
        };
        let upload = self.0.upload(tenant, id).await?;
        let addressed = match form {
            MediaForm::AsItIs => self.0.original(&upload),
            MediaForm::Jpeg(limits) => self.0.in_form(&upload, limits).await?,
            _ => {
                return Err(MediaError::NotSupported(
                    "the platform wants a form that is not known here",
                ));
            }
        };
        // This is its last use so far: the platform has a day to fetch it, whatever becomes of the post.
        let until = self.0.kept_until();
        let kept = self.0.store.keep_uploads(tenant, &[id], until).await;
        match kept.map_err(unknown)?.is_empty() {
            true => Err(MediaError::Unknown),
            false => Ok(addressed),
        }
    }

    async fn read(
        &self,
        tenant: TenantId,
        source: &MediaSource,
        range: Range<u64>,
    ) -> Result<Bytes, MediaError> {
        match source {
            MediaSource::Url(_) => self.0.fetched.read(tenant, source, range).await,
            MediaSource::MediaId(id) => {
                let upload = self.0.upload(tenant, *id).await?;
                let within = range.start.min(upload.bytes)..range.end.min(upload.bytes);
                self.0.objects.read(upload.place(), within).await
            }
        }
    }
}
