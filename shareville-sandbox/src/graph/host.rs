//! Meta's hosts, each the first part of a path in the sandbox.

/// A host of Meta's that is called by programs (graph-api 1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    /// `graph.facebook.com`: everything of Facebook, and Instagram through Facebook Login.
    Facebook,
    /// `graph.instagram.com`: Instagram through Instagram Login.
    Instagram,
    /// `api.instagram.com`: Instagram's code exchange only.
    InstagramLogin,
    /// `rupload.facebook.com/ig-api-upload`: the bytes of Instagram's resumable containers.
    InstagramUpload,
}

impl Host {
    const ALL: [Self; 4] = [
        Self::Facebook,
        Self::Instagram,
        Self::InstagramLogin,
        Self::InstagramUpload,
    ];

    /// What stands before its paths.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Facebook => "graph.facebook.com",
            Self::Instagram => "graph.instagram.com",
            Self::InstagramLogin => "api.instagram.com",
            Self::InstagramUpload => "rupload.facebook.com/ig-api-upload",
        }
    }

    /// The host that a path begins with, and what follows it.
    pub(crate) fn split(path: &str) -> Option<(Self, &str)> {
        let path = path.trim_start_matches('/');
        Self::ALL.into_iter().find_map(|host| {
            let rest = path.strip_prefix(host.name())?;
            (rest.is_empty() || rest.starts_with('/')).then_some((host, rest))
        })
    }
}
