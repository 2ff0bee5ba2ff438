//! Who has signed.

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::ExposeSecret as _;
use sha2::Sha256;
use shareville_core::{
    callbacks::{CallbackError, SigningSecret},
    id::Provider,
};

/// What a webhook's signature begins with. The older `X-Hub-Signature`, by SHA-1, is not taken.
const PREFIX: &[u8] = b"sha256=";

/// The secrets that can vouch for anybody. An empty one would vouch for everybody.
pub(super) fn usable(secrets: &[SigningSecret]) -> Result<Vec<&SigningSecret>, CallbackError> {
    let usable = secrets.iter();
    let usable: Vec<_> = usable
        .filter(|it| !it.secret.expose_secret().is_empty())
        .collect();
    match usable.is_empty() {
        true => Err(CallbackError::NoSecret),
        false => Ok(usable),
    }
}

/// The app with whose secret a message was signed, compared in constant time.
pub(super) fn signer(
    secrets: &[&SigningSecret],
    message: &[u8],
    signature: &[u8],
) -> Option<Provider> {
    let has_signed = |it: &&&SigningSecret| {
        let key = it.secret.expose_secret().as_bytes();
        // It takes keys of any length.
        Hmac::<Sha256>::new_from_slice(key).is_ok_and(|mut mac| {
            mac.update(message);
            mac.verify_slice(signature).is_ok()
        })
    };
    let signed = secrets.iter().find(has_signed)?;
    Some(signed.provider.clone())
}

/// The signature out of `X-Hub-Signature-256: sha256={hex}`.
///
/// Source: graph-api.md 9.2 (D-WH).
pub(super) fn of_header(header: &[u8]) -> Option<Vec<u8>> {
    let hex = header.trim_ascii().strip_prefix(PREFIX)?;
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (pairs, []) = hex.as_chunks::<2>() else {
        return None;
    };
    let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? * 16 + digit(*low)?).ok();
    pairs.iter().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(provider: Provider, text: &str) -> SigningSecret {
        SigningSecret {
            provider,
            secret: text.into(),
        }
    }

    /// Whether a body is taken under the header's signature.
    fn is_signed(text: &str, body: &[u8], hex: &str) -> bool {
        let secret = secret(Provider::facebook(), text);
        let signature = of_header(format!("sha256={hex}").as_bytes()).unwrap();
        signer(&[&secret], body, &signature).is_some()
    }

    /// Source: graph-api.md 10.3.
    const PAGE: &[u8] = br#"{"object":"page","entry":[]}"#;
    const PAGE_HEX: &str = "550e646d4869f9eaf9e56ccc2b73b528c8d3aac4a24ff137e0a26e3e45bbd075";
    const ESCAPED: &[u8] = br#"{"text":"\u00e4\u00f6\u00e5"}"#;
    const ESCAPED_HEX: &str = "e0a032bcd95b5b4221b0bb8baa30ee6fd14c58f62c8dd6f1db28eaba120f7e3f";

    #[test]
    fn the_known_vectors_should_be_signed() {
        assert_eq!(ESCAPED.len(), 29);
        for (key, body, hex) in [
            ("secret", PAGE, PAGE_HEX),
            ("secret", ESCAPED, ESCAPED_HEX),
            (
                "secret",
                r#"{"text":"äöå"}"#.as_bytes(),
                "4301ab5d19a1dc3e1dc84569947eecc045d36251a4cc6cd3cd3564ae8d106996",
            ),
            (
                "secret",
                b"",
                "f9e66e179b6747ae54108f82f8ade8b3c25d76fd30afde6c395822c530196169",
            ),
            (
                "It's a Secret to Everybody",
                b"Hello, World!",
                "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
            ),
        ] {
            assert!(is_signed(key, body, hex), "{hex}");
            assert!(is_signed(key, body, &hex.to_uppercase()), "{hex}");
            assert!(!is_signed("another", body, hex), "{hex}");
            assert!(!is_signed(key, b"{}", hex), "{hex}");
        }
    }

    #[test]
    fn a_body_should_be_signed_as_it_was_sent_and_not_as_it_reads() {
        let decoded = r#"{"text":"äöå"}"#.as_bytes();
        assert!(!is_signed("secret", decoded, ESCAPED_HEX));
    }

    #[test]
    fn either_secret_should_do_and_be_told() {
        let facebook = secret(Provider::facebook(), "another");
        let instagram = secret(Provider::instagram(), "secret");
        let signature = of_header(format!("sha256={PAGE_HEX}").as_bytes()).unwrap();
        for secrets in [[&facebook, &instagram], [&instagram, &facebook]] {
            assert_eq!(
                signer(&secrets, PAGE, &signature),
                Some(Provider::instagram())
            );
        }
        assert_eq!(signer(&[&facebook], PAGE, &signature), None);
        assert_eq!(signer(&[&instagram], PAGE, &signature[1..]), None);
    }

    #[test]
    fn an_empty_secret_should_vouch_for_nobody() {
        let empty = secret(Provider::facebook(), "");
        let none = usable(std::slice::from_ref(&empty));
        assert_eq!(none.map(|_| ()), Err(CallbackError::NoSecret));
        let both = [empty, secret(Provider::instagram(), "secret")];
        assert_eq!(usable(&both).unwrap().len(), 1);
    }

    #[test]
    fn only_the_newer_header_should_be_read() {
        let sha1 = b"sha1=5c993cdbb44ab7691f7ea56930ecffab4994904e";
        for bad in [
            &b""[..],
            sha1,
            b"sha256=5",
            b"sha256=zz",
            PAGE_HEX.as_bytes(),
        ] {
            assert_eq!(of_header(bad), None, "{}", String::from_utf8_lossy(bad));
        }
        assert_eq!(of_header(b" sha256=0aFf "), Some(vec![0x0a, 0xff]));
    }
}
