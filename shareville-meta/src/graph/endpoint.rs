//! Where Meta is: its own hosts, or something that stands for them.

use std::fmt;

use url::Url;

use crate::error::Network;

/// Meta's hosts.
///
/// Source: graph-api.md 1.1 (D-LOGIN).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    /// The login dialog, in the end user's browser.
    Www,
    /// The Graph API.
    Graph,
    /// The Graph API where chunks of films go.
    GraphVideo,
    /// Where the bytes of Reels, video stories and Instagram's films go.
    Upload,
    /// Instagram's login dialog, in the end user's browser.
    WwwInstagram,
    /// Where Instagram exchanges codes.
    ApiInstagram,
    /// The Graph API for those who logged in with Instagram.
    GraphInstagram,
}

impl Host {
    const fn name(self) -> &'static str {
        match self {
            Self::Www => "www.facebook.com",
            Self::Graph => "graph.facebook.com",
            Self::GraphVideo => "graph-video.facebook.com",
            Self::Upload => "rupload.facebook.com",
            Self::WwwInstagram => "www.instagram.com",
            Self::ApiInstagram => "api.instagram.com",
            Self::GraphInstagram => "graph.instagram.com",
        }
    }
}

impl Host {
    /// Whose it is, as people know it.
    pub(crate) const fn network(self) -> Network {
        match self {
            Self::WwwInstagram | Self::ApiInstagram | Self::GraphInstagram => Network::Instagram,
            Self::Www | Self::Graph | Self::GraphVideo | Self::Upload => Network::Facebook,
        }
    }
}

/// Where Meta is.
///
/// ```
/// # use shareville_meta::Endpoint;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Each of Meta's hosts becomes the first part of the path: http://127.0.0.1:9009/graph.facebook.com/v25.0/me
/// let sandbox = Endpoint::at("http://127.0.0.1:9009".parse()?)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    base: Option<Url>,
}

/// An address that a file, and a token, may be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UploadAddress(Url);

impl UploadAddress {
    pub(super) const fn url(&self) -> &Url {
        &self.0
    }
}

/// A base URL that nothing can be appended to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a base URL must be http or https, without user, query and fragment")]
pub struct InvalidBase;

impl Endpoint {
    /// Meta's own hosts, over HTTPS.
    #[must_use]
    pub const fn live() -> Self {
        Self { base: None }
    }

    /// Something that stands for Meta: a sandbox, a recording proxy. Each of Meta's hosts becomes the first part of the
    /// path below `base`.
    ///
    /// # Errors
    /// [`InvalidBase`] unless it is http(s), without user, query and fragment.
    pub fn at(base: Url) -> Result<Self, InvalidBase> {
        let plain = matches!(base.scheme(), "http" | "https")
            && base.username().is_empty()
            && base.password().is_none()
            && base.query().is_none()
            && base.fragment().is_none();
        match plain {
            true => Ok(Self { base: Some(base) }),
            false => Err(InvalidBase),
        }
    }

    /// The address that the platform has named for a file, if it is one that a token may go to: `https` on the host for
    /// uploads, or below the base where that host stands. Meta's own is rewritten to the base, where there is one.
    ///
    /// Source: graph-api.md 1.1 (field trypost#361).
    pub(crate) fn upload_address(&self, named: &str) -> Option<UploadAddress> {
        let mut url = Url::parse(named).ok()?;
        let plain =
            url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        let is_metas_own = url.scheme() == "https"
            && url.host_str() == Some(Host::Upload.name())
            && url.port().is_none();
        if !plain || (self.base.is_none() && !is_metas_own) {
            return None;
        }
        if self.base.is_some() {
            let mut host = self.url(Host::Upload, &[]);
            let above = host.path().trim_end_matches('/').to_owned();
            if is_metas_own {
                host.set_path(&format!("{above}{}", url.path()));
                host.set_query(url.query());
                url = host;
            } else if url.origin() != host.origin() || !url.path().starts_with(&format!("{above}/"))
            {
                return None;
            }
        }
        Some(UploadAddress(url))
    }

    /// The address of `segments` at a host. Segments are escaped: none of them can leave its place.
    #[expect(clippy::expect_used, reason = "constants, parsed by a test")]
    pub(crate) fn url(&self, host: Host, segments: &[&str]) -> Url {
        let (mut url, first) = match &self.base {
            Some(base) => (base.clone(), Some(host.name())),
            None => {
                let live = format!("https://{}", host.name());
                (Url::parse(&live).expect("a host of ours is a URL"), None)
            }
        };
        // Only a URL that cannot be a base has no path segments, and `at` takes http(s) only.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(first).extend(segments);
        }
        url
    }
}

impl Default for Endpoint {
    fn default() -> Self {
        Self::live()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.base {
            Some(base) => base.fmt(f),
            None => f.write_str("Meta"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(base: &str) -> Result<Endpoint, InvalidBase> {
        Endpoint::at(base.parse().unwrap())
    }

    #[test]
    fn live_hosts_should_be_metas_own() {
        let live = Endpoint::live();
        assert_eq!(
            live.url(Host::Graph, &["v25.0", "me"]).as_str(),
            "https://graph.facebook.com/v25.0/me"
        );
        assert_eq!(
            live.url(Host::Www, &["v25.0", "dialog", "oauth"]).as_str(),
            "https://www.facebook.com/v25.0/dialog/oauth"
        );
    }

    #[test]
    fn with_a_base_the_host_should_become_part_of_the_path() {
        for base in ["http://127.0.0.1:9009", "http://127.0.0.1:9009/"] {
            let url = at(base).unwrap().url(Host::Graph, &["v25.0", "me"]);
            assert_eq!(
                url.as_str(),
                "http://127.0.0.1:9009/graph.facebook.com/v25.0/me"
            );
        }
        let url = at("https://proxy.example/meta/")
            .unwrap()
            .url(Host::Www, &["x"]);
        assert_eq!(
            url.as_str(),
            "https://proxy.example/meta/www.facebook.com/x"
        );
    }

    #[test]
    fn a_segment_should_not_leave_its_place() {
        let url = Endpoint::live().url(Host::Graph, &["v25.0", "1/../../me?x=1#y", ".."]);
        assert_eq!(url.path(), "/v25.0/1%2F..%2F..%2Fme%3Fx=1%23y");
        assert_eq!((url.query(), url.fragment()), (None, None));
    }

    #[test]
    fn a_token_should_go_to_the_upload_host_only() {
        let live = Endpoint::live();
        let base = at("http://127.0.0.1:9009/meta").unwrap();
        let address = |endpoint: &Endpoint, named: &str| {
            let address = endpoint.upload_address(named)?;
            Some(address.url().as_str().to_owned())
        };
        let own = "https://rupload.facebook.com/video-upload/v25.0/9?x=%2F";
        assert_eq!(address(&live, own).as_deref(), Some(own));
        let below = "http://127.0.0.1:9009/meta/rupload.facebook.com/video-upload/v25.0/9?x=%2F";
        assert_eq!(address(&base, own).as_deref(), Some(below));
        assert_eq!(address(&base, below).as_deref(), Some(below));
        assert_eq!(address(&live, below), None);
        for foreign in [
            "",
            "/video-upload/9",
            "http://rupload.facebook.com/9",
            "https://rupload.facebook.com:8443/9",
            "https://rupload.facebook.com.evil.example/9",
            "https://evil.example/rupload.facebook.com/9",
            "https://rupload.facebook.com@evil.example/9",
            "https://user@rupload.facebook.com/9",
            "https://graph.facebook.com/9",
            "http://127.0.0.1:9009/meta/graph.facebook.com/9",
            "http://127.0.0.1:9009/meta/rupload.facebook.com/../graph.facebook.com/9",
            "http://127.0.0.1:9009/rupload.facebook.com/9",
            "http://127.0.0.1:9010/meta/rupload.facebook.com/9",
            "file:///etc/passwd",
        ] {
            assert_eq!(address(&live, foreign), None, "{foreign}");
            assert_eq!(address(&base, foreign), None, "{foreign}");
        }
    }

    #[test]
    fn odd_bases_should_be_refused() {
        for base in [
            "mailto:a@b.example",
            "ftp://x.example/",
            "http://u:p@x.example/",
            "http://x.example/?q=1",
            "http://x.example/#f",
        ] {
            assert_eq!(at(base), Err(InvalidBase), "{base}");
        }
    }
}
