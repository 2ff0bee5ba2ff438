//! Whether something else on the account says the same at about the same time.

use chrono::TimeDelta;

use super::{
    Posting,
    check::{Right, Warning},
    when::shown,
};
use crate::{error::Error, post::Content};

/// How far apart posts may be to be told of.
const NEAR: TimeDelta = TimeDelta::days(1);

/// How much earlier or later than its time a worker may have to do with a post.
const SLACK: TimeDelta = TimeDelta::hours(1);

/// How many posts are looked at.
const MOST: usize = 500;

impl Posting<'_> {
    /// A warning, if the same content is due on the same account within a day; a draft is taken to go out now.
    pub(super) async fn nearby(
        &self,
        right: &Right,
        content: &Content,
    ) -> Result<Option<Warning>, Error> {
        let now = self.shareville.clock().now();
        let at = right.due.as_ref().map_or(now, |due| due.at);
        let span = NEAR + SLACK;
        let (Some(from), Some(to)) = (at.checked_sub_signed(span), at.checked_add_signed(span))
        else {
            return Ok(None);
        };
        let lane = right.account.lane();
        let store = self.shareville.store();
        let due = store.due_within(&lane, from, to, MOST).await?;
        let twin = due.iter().find(|post| {
            let apart = post.scheduled_at.map(|other| (other - at).abs());
            post.is_to_go_out()
                && self.caller.may_see(&post.user)
                && apart.is_some_and(|apart| apart <= NEAR)
                && post.content.says_the_same_as(content)
        });
        Ok(twin.map(|post| Warning {
            code: "same_content_nearby".to_owned(),
            message: format!(
                "the post {} says the same, and is due on the same page at {}: the platform may refuse one of them as \
                 a duplicate",
                post.id,
                shown(post.scheduled_at.unwrap_or(at)),
            ),
        }))
    }
}
