//! `appsecret_proof`: that who uses a token also knows the app's secret.

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// Lowercase hex of HMAC-SHA256 with the app's secret as key and the access token as message.
///
/// Source: graph-api.md 2.4 (D-SEC).
pub(crate) fn appsecret_proof(secret: &SecretString, token: &SecretString) -> String {
    use std::fmt::Write as _;

    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("any length will do");
    mac.update(token.expose_secret().as_bytes());
    mac.finalize()
        .into_bytes()
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_vectors_should_come_out() {
        for (token, secret, expected) in [
            (
                "foo_token",
                "foo_secret",
                "df4256903ba4e23636cc142117aa632133d75c642bd2a68955be1443bd14deb9",
            ),
            (
                "foo_token",
                "shhhhh!is.my.secret",
                "796ba0d8a6b339e476a7b166a9e8ac0a395f7de736dc37de5f2f4397f5854eb8",
            ),
            (
                "bar_token",
                "foo_secret",
                "2ceec40b7b9fd7d38fff1767b766bcc6b1f9feb378febac4612c156e6a8354bd",
            ),
            (
                "123|foo_secret",
                "foo_secret",
                "de753c58fd58b03afca2340bbaeb4ecf987b5de4c09e39a63c944dd25efbc234",
            ),
            (
                "long_token",
                "foo_secret",
                "7e91300ea91be4166282611d4fc700b473466f3ea2981dafbf492fc096995bf1",
            ),
            (
                "test",
                "test",
                "88cd2108b5347d973cf39cdf9053d7dd42704876d8c9a9bd8e2d168259d3ddf7",
            ),
            (
                "Just a short Test message",
                "342314a43e",
                "322db18096e205ee3b3fef0a540e5566ac41f7631d5b84add759081814583897",
            ),
            (
                "value",
                "key",
                "90fbfcf15e74a36b89dbdb2a721d9aecffdfdddc5c83e27f7592594f71932481",
            ),
            (
                "foo_token|1700000000",
                "foo_secret",
                "3a7876b8be7ac378e1d8f0c9aa6f39831d7601f7a96a6d11b72aebf8acffcb23",
            ),
        ] {
            assert_eq!(appsecret_proof(&secret.into(), &token.into()), expected);
        }
    }
}
