//! A post whose lane stands still shows why, and until when.

use super::Posting;
use crate::{
    clock::Timestamp,
    error::Error,
    failure::Failure,
    lane::{Lane, Pause},
    post::{Post, PostStatus},
};

impl Posting<'_> {
    /// The posts as callers see them: a pause is kept with the lane, in one write, and not with each of its posts.
    pub(super) async fn shown(&self, mut posts: Vec<Post>) -> Result<Vec<Post>, Error> {
        let mut lanes: Vec<Lane> = posts
            .iter()
            .filter(|post| may_be_paused(post))
            .map(|post| post.lane.clone())
            .collect();
        lanes.sort_unstable();
        lanes.dedup();
        if lanes.is_empty() {
            return Ok(posts);
        }
        let pauses = self.shareville.store().pauses(&lanes).await?;
        for post in posts.iter_mut().filter(|post| may_be_paused(post)) {
            let place = lanes.binary_search(&post.lane).ok();
            if let Some(pause) = place.and_then(|place| pauses.get(place).copied().flatten()) {
                show(post, pause);
            }
        }
        Ok(posts)
    }
}

impl Posting<'_> {
    /// A post as callers see it.
    pub(super) async fn shown_one(&self, post: Post) -> Result<Post, Error> {
        let mut shown = self.shown(vec![post]).await?;
        // One goes in, so one comes out.
        shown.pop().ok_or(Error::NotFound("post"))
    }

    /// Whether only its paused lane keeps a post back, so that it is shown as scheduled whatever a worker has begun.
    pub(super) async fn stands_still(&self, post: &Post) -> Result<bool, Error> {
        if !may_be_paused(post) {
            return Ok(false);
        }
        let lanes = std::slice::from_ref(&post.lane);
        let pauses = self.shareville.store().pauses(lanes).await?;
        Ok(pauses
            .into_iter()
            .flatten()
            .any(|pause| keeps_back(pause, post)))
    }
}

const fn may_be_paused(post: &Post) -> bool {
    post.is_to_go_out() && !post.has_open_commit()
}

/// Whether the pause of its lane lasts longer than whatever else the post waits for.
fn keeps_back(pause: Pause, post: &Post) -> bool {
    post.due_at().is_some_and(|due_at| due_at < pause.until)
}

fn show(post: &mut Post, pause: Pause) {
    // It ends its waiting by itself if it expires before the pause does.
    let until: Timestamp = post
        .expires_at()
        .map_or(pause.until, |expires_at| pause.until.min(expires_at));
    if !keeps_back(pause, post) {
        return;
    }
    post.status = PostStatus::Scheduled;
    post.work.due_at = Some(until);
    if post.failure.is_none() {
        post.failure = Some(Failure::paused(pause.reason, until));
    }
}
