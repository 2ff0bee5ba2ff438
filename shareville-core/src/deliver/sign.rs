//! Secrets and signatures of the Standard Webhooks, scheme `v1`: HMAC-SHA256 over `{id}.{timestamp}.{body}`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::credential::random;

/// What a secret begins with; the key follows in base64.
const PREFIX: &str = "whsec_";

/// Makes a secret of 256 random bits.
pub(crate) fn new_secret() -> SecretString {
    format!("{PREFIX}{}", STANDARD.encode(random())).into()
}

/// Signs with one secret; `None` if it is not one.
pub(super) fn signature(
    secret: &SecretString,
    id: &str,
    timestamp: i64,
    body: &[u8],
) -> Option<String> {
    let key = secret.expose_secret().strip_prefix(PREFIX)?;
    let key = STANDARD.decode(key).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    Some(format!(
        "v1,{}",
        STANDARD.encode(mac.finalize().into_bytes())
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_should_be_that_of_the_specifications_example() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into();
        let signed = signature(
            &secret,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(
            signed.as_deref(),
            Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        );
    }

    #[test]
    fn a_secret_should_be_of_the_standards_form() {
        let (one, other) = (new_secret(), new_secret());
        assert_ne!(one.expose_secret(), other.expose_secret());
        let key = one.expose_secret().strip_prefix("whsec_").unwrap();
        assert!((24..=64).contains(&STANDARD.decode(key).unwrap().len()));
        assert_eq!(signature(&"svk_x".into(), "a", 1, b"{}"), None);
    }
}
