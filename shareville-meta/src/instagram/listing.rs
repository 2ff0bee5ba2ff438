//! The list of what an account has published: which of it a post has become.
//!
//! Source: graph-api.md 6.5 (2) (field trypost#281).

use serde::Deserialize;
use serde_json::Value;
use shareville_core::{clock::Timestamp, failure::Failure, post::Published, publisher::Job};

use super::{InstagramAccounts, auth, host, look::listed, shape::Shape};
use crate::{
    graph::{Listed, Need, id_text, parse_time},
    look::{Likeness, looked_in_vain, plain},
};

/// The most pages of the list that are read: 250 posts.
const MAX_LIST_PAGES: usize = 5;

/// From how many characters on the list shortens captions (graph-api.md 6.5, field).
const LISTED_CAPTION_CHARS: usize = 2_000;

/// Something published, as the list shows it.
#[derive(Debug, Deserialize)]
struct Item {
    #[serde(deserialize_with = "id_text")]
    id: String,
    #[serde(default)]
    caption: Option<String>,
    #[serde(default)]
    timestamp: Option<Value>,
    #[serde(default)]
    permalink: Option<String>,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    media_product_type: Option<String>,
}

impl InstagramAccounts {
    /// `GET /{account}/media`: the one item of the same kind with the same caption that is not older than `since`.
    ///
    /// If there is another that might be it, there is none: never "the newest". What has no caption, and every story,
    /// would match by its kind alone, and so matches nothing. That no other post of ours holds it, the engine asks its
    /// store: a publisher knows of no other posts.
    ///
    /// # Errors
    /// A [`Failure`] where the lane has to stop.
    pub(super) async fn find_listed(
        &self,
        job: &Job,
        since: Timestamp,
    ) -> Result<Option<Published>, Failure> {
        let content = &job.post.content;
        let caption = plain(content.caption.as_deref().unwrap_or_default());
        let Some(shape @ (Shape::Picture(_) | Shape::Reel(_) | Shape::Carousel(_))) =
            Shape::of(content).filter(|_| !caption.is_empty())
        else {
            return Ok(None);
        };
        let mut after: Option<String> = None;
        let mut found: Option<Item> = None;
        for _ in 0..MAX_LIST_PAGES {
            let list = self
                .graph
                .get(&[&job.account.platform_id, "media"], auth(job))
                .at(host(job))
                .needed(Need::Commit)
                .with(
                    "fields",
                    "id,caption,timestamp,permalink,media_type,media_product_type",
                )
                .with("limit", "50")
                .with_some("after", after.as_deref())
                .send::<Listed<Item>>()
                .await;
            let list = match list {
                Ok(list) => list,
                Err(error) => return looked_in_vain(self.failure(&error)).map(|_| None),
            };
            after = list.after().map(str::to_owned);
            let cut_off = list.is_cut_off();
            let outdated = list
                .data
                .last()
                .is_some_and(|item| item.is_older_than(since));
            for item in list.data {
                match item.likeness(shape, &caption, since) {
                    Likeness::Ours if found.is_none() => found = Some(item),
                    Likeness::Ours | Likeness::Perhaps => return Ok(None),
                    Likeness::Another => {}
                }
            }
            if outdated || after.is_none() && !cut_off {
                return Ok(found.map(|item| listed(item.id, item.permalink)));
            }
            if cut_off {
                break;
            }
        }
        // What was not read might be it too.
        Ok(None)
    }

    /// Whether the list shows something with exactly this id; `None` if it could not be read to its end.
    ///
    /// # Errors
    /// A [`Failure`] where the list cannot be read at all.
    pub(super) async fn lists(
        &self,
        job: &Job,
        edge: &str,
        media: &str,
        since: Timestamp,
    ) -> Result<Option<bool>, Failure> {
        let mut after: Option<String> = None;
        for _ in 0..MAX_LIST_PAGES {
            let list = self
                .graph
                .get(&[&job.account.platform_id, edge], auth(job))
                .at(host(job))
                .with("fields", "id,timestamp")
                .with("limit", "50")
                .with_some("after", after.as_deref())
                .send::<Listed<Item>>()
                .await
                .map_err(|error| self.failure(&error))?;
            if list.data.iter().any(|item| item.id == media) {
                return Ok(Some(true));
            }
            after = list.after().map(str::to_owned);
            let outdated = list
                .data
                .last()
                .is_some_and(|item| item.is_older_than(since));
            if outdated || after.is_none() && !list.is_cut_off() {
                return Ok(Some(false));
            }
            if after.is_none() {
                break;
            }
        }
        Ok(None)
    }
}

impl Item {
    /// Instagram tells whole seconds: one of the very second may be the later.
    fn is_older_than(&self, since: Timestamp) -> bool {
        let created = self.timestamp.as_ref().and_then(parse_time);
        created.is_some_and(|created| created.timestamp() < since.timestamp())
    }

    fn likeness(&self, shape: Shape<'_>, caption: &str, since: Timestamp) -> Likeness {
        if self.is_older_than(since) || !self.says(caption) {
            return Likeness::Another;
        }
        let dated = self.timestamp.as_ref().and_then(parse_time).is_some();
        match self.is_of_kind(shape) {
            Some(true) if dated => Likeness::Ours,
            Some(false) => Likeness::Another,
            _ => Likeness::Perhaps,
        }
    }

    /// Whether it is of this kind; `None` if it does not say.
    fn is_of_kind(&self, shape: Shape<'_>) -> Option<bool> {
        let product = self.media_product_type.as_deref();
        let (media_type, products) = match shape {
            Shape::Picture(_) => ("IMAGE", ["FEED"]),
            Shape::Reel(_) => ("VIDEO", ["REELS"]),
            Shape::Carousel(_) => ("CAROUSEL_ALBUM", ["FEED"]),
            Shape::Story(_) => return None,
        };
        let same = self.media_type.as_deref()? == media_type;
        Some(same && product.is_none_or(|product| products.contains(&product)))
    }

    /// Whether its caption is this one, as far as the list shows it.
    fn says(&self, caption: &str) -> bool {
        let listed = plain(self.caption.as_deref().unwrap_or_default());
        if caption.chars().count() <= LISTED_CAPTION_CHARS {
            return listed == caption;
        }
        let shown = listed.trim_end_matches(['.', '…']).trim_end();
        // What it puts in the place of the rest takes a few characters itself.
        listed == caption
            || caption.starts_with(shown) && shown.chars().count() + 10 >= LISTED_CAPTION_CHARS
    }
}
