//! The list of what a Page has published.
//!
//! Source: graph-api.md 5.5 (D-POSTS; SDK PagePost.json).

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use shareville_core::{
    clock::{Timestamp, later},
    failure::Failure,
    publisher::Job,
};

use super::super::FacebookPages;
use crate::{
    graph::{Listed, Need, id_text, parse_time},
    look::looked_in_vain,
};

/// The most pages of the list that are read: 500 posts.
const MAX_LIST_PAGES: usize = 5;

/// How much older than the commit a published post may say it is: it may be dated by when it was prepared, and that is
/// within the time that a post may be late.
const OLDEST: Duration = Duration::from_secs(48 * 60 * 60);

#[derive(Debug, Deserialize)]
pub(super) struct Item {
    #[serde(deserialize_with = "id_text")]
    pub(super) id: String,
    #[serde(default)]
    pub(super) permalink_url: Option<String>,
    #[serde(default)]
    created_time: Option<Value>,
    #[serde(default)]
    attachments: Value,
}

impl FacebookPages {
    /// `GET /{page}/published_posts`, until `wanted` is seen or what comes is older than `since`.
    ///
    /// # Errors
    /// As [`looked_in_vain`]; where the list cannot be read otherwise, what was read of it has to do.
    pub(super) async fn published_since(
        &self,
        job: &Job,
        since: Timestamp,
        fields: &str,
        wanted: Option<&str>,
    ) -> Result<Vec<Item>, Failure> {
        let mut recent = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..MAX_LIST_PAGES {
            let list = self
                .graph
                .get(
                    &[&job.account.platform_id, "published_posts"],
                    self.auth(job),
                )
                .needed(Need::Commit)
                .with("fields", fields)
                .with("limit", "100")
                .with_some("after", after.as_deref())
                .send::<Listed<Item>>()
                .await;
            let list = match list {
                Ok(list) => list,
                Err(error) => return looked_in_vain(self.graph.failure(&error)).map(|_| recent),
            };
            after = list.after().map(str::to_owned);
            let outdated = list
                .data
                .last()
                .is_some_and(|item| item.is_older_than(since));
            let found = list
                .data
                .iter()
                .any(|item| Some(item.id.as_str()) == wanted);
            recent.extend(list.data);
            if found || outdated || after.is_none() {
                break;
            }
        }
        Ok(recent)
    }
}

impl Item {
    fn is_older_than(&self, since: Timestamp) -> bool {
        self.created()
            .is_some_and(|created| later(created, OLDEST) < since)
    }

    /// The id of what it shows, where the list tells it.
    pub(super) fn target(&self) -> Option<String> {
        let id = self.attachments.pointer("/data/0/target/id")?;
        id_text(id).ok()
    }

    fn created(&self) -> Option<Timestamp> {
        self.created_time.as_ref().and_then(parse_time)
    }
}
