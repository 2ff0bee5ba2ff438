//! The `signed_request` of a person who leaves.
//!
//! Source: graph-api.md 9.5 (D-DEL), 10.2 (D-DEL, PHPSDK, SR-RS).

use base64::{
    Engine as _, alphabet,
    engine::{
        DecodePaddingMode,
        general_purpose::{GeneralPurpose, GeneralPurposeConfig},
    },
};
use serde_json::Value;
use shareville_core::{
    callbacks::{CallbackError, Signed, SignedPerson, SigningSecret},
    notice::NoticeDigest,
};
use url::form_urlencoded;

use super::{id::id, signature};

const ALGORITHM: &str = "HMAC-SHA256";

/// Padding or none, and whatever the last bits that count for nothing are.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The field out of the form that is sent.
pub(super) fn of_form(form: &[u8]) -> Option<String> {
    let (_, text) = form_urlencoded::parse(form).find(|(name, _)| name == "signed_request")?;
    // A `+` of the other alphabet that was sent as it is reads as a space.
    Some(text.replace(' ', "+"))
}

/// Both alphabets: `+` and `/` as well as `-` and `_`.
fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.replace('+', "-").replace('/', "_");
    LENIENT.decode(text).ok()
}

/// Verifies a signed request, and reads who it is about.
pub(super) fn read(
    secrets: &[&SigningSecret],
    text: &str,
) -> Result<Signed<SignedPerson>, CallbackError> {
    let refused = CallbackError::BadRequest;
    let (signature, payload) = text.split_once('.').ok_or(refused)?;
    // The signature is over the payload as it was sent: it is not decoded before that is known.
    let signature = decode(signature).ok_or(refused)?;
    let by = signature::signer(secrets, payload.as_bytes(), &signature).ok_or(refused)?;
    let unreadable = CallbackError::Unreadable;
    let json = decode(payload).ok_or(unreadable)?;
    let said: Value = serde_json::from_slice(&json).map_err(|_| unreadable)?;
    let algorithm = said["algorithm"].as_str().ok_or(refused)?;
    if !algorithm.eq_ignore_ascii_case(ALGORITHM) {
        return Err(refused);
    }
    Ok(Signed {
        by,
        said: SignedPerson {
            person: id(&said["user_id"]),
            digest: NoticeDigest::of([payload.as_bytes()]),
        },
    })
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    use sha2::Sha256;
    use shareville_core::id::Provider;

    use super::*;

    /// The secret, the signed request, and the person. Source: graph-api.md 10.2.
    const KNOWN: [(&str, &str, Option<&str>); 5] = [
        (
            "secret",
            "vlXgu64BQGFSQrY0ZcJBZASMvYvTHu9GQ0YM9rjPSso.eyJhbGdvcml0aG0iOiJITUFDLVNIQTI1NiIsIjAiOiJwYXlsb2FkIn0",
            None,
        ),
        (
            "foo_app_secret",
            "U0_O1MqqNKUt32633zAkdd2Ce-jGVgRgJeRauyx_zC8=.eyJvYXV0aF90b2tlbiI6ImZvb190b2tlbiIsImFsZ29yaXRobSI6IkhNQUMtU0hBMjU2IiwiaXNzdWVkX2F0IjozMjEsImNvZGUiOiJmb29fY29kZSIsInN0YXRlIjoiZm9vX3N0YXRlIiwidXNlcl9pZCI6MTIzLCJmb28iOiJiYXIifQ==",
            Some("123"),
        ),
        (
            "secret",
            "uLQw26KrDdDhZA+Cbvhjm1Y5SB1LiUej9tAXWWXhb9s=.ewogICAib2F1dGhfdG9rZW4iOiAie3VzZXItYWNjZXNzLXRva2VufSIsCiAgICJhbGdvcml0aG0iOiAiSE1BQy1TSEEyNTYiLAogICAiZXhwaXJlcyI6IDEyOTE4NDA0MDAsCiAgICJpc3N1ZWRfYXQiOiAxMjkxODM2ODAwLAogICAidXNlcl9pZCI6ICIyMTg0NzEiCn0=",
            Some("218471"),
        ),
        (
            "key",
            "Mf_s6nTb38UYqioBmPqu0Ewm9souPZB9I2fIGwV729U.eyJ1c2VyX2lkIjoiMCIsImFsZ29yaXRobSI6IkhNQUMtU0hBMjU2IiwiaXNzdWVkX2F0IjoxNjI0MjQ0MTU2fQ",
            Some("0"),
        ),
        (
            "secret",
            "3DrEfPSSJNEt9LMoy9hRyiOCqp-j9wtjIaqRIJq9_UM.eyJ1c2VyX2lkIjoiMTc4NDE0MDAwMDAwMDAwMDAiLCJhbGdvcml0aG0iOiJITUFDLVNIQTI1NiIsImlzc3VlZF9hdCI6MTc2NzIyNTYwMH0",
            Some("17841400000000000"),
        ),
    ];

    fn read_with(secret: &str, text: &str) -> Result<Option<String>, CallbackError> {
        let secret = SigningSecret {
            provider: Provider::instagram(),
            secret: secret.into(),
        };
        let signed = read(&[&secret], text)?;
        assert_eq!(signed.by, Provider::instagram());
        Ok(signed.said.person)
    }

    fn sign(payload: &str) -> String {
        const ENGINE: GeneralPurpose = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let payload = ENGINE.encode(payload);
        let mut mac = Hmac::<Sha256>::new_from_slice(b"secret").unwrap();
        mac.update(payload.as_bytes());
        format!("{}.{payload}", ENGINE.encode(mac.finalize().into_bytes()))
    }

    #[test]
    fn the_known_vectors_should_be_read() {
        for (secret, text, person) in KNOWN {
            assert_eq!(
                read_with(secret, text),
                Ok(person.map(str::to_owned)),
                "{text}"
            );
            let other = Err(CallbackError::BadRequest);
            assert_eq!(read_with("another", text), other, "{text}");
        }
    }

    #[test]
    fn padding_and_alphabet_of_the_signature_should_not_matter() {
        let (secret, text, person) = KNOWN[1];
        let (signature, payload) = text.split_once('.').unwrap();
        let bare = signature.trim_end_matches('=');
        let standard = bare.replace('-', "+").replace('_', "/");
        for signature in [bare.to_owned(), format!("{standard}="), standard] {
            let text = format!("{signature}.{payload}");
            assert_eq!(read_with(secret, &text), Ok(person.map(str::to_owned)));
        }
    }

    #[test]
    fn a_form_should_be_read_whether_its_field_is_escaped_or_not() {
        for (secret, text, person) in KNOWN {
            let escaped: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
            for field in [escaped.as_str(), text] {
                let form = format!("other=1&signed_request={field}");
                let field = of_form(form.as_bytes()).unwrap();
                assert_eq!(read_with(secret, &field), Ok(person.map(str::to_owned)));
            }
        }
        assert_eq!(of_form(b"signed=x"), None);
    }

    #[test]
    fn what_is_not_well_formed_should_be_refused() {
        let (secret, text, _) = KNOWN[0];
        let dotted = format!("{text}.");
        for bad in [
            "",
            ".",
            "x",
            "x.y",
            &dotted,
            &text[1..],
            &text[..text.len() - 1],
        ] {
            assert_eq!(
                read_with(secret, bad),
                Err(CallbackError::BadRequest),
                "{bad}"
            );
        }
        let unknown = sign(r#"{"algorithm":"HMAC-SHA512","user_id":"1"}"#);
        assert_eq!(
            read_with("secret", &unknown),
            Err(CallbackError::BadRequest)
        );
        let none = sign(r#"{"user_id":"1"}"#);
        assert_eq!(read_with("secret", &none), Err(CallbackError::BadRequest));
        assert_eq!(
            read_with("secret", &sign("<?")),
            Err(CallbackError::Unreadable)
        );
    }

    #[test]
    fn ids_should_be_read_whole_and_null_name_nobody() {
        let of = |user_id: &str| {
            let payload = format!(r#"{{"algorithm":"hmac-sha256","user_id":{user_id}}}"#);
            read_with("secret", &sign(&payload)).unwrap()
        };
        let big = "9007199254740993";
        assert_eq!(of(big).as_deref(), Some(big));
        assert_eq!(of("\"00\"").as_deref(), Some("00"));
        assert_eq!(of(r#"null,"profile_id":"5""#), None);
        assert_eq!(of("\"\""), None);
    }
}
