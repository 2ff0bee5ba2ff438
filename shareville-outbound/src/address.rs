//! Which addresses may be called: those that anybody on the internet can reach, and no others.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which addresses may be called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Addresses {
    /// Only https, and only addresses on the public internet.
    #[default]
    Public,
    /// Any, and http too: for tests and development.
    Any,
}

impl Addresses {
    /// Whether this address may be connected to.
    #[must_use]
    pub const fn allow(self, address: IpAddr) -> bool {
        match self {
            Self::Public => is_public(address),
            Self::Any => true,
        }
    }
}

/// Special-purpose networks of IPv4 (IANA's registry, RFC 6890 and its updates), with the length of each prefix.
const SPECIAL_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),       // this network
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // carrier-grade NAT
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local, and the metadata services of clouds
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved, and broadcast
];

/// Special-purpose networks within IPv6's global unicast, `2000::/3`. Outside of it nothing is public: not loopback, not
/// unique local (`fc00::/7`) or link-local (`fe80::/10`), nor what embeds an IPv4 address, such as mapped (`::ffff:0:0/96`)
/// and NAT64 (`64:ff9b::/96`) ones.
const SPECIAL_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments, Teredo among them
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4: embeds an IPv4 address
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// Whether anybody on the internet can reach an address.
///
/// ```
/// use shareville_outbound::is_public;
///
/// assert!(is_public([8, 8, 8, 8].into()));
/// assert!(!is_public([169, 254, 169, 254].into()));
/// ```
#[must_use]
pub const fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

const fn is_public_v4(address: Ipv4Addr) -> bool {
    let mut index = 0;
    while index < SPECIAL_V4.len() {
        let (network, length) = SPECIAL_V4[index];
        if (address.to_bits() ^ network.to_bits()) >> (32 - length) == 0 {
            return false;
        }
        index += 1;
    }
    true
}

const fn is_public_v6(address: Ipv6Addr) -> bool {
    if address.segments()[0] & 0xe000 != 0x2000 {
        return false;
    }
    let mut index = 0;
    while index < SPECIAL_V6.len() {
        let (network, length) = SPECIAL_V6[index];
        if (address.to_bits() ^ network.to_bits()) >> (128 - length) == 0 {
            return false;
        }
        index += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn special_addresses_should_not_be_public() {
        for address in [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::8.8.8.8",
            "::ffff:8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:2::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:808:808::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
            assert!(Addresses::Any.allow(address.parse().unwrap()));
            assert!(!Addresses::Public.allow(address.parse().unwrap()));
        }
    }

    #[test]
    fn neighbours_of_special_addresses_should_be_public() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2003::1",
            "2606:4700:4700::1111",
            "3ffe::1",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// The standard library's own questions, which are fewer, never call public what this calls private.
        #[test]
        fn no_private_v4_should_be_public(bits in any::<u32>()) {
            let address = Ipv4Addr::from_bits(bits);
            let special = address.is_private() || address.is_loopback() || address.is_link_local()
                || address.is_broadcast() || address.is_multicast() || address.is_unspecified()
                || address.is_documentation();
            prop_assert!(!(special && is_public(address.into())));
        }

        /// No IPv6 address that embeds an IPv4 one leads around the check.
        #[test]
        fn no_embedded_v4_should_be_public(bits in any::<u32>(), tail in any::<u64>()) {
            let v4 = u128::from(bits);
            for prefix in [
                0,                                                // compatible
                0xffff_u128 << 32,                                // mapped
                0x0064_ff9b_u128 << 96,                           // NAT64
                0x0064_ff9b_0001_u128 << 80,                      // NAT64, local use
            ] {
                prop_assert!(!is_public(Ipv6Addr::from_bits(prefix | v4).into()));
            }
            let six_to_four = 0x2002_u128 << 112 | v4 << 80 | u128::from(tail);
            prop_assert!(!is_public(Ipv6Addr::from_bits(six_to_four).into()));
            let teredo = 0x2001_0000_u128 << 96 | v4;
            prop_assert!(!is_public(Ipv6Addr::from_bits(teredo).into()));
        }

        /// Nothing outside of global unicast is public.
        #[test]
        fn only_global_unicast_should_be_public(bits in any::<u128>()) {
            let address = Ipv6Addr::from_bits(bits);
            prop_assert!(bits >> 125 == 1 || !is_public(address.into()));
        }
    }
}
