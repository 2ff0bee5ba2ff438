//! What the handle does with Instagram, and what Meta tells the app of itself.

use serde_json::Value;

use crate::error::Error;
use crate::hands::Hands;
use crate::notice::{Delivered, Handshake};
use crate::sandbox::Sandbox;
use crate::world::{ContainerFailure, ContainerRecord, NewInstagramAccount, VisibleMedia};

impl Hands {
    pub(crate) fn fail_container(
        &self,
        container: &str,
        failure: ContainerFailure,
    ) -> Result<(), Error> {
        if self.0.world().fail_container(container, failure) {
            Ok(())
        } else {
            Err(Error::missing("unpublished container", container))
        }
    }

    pub(crate) fn fail_next_container(
        &self,
        account: &str,
        failure: ContainerFailure,
    ) -> Result<(), Error> {
        let mut world = self.0.world();
        if world.instagram_account(account).is_none() {
            return Err(Error::missing("Instagram account", account));
        }
        world.instagram.doomed.insert(account.to_owned(), failure);
        Ok(())
    }

    pub(crate) fn delete_media(&self, media: &str) -> Result<(), Error> {
        if self.0.world().delete_media(media) {
            Ok(())
        } else {
            Err(Error::missing("media", media))
        }
    }

    pub(crate) fn comment_on_media(
        &self,
        media: &str,
        visitor: &str,
        text: &str,
    ) -> Result<String, Error> {
        let mut world = self.0.world();
        let missing = || Error::missing("media", media);
        world.media(media).ok_or_else(missing)?;
        let from = (world.ids.node(), visitor.to_owned());
        let comment = world.comment_on_media(media, from, text.to_owned());
        comment.ok_or_else(missing)
    }
}

impl Sandbox {
    /// Adds an Instagram account and returns its id.
    ///
    /// # Errors
    /// [`Error::Missing`] if it names a Page or a person who is not there.
    pub fn add_instagram(&self, account: NewInstagramAccount) -> Result<String, Error> {
        self.hands().0.world().add_instagram(account)
    }

    /// What a visitor of this Instagram account sees, newest first; stories for 24 hours of the sandbox's clock.
    #[must_use]
    pub fn visible_media(&self, account: &str) -> Vec<VisibleMedia> {
        self.hands().0.world().visible_media_of(account)
    }

    /// The containers of this Instagram account, newest first.
    #[must_use]
    pub fn containers(&self, account: &str) -> Vec<ContainerRecord> {
        self.hands().0.world().containers_of(account)
    }

    /// Ends a container that was not published, at once: it reads `ERROR`.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is none.
    pub fn fail_container(&self, container: &str, failure: ContainerFailure) -> Result<(), Error> {
        self.hands().fail_container(container, failure)
    }

    /// The next container of this Instagram account comes to nothing once it was processed.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such account.
    pub fn fail_next_container(
        &self,
        account: &str,
        failure: ContainerFailure,
    ) -> Result<(), Error> {
        self.hands().fail_next_container(account, failure)
    }

    /// Deletes a media behind the app's back, as somebody with a phone can.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such media.
    pub fn delete_media(&self, media: &str) -> Result<(), Error> {
        self.hands().delete_media(media)
    }

    /// Writes a comment on a media as a visitor of this `@name`, and returns its id.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such media.
    pub fn comment_on_media(
        &self,
        media: &str,
        visitor: &str,
        text: &str,
    ) -> Result<String, Error> {
        self.hands().comment_on_media(media, visitor, text)
    }

    /// Asks this address whether it wants webhooks, as Meta does when they are set up.
    ///
    /// # Errors
    /// [`Error::Unreachable`] if no answer came.
    pub async fn handshake(&self, url: &str, verify_token: &str) -> Result<Handshake, Error> {
        self.hands().handshake(url, verify_token).await
    }

    /// Sends a webhook to this address as Meta does, `X-Hub-Signature-256` over the bytes with the app's secret.
    ///
    /// A text is sent byte by byte; any other JSON in Meta's spelling, `\uXXXX` for what is not ASCII.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such app, [`Error::Refused`] if it has told no secret yet,
    /// [`Error::Unreachable`] if no answer came.
    pub async fn notify(
        &self,
        app: &str,
        url: &str,
        body: impl Into<Value>,
    ) -> Result<Delivered, Error> {
        self.hands().notify(app, url, &body.into()).await
    }

    /// Takes the app off the account of a person or an Instagram account, and sends the deauthorize callback.
    ///
    /// # Errors
    /// As [`notify`](Self::notify), and [`Error::Missing`] if there is no such person.
    pub async fn deauthorize(
        &self,
        app: &str,
        person: &str,
        url: &str,
    ) -> Result<Delivered, Error> {
        self.hands().deauthorize(app, person, url).await
    }

    /// Sends the data-deletion callback for a person or an Instagram account; tokens live on.
    ///
    /// # Errors
    /// As [`deauthorize`](Self::deauthorize).
    pub async fn data_deletion(
        &self,
        app: &str,
        person: &str,
        url: &str,
    ) -> Result<Delivered, Error> {
        self.hands().data_deletion(app, person, url).await
    }
}
