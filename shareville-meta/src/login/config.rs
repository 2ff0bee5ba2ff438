//! What a login asks for.

/// What a login asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoginConfig {
    /// The permissions to ask for: [`SCOPES`] unless said otherwise.
    pub scopes: Vec<String>,
}

/// The permissions asked for by default.
///
/// Source: graph-api.md 11 (D-PGS, D-POSTS).
pub const SCOPES: [&str; 5] = [
    // To list Pages and to get their tokens.
    "pages_show_list",
    // To read what was published, and needed by the next one.
    "pages_read_engagement",
    // To publish.
    "pages_manage_posts",
    // To write the first comment.
    "pages_manage_engagement",
    // To list Pages that belong to a business.
    BUSINESS,
];

/// Asked for, and done without: business-owned Pages are found another way too.
pub(super) const BUSINESS: &str = "business_management";

/// Without it nothing can be published.
pub(super) const PUBLISH: &str = "pages_manage_posts";

/// Whose target ids name the Pages that were chosen.
pub(super) const LIST: &str = "pages_show_list";

impl LoginConfig {
    /// The default permissions.
    #[must_use]
    pub fn new() -> Self {
        Self {
            scopes: SCOPES.map(str::to_owned).to_vec(),
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
