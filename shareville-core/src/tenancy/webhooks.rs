//! What an owner does about a client app's webhooks.

use secrecy::SecretString;
use serde_json::json;

use super::Tenancy;
use crate::{
    clock::Timestamp,
    deliver::new_secret,
    delivery::Delivery,
    error::Error,
    event::EventKind,
    id::{DeliveryId, TenantId},
    secret::Keyring,
    store::{DeliveryChange, Page, PageRequest},
    tenant::{MAX_WEBHOOK_SECRETS, Tenant, webhook_secret_place},
};

/// Gives a tenant a new secret; the former ones stay in force for a while.
fn renew(tenant: &mut Tenant, keyring: &Keyring, now: Timestamp) -> SecretString {
    let secret = new_secret();
    let sealed = keyring.seal(webhook_secret_place(tenant.id), &secret);
    tenant.add_webhook_secret(sealed, now);
    secret
}

/// Makes the first secret of a tenant that has an endpoint: nothing is sent unsigned.
pub(super) fn first_secret(
    tenant: &mut Tenant,
    keyring: &Keyring,
    now: Timestamp,
) -> Option<SecretString> {
    let needed = tenant.webhook_url.is_some() && tenant.webhook_secrets.is_empty();
    needed.then(|| renew(tenant, keyring, now))
}

impl Tenancy<'_> {
    /// Makes a new webhook secret; its text is shown this once. The former one signs too, for another 24 hours.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] if more than ten would be in force; [`Error::Store`].
    pub async fn renew_webhook_secret(&self, id: TenantId) -> Result<SecretString, Error> {
        loop {
            let before = self.get(id).await?;
            let now = self.shareville.clock().now();
            if before.live_webhook_secrets(now).count() >= MAX_WEBHOOK_SECRETS {
                return Err(Error::Conflict {
                    code: "too_many_secrets",
                    message: format!(
                        "{MAX_WEBHOOK_SECRETS} webhook secrets are in force: wait until the oldest, made in the last \
                         24 hours, has run out"
                    ),
                });
            }
            let mut tenant = before.clone();
            let secret = renew(&mut tenant, self.shareville.keyring(), now);
            let data = json!({"renewed": "webhookSecret"});
            if self.write(&before, &mut tenant, data).await? {
                return Ok(secret);
            }
        }
    }

    /// Lists what was sent to a client app's endpoint, and what became of it, newest first.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn deliveries(
        &self,
        tenant: TenantId,
        page: PageRequest,
    ) -> Result<Page<Delivery>, Error> {
        self.get(tenant).await?;
        Ok(self.shareville.store().deliveries(tenant, page).await?)
    }

    /// Sends an event once more, at once and then for about a day, whatever became of it before. One that is being sent
    /// right now stays as it is.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] if the client app has no `webhookUrl`; [`Error::Store`].
    pub async fn redeliver(&self, tenant: TenantId, id: DeliveryId) -> Result<Delivery, Error> {
        let store = self.shareville.store();
        let no_endpoint = self.get(tenant).await?.webhook_url.is_none();
        let read = async || {
            let found = store.delivery(tenant, id).await?;
            found.ok_or(Error::NotFound("webhook delivery"))
        };
        let mut before = read().await?;
        if no_endpoint {
            return Err(Error::Conflict {
                code: "no_webhook_url",
                message: "this client app has no `webhookUrl`: set one, then send it again"
                    .to_owned(),
            });
        }
        loop {
            let change = DeliveryChange {
                delivery: before.again(self.shareville.clock().now()),
                revision: before.revision,
                claim: None,
            };
            let applied = store
                .apply_deliveries(std::slice::from_ref(&change))
                .await?;
            if applied.iter().all(Result::is_ok) {
                return Ok(change.delivery);
            }
            let now = read().await?;
            if now.revision == before.revision {
                return Ok(now);
            }
            before = now;
        }
    }

    /// Writes a tenant that was changed, if it is still as it was read.
    pub(super) async fn write(
        &self,
        before: &Tenant,
        tenant: &mut Tenant,
        data: serde_json::Value,
    ) -> Result<bool, Error> {
        tenant.revision = before.revision + 1;
        tenant.updated_at = self.shareville.clock().now();
        let events = [self.event(tenant, EventKind::TenantUpdated, data)];
        let store = self.shareville.store();
        let updated = store.update_tenant(tenant, before.revision, &events).await;
        Ok(updated.map_err(super::same_app)?.is_ok())
    }
}
