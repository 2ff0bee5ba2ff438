//! What a login asks for.

/// What a login asks for.
///
/// By default it asks for Pages and for the Instagram accounts linked to them ([`SCOPES`] and [`INSTAGRAM_SCOPES`]).
/// Meta's dialog fails for everybody who has no role on the app if the app has not got a permission it asks for: where
/// the app is for Pages only, turn the others off by [`without_instagram`](Self::without_instagram).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoginConfig {
    /// The permissions to ask for: [`SCOPES`] and [`INSTAGRAM_SCOPES`] unless said otherwise.
    pub scopes: Vec<String>,
}

/// The permissions asked for Pages.
///
/// Source: graph-api.md 11 (D-PGS, D-POSTS).
pub const SCOPES: [&str; 5] = [
    // To list Pages and to get their tokens.
    "pages_show_list",
    // To read what was published, and needed by the next one.
    ENGAGEMENT,
    // To publish.
    "pages_manage_posts",
    // To write the first comment.
    "pages_manage_engagement",
    // To list Pages that belong to a business.
    BUSINESS,
];

/// The permissions asked for the Instagram accounts that are linked to Pages.
///
/// Source: graph-api.md 11 (D-IGP, D-IGCOM).
pub const INSTAGRAM_SCOPES: [&str; 3] = [
    // To read who the account is.
    INSTAGRAM_READ,
    // To publish.
    INSTAGRAM_PUBLISH,
    // To write the first comment.
    "instagram_manage_comments",
];

/// Deleting what is published on Instagram needs it. Not asked for unless it is said: see
/// [`LoginConfig::with_instagram_deletion`].
///
/// Source: graph-api.md 6.6, 11 (field).
pub(crate) const INSTAGRAM_DELETION: &str = "instagram_manage_contents";

/// Without it nobody says which Instagram account belongs to a Page.
pub(super) const INSTAGRAM_READ: &str = "instagram_basic";

/// Without it nothing can be published to Instagram.
pub(super) const INSTAGRAM_PUBLISH: &str = "instagram_content_publish";

/// Publishing to Instagram needs it beside [`INSTAGRAM_PUBLISH`].
pub(super) const ENGAGEMENT: &str = "pages_read_engagement";

/// Asked for, and done without: business-owned Pages are found another way too.
pub(super) const BUSINESS: &str = "business_management";

/// Without it nothing can be published.
pub(super) const PUBLISH: &str = "pages_manage_posts";

/// Whose target ids name the Pages that were chosen.
pub(super) const LIST: &str = "pages_show_list";

/// Whether the Instagram accounts of Pages are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Instagram {
    Wanted,
    LeftOut,
}

impl LoginConfig {
    /// The default permissions.
    #[must_use]
    pub fn new() -> Self {
        let pages = Self {
            scopes: SCOPES.map(str::to_owned).to_vec(),
        };
        pages.with_instagram()
    }

    /// The same and the permissions for the Instagram accounts that are linked to Pages: so it is by default.
    #[must_use]
    pub fn with_instagram(self) -> Self {
        self.with_extra_scopes(INSTAGRAM_SCOPES)
    }

    /// The same and the permission to delete what is published on Instagram (`instagram_manage_contents`). Not so by
    /// default: the app must have got it from Meta first, else the dialog fails. Without it deleting such a post fails and
    /// names it.
    ///
    /// Source: graph-api.md 6.6, 11 (field).
    #[must_use]
    pub fn with_instagram_deletion(self) -> Self {
        self.with_extra_scopes([INSTAGRAM_DELETION])
    }

    /// The same without any permission for Instagram: only Pages are found.
    #[must_use]
    pub fn without_instagram(mut self) -> Self {
        self.scopes.retain(|scope| {
            !INSTAGRAM_SCOPES.contains(&scope.as_str()) && scope != INSTAGRAM_DELETION
        });
        self
    }

    /// Whether Instagram accounts are looked for.
    pub(super) fn instagram(&self) -> Instagram {
        match self.scopes.iter().any(|scope| scope == INSTAGRAM_READ) {
            true => Instagram::Wanted,
            false => Instagram::LeftOut,
        }
    }

    /// The same and these, such as `read_insights`.
    #[must_use]
    pub fn with_extra_scopes<S: Into<String>>(
        mut self,
        scopes: impl IntoIterator<Item = S>,
    ) -> Self {
        for scope in scopes.into_iter().map(Into::into) {
            if !self.scopes.contains(&scope) {
                self.scopes.push(scope);
            }
        }
        self
    }
}

impl Default for LoginConfig {
    fn default() -> Self {
        Self::new()
    }
}
