//! Uploads that posts name: they must be there, be the same user's, and stay for as long as the post needs them.

use std::collections::{BTreeSet, HashMap};

use super::{PostInput, Posting};
use crate::{
    clock::later,
    error::Error,
    id::{MediaId, UserId},
    media::{Media, MediaKind, MediaSource, Upload},
    violation::Violation,
};

/// The uploads that some posts name, as far as they are there.
pub(super) type Uploads = HashMap<MediaId, Upload>;

fn named(media: &[Media]) -> impl Iterator<Item = MediaId> {
    media.iter().filter_map(|medium| match medium.source {
        MediaSource::MediaId(id) => Some(id),
        MediaSource::Url(_) => None,
    })
}

impl Posting<'_> {
    /// Reads the uploads that some media name; the store is asked only if there are any.
    pub(super) async fn uploads_of<'a>(
        &self,
        media: impl Iterator<Item = &'a [Media]> + Send,
    ) -> Result<Uploads, Error> {
        let ids: BTreeSet<_> = media.flat_map(named).collect();
        if ids.is_empty() {
            return Ok(Uploads::new());
        }
        let ids: Vec<_> = ids.into_iter().collect();
        let tenant = self.caller.tenant().id;
        let found = self.shareville.store().uploads(tenant, &ids).await?;
        Ok(found.into_iter().map(|it| (it.id, it)).collect())
    }

    /// Keeps the uploads of posts that are about to be stored. Once a post is stored, it keeps them by itself.
    pub(super) async fn keep_uploads_of(&self, inputs: &[PostInput]) -> Result<(), Error> {
        for input in inputs {
            self.keep_uploads(&input.content.media).await?;
        }
        Ok(())
    }

    pub(super) async fn keep_uploads(&self, media: &[Media]) -> Result<(), Error> {
        let ids: Vec<_> = named(media).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let shareville = self.shareville;
        let until = later(shareville.clock().now(), shareville.settings().uploads.life);
        let tenant = self.caller.tenant().id;
        let kept = shareville.store().keep_uploads(tenant, &ids, until).await?;
        let gone = |medium: &Media| match medium.source {
            MediaSource::MediaId(id) => !kept.contains(&id),
            MediaSource::Url(_) => false,
        };
        // Since they were read a moment ago.
        match media.iter().position(gone) {
            None => Ok(()),
            Some(index) => Err(Error::Invalid(vec![unknown(index)])),
        }
    }
}

fn unknown(index: usize) -> Violation {
    Violation::new(
        format!("/media/{index}/mediaId"),
        "unknown",
        "there is no such upload, it is not this user's, or its time is over: upload the file, and use the `id` that \
         the answer names",
    )
}

/// What is wrong with the uploads that a user's post names.
pub(super) fn check<'a>(
    media: &'a [Media],
    user: Option<&'a UserId>,
    uploads: &'a Uploads,
) -> impl Iterator<Item = Violation> + 'a {
    media.iter().enumerate().filter_map(move |(index, medium)| {
        let MediaSource::MediaId(id) = &medium.source else {
            return None;
        };
        let own = |it: &&Upload| it.made_from.is_none() && user.is_none_or(|user| it.user == *user);
        let Some(upload) = uploads.get(id).filter(own) else {
            return Some(unknown(index));
        };
        let word = |kind| match kind {
            MediaKind::Image => "image",
            MediaKind::Video => "video",
        };
        (upload.kind() != medium.kind).then(|| {
            let (is, name) = (word(upload.kind()), upload.facts.format.name());
            Violation::new(
                format!("/media/{index}/type"),
                "other_type",
                format!("this upload is a {name} file: give it the type `{is}`"),
            )
        })
    })
}
