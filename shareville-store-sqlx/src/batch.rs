//! A batch of changes against what is stored: each stands or falls for itself.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use shareville_core::{
    clock::Timestamp,
    id::PostId,
    post::{Applied, Change, Post},
    store::Stale,
};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{lane::LaneRow, row::revision};

/// What is checked before a post is changed.
#[derive(Debug, FromRow)]
pub(crate) struct Guard {
    post: Uuid,
    revision: i64,
    works: bool,
    #[sqlx(flatten)]
    lane: LaneRow,
}

/// A batch under way: what is stored, as the changes so far have left it.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    posts: HashMap<Uuid, PostGuard>,
    /// Those of the tenants that were asked for which are active.
    active: HashSet<Uuid>,
    pub(crate) lanes: HashMap<i64, LaneRow>,
    /// What is to be written: the post, if it is not removed, and whether its account is there.
    pub(crate) written: BTreeMap<PostId, (Option<Post>, bool)>,
}

#[derive(Debug)]
struct PostGuard {
    revision: i64,
    works: bool,
    lane: i64,
}

impl FromIterator<Guard> for Batch {
    fn from_iter<I: IntoIterator<Item = Guard>>(guards: I) -> Self {
        let mut batch = Self::default();
        for guard in guards {
            let post = PostGuard {
                revision: guard.revision,
                works: guard.works,
                lane: guard.lane.id,
            };
            batch.posts.insert(guard.post, post);
            batch.lanes.insert(guard.lane.id, guard.lane);
        }
        batch
    }
}

/// The tenants that must be active for changes to be executed.
pub(crate) fn needed_active(changes: &[Change]) -> BTreeSet<Uuid> {
    let needing = changes.iter().filter(|it| it.needs_active_tenant());
    needing.map(|it| it.tenant.as_uuid()).collect()
}

impl Batch {
    /// Takes note of which tenants are active.
    pub(crate) fn know_active(&mut self, active: impl IntoIterator<Item = Uuid>) {
        self.active.extend(active);
    }

    /// Checks one change and, if it fits, lets those after it see what it did.
    pub(crate) fn take(&mut self, change: &Change, now: Timestamp) -> Result<Applied, Stale> {
        let id = change.post.as_uuid();
        let post = self.posts.get_mut(&id).ok_or(Stale)?;
        let lane = self.lanes.get_mut(&post.lane).ok_or(Stale)?;
        let lost = |claim| !lane.is_held_under(claim);
        let inactive = || !self.active.contains(&change.tenant.as_uuid());
        // A post and its lane are of the same tenant.
        if lane.tenant != change.tenant.as_uuid()
            || post.revision != revision(change.revision)
            || change.claim.as_ref().is_some_and(lost)
            || change.needs_active_tenant() && inactive()
        {
            return Err(Stale);
        }
        let change = change.clone().stamped(now);
        lane.follow(&change);
        let works = post.works;
        match &change.next {
            Some(next) => post.revision = revision(next.revision),
            None => {
                self.posts.remove(&id);
            }
        }
        self.written.insert(change.post, (change.next, works));
        Ok(Applied { now })
    }
}

/// The changes that fitted.
pub(crate) fn good<'a>(
    changes: &'a [Change],
    results: &'a [Result<Applied, Stale>],
) -> impl Iterator<Item = &'a Change> {
    let answered = changes.iter().zip(results);
    answered.filter_map(|(change, result)| result.is_ok().then_some(change))
}
