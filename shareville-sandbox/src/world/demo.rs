//! The world a new sandbox starts with, so that a first run has somebody to be and somewhere to post.

use super::{NewInstagramAccount, NewPage, NewPerson, Role, World};
use crate::error::Error;

/// Ada Sandbox, the person of the demo world.
pub const ADA: &str = "10220000000000001";
/// "Ada's Bakery": Ada may do everything here.
pub const BAKERY: &str = "100000000000101";
/// "Ada's Garden": Ada may do everything here.
pub const GARDEN: &str = "100000000000102";
/// "Village Choir": Ada may only analyse and moderate; publishing is refused.
pub const CHOIR: &str = "100000000000103";
/// "Sandbox Trading Co.": owned by a business, so `/me/accounts` shows it only with `business_management`.
pub const TRADING: &str = "100000000000104";
/// "@adasbakery": the Instagram account that is linked to the bakery's Page.
pub const BAKERY_INSTAGRAM: &str = "17841400000000101";
/// "@ada.sandbox": an Instagram account without a Page; Ada signs in with it in Instagram's dialog.
pub const STANDALONE_INSTAGRAM: &str = "17841400000000201";

pub(crate) fn furnish(world: &mut World) -> Result<(), Error> {
    world.add_person(NewPerson::new("Ada Sandbox").with_id(ADA));
    let pages = [
        NewPage::new("Ada's Bakery")
            .with_id(BAKERY)
            .with_username("adasbakery")
            .with_category("Bakery")
            .managed_by(ADA),
        NewPage::new("Ada's Garden")
            .with_id(GARDEN)
            .with_category("Garden Center")
            .managed_by(ADA),
        NewPage::new("Village Choir")
            .with_id(CHOIR)
            .with_category("Musician/Band")
            .with_role(ADA, ["MODERATE", "ANALYZE"]),
        NewPage::new("Sandbox Trading Co.")
            .with_id(TRADING)
            .with_category("Shopping & Retail")
            .owned_by("Sandbox Holding")
            .managed_by(ADA),
    ];
    for page in pages {
        world.add_page(page)?;
    }
    let accounts = [
        NewInstagramAccount::new("adasbakery")
            .with_id(BAKERY_INSTAGRAM)
            .with_name("Ada's Bakery")
            .linked_to(BAKERY),
        NewInstagramAccount::new("ada.sandbox")
            .with_id(STANDALONE_INSTAGRAM)
            .with_name("Ada Sandbox")
            .used_by(ADA),
    ];
    for account in accounts {
        world.add_instagram(account)?;
    }
    Ok(())
}

impl Role {
    /// A role of these tasks; none at all takes the role away.
    pub fn new<T: Into<String>>(
        person: impl Into<String>,
        tasks: impl IntoIterator<Item = T>,
    ) -> Self {
        Self {
            person: person.into(),
            tasks: tasks.into_iter().map(Into::into).collect(),
        }
    }
}
