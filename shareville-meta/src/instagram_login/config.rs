//! What a login with Instagram asks for.

/// What a login with Instagram asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstagramLoginConfig {
    /// The permissions to ask for: [`INSTAGRAM_LOGIN_SCOPES`] unless said otherwise.
    pub scopes: Vec<String>,
    /// Whether the dialog offers to log in with Facebook as well.
    pub facebook_button: FacebookButton,
}

/// Whether Instagram's dialog offers to log in with Facebook as well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FacebookButton {
    /// It does, as it does by itself since February 2026.
    #[default]
    Shown,
    /// It does not.
    Hidden,
}

/// The permissions asked for by default.
///
/// Source: graph-api.md 4.1, 11 (D-IGLOG).
pub const INSTAGRAM_LOGIN_SCOPES: [&str; 3] = [
    // To read who the account is. Renewing its access needs it too.
    "instagram_business_basic",
    PUBLISH,
    // To write the first comment.
    "instagram_business_manage_comments",
];

/// Without it nothing can be published.
pub(super) const PUBLISH: &str = "instagram_business_content_publish";

impl InstagramLoginConfig {
    /// The default permissions, and the dialog as Instagram shows it by itself.
    #[must_use]
    pub fn new() -> Self {
        Self {
            scopes: INSTAGRAM_LOGIN_SCOPES.map(str::to_owned).to_vec(),
            facebook_button: FacebookButton::default(),
        }
    }

    /// The same and these, such as `instagram_business_manage_insights`.
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

    /// The same with or without a button for Facebook.
    #[must_use]
    pub const fn with_facebook_button(mut self, button: FacebookButton) -> Self {
        self.facebook_button = button;
        self
    }
}

impl Default for InstagramLoginConfig {
    fn default() -> Self {
        Self::new()
    }
}
