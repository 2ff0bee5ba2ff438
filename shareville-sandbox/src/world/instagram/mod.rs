//! Instagram as the platform keeps it: professional accounts, containers, media.

mod account;
mod container;
mod media;
mod visible;

use std::collections::BTreeMap;

pub use account::{AccountType, NewInstagramAccount};
pub(crate) use account::{InstagramAccount, SignIn};
pub(crate) use container::{Container, ContainerRole, MediaFile, NewContainer};
pub use container::{ContainerFailure, ContainerRecord, ContainerStatus, Medium, UserTag};
pub(crate) use media::{Media, MediaComment};
pub use visible::{MediaKind, VisibleMedia, VisibleMediaFile};

/// Everything of Instagram that the emulated platform knows.
#[derive(Debug, Default)]
pub(crate) struct Instagram {
    pub(crate) accounts: BTreeMap<String, InstagramAccount>,
    pub(crate) containers: BTreeMap<String, Container>,
    pub(crate) media: BTreeMap<String, Media>,
    /// What becomes of an account's next container, in place of success.
    pub(crate) doomed: BTreeMap<String, ContainerFailure>,
}
