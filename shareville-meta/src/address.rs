//! Web addresses in a post: whether they can be what they are given for, and whether media may be fetched from them.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Which hosts media may be fetched from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MediaHosts {
    /// Those that everybody can reach, as far as their names tell: the platforms cannot fetch from others.
    #[default]
    Public,
    /// Any: for tests, where what stands for the platforms runs on this machine.
    Any,
}

/// What an address turns out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// No whole http(s) address.
    Malformed,
    /// With a user name or password in it.
    WithCredentials,
    /// One to fetch.
    Http {
        /// The host, in lower case.
        host: String,
        /// Whether it looks like one that everybody can reach. (Only a look at its name: nothing is fetched.)
        public: bool,
    },
}

pub(crate) fn read(address: &str) -> Address {
    let Ok(url) = Url::parse(address) else {
        return Address::Malformed;
    };
    let (true, Some(host)) = (matches!(url.scheme(), "http" | "https"), url.host()) else {
        return Address::Malformed;
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Address::WithCredentials;
    }
    let public = match &host {
        Host::Domain(name) => is_public_name(name),
        Host::Ipv4(address) => is_public_v4(*address),
        Host::Ipv6(address) => is_public_v6(*address),
    };
    Address::Http {
        host: host.to_string(),
        public,
    }
}

/// Facebook's own addresses, which it does not take as links.
pub(crate) fn is_facebook(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    ["facebook.com", "fb.com"].iter().any(|own| {
        host.strip_suffix(own)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

fn is_public_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    let last = name.rsplit('.').next().unwrap_or_default();
    name.contains('.') && !matches!(last, "localhost" | "local" | "internal" | "lan" | "onion")
}

const fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    let carrier_grade = first == 100 && second & 0xc0 == 64;
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_multicast()
        || carrier_grade
        || first == 0)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.to_ipv4_mapped() {
        Some(address) => is_public_v4(address),
        // Global unicast is 2000::/3.
        None => address.segments()[0] & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_everybody_can_reach_should_look_public() {
        for (address, expected) in [
            ("https://cdn.example/a.jpg", true),
            ("http://8.8.8.8/a.jpg", true),
            ("https://[2606:4700::1111]/a.jpg", true),
            ("http://localhost/a.jpg", false),
            ("http://printer/a.jpg", false),
            ("http://printer.local/a.jpg", false),
            ("http://127.0.0.1/a.jpg", false),
            ("http://2130706433/a.jpg", false),
            ("http://192.168.1.2/a.jpg", false),
            ("http://100.64.0.1/a.jpg", false),
            ("http://169.254.169.254/a.jpg", false),
            ("http://[::1]/a.jpg", false),
            ("http://[::ffff:10.0.0.1]/a.jpg", false),
            ("http://[fd00::1]/a.jpg", false),
        ] {
            let Address::Http { public, .. } = read(address) else {
                panic!("{address}");
            };
            assert_eq!(public, expected, "{address}");
        }
    }
}
