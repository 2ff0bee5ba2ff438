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

const fn may_be_paused(post: &Post) -> bool {
    post.is_to_go_out() && !post.has_open_commit()
}

fn show(post: &mut Post, pause: Pause) {
    // It ends its waiting by itself if it expires before the pause does.
    let until: Timestamp = post
        .expires_at()
        .map_or(pause.until, |expires_at| pause.until.min(expires_at));
    if post.due_at().is_none_or(|due_at| due_at >= pause.until) {
        return;
    }
    post.status = PostStatus::Scheduled;
    post.work.due_at = Some(until);
    if post.failure.is_none() {
        post.failure = Some(Failure::paused(pause.reason, until));
    }
}
