//! What Meta sends to a tenant's app: webhooks, and word of people who leave.

mod id;
mod signature;
mod signed_request;
mod webhook;

use shareville_core::callbacks::{
    CallbackError, Callbacks, Noticed, Signed, SignedPerson, SigningSecret,
};

/// Reads what Meta sends to tenants' apps.
///
/// Either of a tenant's own secrets is taken for each: which one Meta signs with for Instagram Login, its pages do not agree
/// on.
///
/// Source: graph-api.md 9 (D-WH, D-WHP, D-WHI, D-DEL).
#[derive(Debug, Clone, Copy, Default)]
pub struct MetaCallbacks;

impl MetaCallbacks {
    /// A reader.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Callbacks for MetaCallbacks {
    fn read_webhook(
        &self,
        secrets: &[SigningSecret],
        body: &[u8],
        signature: Option<&[u8]>,
    ) -> Result<Signed<Vec<Noticed>>, CallbackError> {
        let secrets = signature::usable(secrets)?;
        let by = signature
            .and_then(signature::of_header)
            .and_then(|signature| signature::signer(&secrets, body, &signature))
            .ok_or(CallbackError::NotSigned)?;
        let said = webhook::read(body).ok_or(CallbackError::Unreadable)?;
        Ok(Signed { by, said })
    }

    fn read_signed_request(
        &self,
        secrets: &[SigningSecret],
        form: &[u8],
    ) -> Result<Signed<SignedPerson>, CallbackError> {
        let secrets = signature::usable(secrets)?;
        let text = signed_request::of_form(form).ok_or(CallbackError::BadRequest)?;
        signed_request::read(&secrets, &text)
    }
}

#[cfg(test)]
mod tests {
    use shareville_core::{id::Provider, notice::NoticeKind};

    use super::*;

    const BODY: &[u8] = br#"{"object":"page","entry":[]}"#;
    /// With the key `secret`. Source: graph-api.md 10.3.
    const SIGNATURE: &[u8] =
        b"sha256=550e646d4869f9eaf9e56ccc2b73b528c8d3aac4a24ff137e0a26e3e45bbd075";
    /// With the key `secret`, of the person 17841400000000000. Source: graph-api.md 10.2.
    const FORM: &[u8] = b"signed_request=3DrEfPSSJNEt9LMoy9hRyiOCqp-j9wtjIaqRIJq9_UM.eyJ1c2VyX2lkIjoiMTc4NDE0MDAwMDAwMDAwMDAiLCJhbGdvcml0aG0iOiJITUFDLVNIQTI1NiIsImlzc3VlZF9hdCI6MTc2NzIyNTYwMH0";

    fn secrets(facebook: &str, instagram: &str) -> [SigningSecret; 2] {
        let secret = |provider, text: &str| SigningSecret {
            provider,
            secret: text.into(),
        };
        [
            secret(Provider::facebook(), facebook),
            secret(Provider::instagram(), instagram),
        ]
    }

    fn webhook(
        secrets: &[SigningSecret],
        signature: Option<&[u8]>,
    ) -> Result<Provider, CallbackError> {
        let read = MetaCallbacks::new().read_webhook(secrets, BODY, signature);
        read.map(|signed| signed.by)
    }

    fn person(secrets: &[SigningSecret]) -> Result<(Provider, Option<String>), CallbackError> {
        let read = MetaCallbacks::new().read_signed_request(secrets, FORM);
        read.map(|signed| (signed.by, signed.said.person))
    }

    #[test]
    fn either_secret_should_sign_and_be_told() {
        let id = Some("17841400000000000".to_owned());
        for (secrets, by) in [
            (secrets("secret", "another"), Provider::facebook()),
            (secrets("another", "secret"), Provider::instagram()),
            (secrets("", "secret"), Provider::instagram()),
        ] {
            assert_eq!(webhook(&secrets, Some(SIGNATURE)), Ok(by.clone()));
            assert_eq!(person(&secrets), Ok((by, id.clone())));
        }
    }

    #[test]
    fn what_no_own_secret_has_signed_should_be_refused() {
        let wrong = secrets("another", "a third");
        for signature in [None, Some(&b""[..]), Some(&b"sha256="[..]), Some(SIGNATURE)] {
            assert_eq!(webhook(&wrong, signature), Err(CallbackError::NotSigned));
        }
        assert_eq!(person(&wrong), Err(CallbackError::BadRequest));
        let none = secrets("", "");
        for secrets in [&none[..], &[]] {
            assert_eq!(
                webhook(secrets, Some(SIGNATURE)),
                Err(CallbackError::NoSecret)
            );
            assert_eq!(person(secrets), Err(CallbackError::NoSecret));
        }
    }

    #[test]
    fn what_is_signed_and_no_json_should_be_told_apart() {
        let secrets = secrets("secret", "");
        // With the key `secret`, over nothing. Source: graph-api.md 10.3.
        let empty = b"sha256=f9e66e179b6747ae54108f82f8ade8b3c25d76fd30afde6c395822c530196169";
        let read = MetaCallbacks::new().read_webhook(&secrets, b"", Some(empty));
        assert_eq!(read, Err(CallbackError::Unreadable));
    }

    #[test]
    fn what_a_webhook_says_should_come_out() {
        // With the key `secret`; computed with Python's hmac.
        let body = br#"{"object":"permissions","entry":[{"uid":"17","time":1}]}"#;
        let signature = b"sha256=76c4caf509f8b65ebda7d51eaca5410a79f4d3d4f5528996b03d62db15a8c5d5";
        let secrets = secrets("secret", "");
        let read = MetaCallbacks::new().read_webhook(&secrets, body, Some(signature));
        let said = read.unwrap().said;
        let kinds: Vec<_> = said.into_iter().map(|it| it.kind).collect();
        let person = "17".to_owned();
        assert_eq!(kinds, [NoticeKind::PermissionsChanged { person }]);
    }
}
