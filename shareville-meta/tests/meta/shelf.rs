//! A reader of media that has one medium, and remembers how it was asked for.

use std::{
    ops::Range,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use shareville_core::{
    id::{MediaId, TenantId},
    media::{
        Addressed, Media, MediaError, MediaFacts, MediaForm, MediaFormat, MediaKind, MediaReader,
        MediaSource,
    },
    post::{Content, Placement},
    publisher::Job,
};

use crate::support::job;

/// Where uploaded media are served.
pub(crate) const SERVED: &str = "https://site.example/media/token";

#[derive(Debug)]
pub(crate) struct Shelf {
    facts: Option<MediaFacts>,
    bytes: Vec<u8>,
    /// What is done to an uploaded medium for an address in another form.
    change: Option<&'static str>,
    asked: Mutex<Vec<MediaForm>>,
}

impl Shelf {
    pub(crate) fn of(facts: MediaFacts) -> Self {
        Self {
            facts: Some(facts),
            bytes: b"a film or so!".to_vec(),
            change: None,
            asked: Mutex::default(),
        }
    }

    /// What its head tells nobody can say.
    pub(crate) fn unreadable() -> Self {
        Self {
            facts: None,
            ..Self::of(landscape())
        }
    }

    pub(crate) fn with_bytes(mut self, bytes: &[u8]) -> Self {
        self.bytes = bytes.to_vec();
        self
    }

    /// The same with something that has to be done to it.
    pub(crate) fn changed(mut self, change: &'static str) -> Self {
        self.change = Some(change);
        self
    }

    /// In which forms addresses were asked for.
    pub(crate) fn asked(&self) -> Vec<MediaForm> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl MediaReader for Shelf {
    async fn facts(&self, _: TenantId, _: &MediaSource) -> Result<MediaFacts, MediaError> {
        let unreachable = || MediaError::Unreachable("connection refused".into());
        self.facts.clone().ok_or_else(unreachable)
    }

    async fn address(
        &self,
        _: TenantId,
        source: &MediaSource,
        form: MediaForm,
    ) -> Result<Addressed, MediaError> {
        self.asked.lock().unwrap().push(form);
        let (url, changed) = match source {
            MediaSource::Url(url) => (url.clone(), None),
            MediaSource::MediaId(_) if form == MediaForm::AsItIs => (SERVED.to_owned(), None),
            MediaSource::MediaId(_) => (SERVED.to_owned(), self.change.map(str::to_owned)),
        };
        Ok(Addressed { url, changed })
    }

    async fn read(
        &self,
        _: TenantId,
        _: &MediaSource,
        range: Range<u64>,
    ) -> Result<Bytes, MediaError> {
        let end = range.end.min(self.bytes.len().try_into().unwrap());
        let range = usize::try_from(range.start).unwrap()..usize::try_from(end).unwrap();
        Ok(Bytes::copy_from_slice(
            self.bytes.get(range).unwrap_or_default(),
        ))
    }
}

/// A film that is no Reel.
pub(crate) fn landscape() -> MediaFacts {
    MediaFacts {
        bytes: Some(13),
        width: Some(1920),
        height: Some(1080),
        duration: Some(Duration::from_secs(300)),
        ..MediaFacts::of(MediaFormat::Mp4)
    }
}

/// A film that is a Reel.
pub(crate) fn vertical() -> MediaFacts {
    MediaFacts {
        width: Some(1080),
        height: Some(1920),
        duration: Some(Duration::from_secs(90)),
        ..landscape()
    }
}

/// A film.
pub(crate) fn film(placement: Placement) -> Content {
    Content {
        placement,
        media: vec![Media::video("https://cdn.example/a film.mp4?x=1&y=ä")],
        ..Content::default()
    }
}

/// A picture that was uploaded.
pub(crate) fn uploaded_photo(placement: Placement) -> Content {
    let mut content = film(placement);
    content.media[0].kind = MediaKind::Image;
    content.media[0].source = MediaSource::MediaId(MediaId::generate());
    content
}

pub(crate) fn job_with(content: Content, shelf: Shelf) -> Job {
    job_on(content, &Arc::new(shelf))
}

pub(crate) fn job_on(content: Content, shelf: &Arc<Shelf>) -> Job {
    Job {
        media: Arc::<Shelf>::clone(shelf),
        ..job(content)
    }
}
