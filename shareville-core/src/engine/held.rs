//! Whether what a look found is another post of ours: a listing may show one with the same words.

use crate::{
    post::{Evidence, Post, Published},
    shareville::Shareville,
};

impl Shareville {
    /// What a look for a post found, unless it names as live what another post holds: that tells nothing, or, where the
    /// object itself says that it is visible, not which post it is. Whoever looks asks here.
    pub(crate) async fn unless_held(&self, post: &Post, evidence: Evidence) -> Evidence {
        match evidence {
            Evidence::Live(published) if self.may_be_held(post, &published).await => {
                Evidence::Unclear(None)
            }
            Evidence::Visible { guess } if self.may_be_held(post, &guess).await => {
                Evidence::Live(Published::default())
            }
            Evidence::Visible { guess } => Evidence::Live(guess),
            evidence => evidence,
        }
    }

    async fn may_be_held(&self, post: &Post, published: &Published) -> bool {
        let Some(id) = &published.platform_id else {
            return false;
        };
        match self.store().is_held(&post.lane, id, post.id).await {
            Ok(held) => held,
            Err(error) => {
                tracing::warn!(%error, "whose post this is could not be asked");
                true
            }
        }
    }
}
