//! A network, its login, what it calls, and a host's sign-in, all scripted.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::http::{header, request::Parts};
use secrecy::{ExposeSecret, SecretString};
use shareville_axum::{SignIn, SignInError, SignedIn};
use shareville_core::{
    callbacks::{CallbackError, Callbacks, Noticed, Signed, SignedPerson, SigningSecret},
    clock::{Deadline, Timestamp},
    connector::{Authorize, Connector, FoundAccount, Granted, Refreshed},
    failure::{Failure, FailureClass},
    id::Provider,
    notice::{NoticeDigest, NoticeKind},
    post::{Content, Evidence, Progress, Published, Repeat},
    publisher::{Capabilities, CommentEvidence, Commented, Committed, Job, Prepared, Publisher},
    tenant::App,
    violation::Violation,
};
use tokio::sync::Mutex;
use url::Url;

/// What the next call of the network comes to; empty is success.
pub(crate) type Script = Arc<Mutex<Option<Failure>>>;

/// A network that takes captions of up to 20 characters, and can edit and delete.
#[derive(Debug)]
pub(crate) struct FakePublisher {
    pub(crate) capabilities: Capabilities,
    pub(crate) script: Script,
    /// What a look finds.
    pub(crate) evidence: Arc<Mutex<Evidence>>,
}

fn unused() -> Failure {
    Failure::new(FailureClass::Unknown, "no test calls this")
}

#[async_trait]
impl Publisher for FakePublisher {
    fn provider(&self) -> Provider {
        Provider::facebook()
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn check(&self, content: &Content) -> Vec<Violation> {
        let mut wrong = Vec::new();
        if content
            .caption
            .as_ref()
            .is_some_and(|it| it.chars().count() > 20)
        {
            let message = "must have at most 20 characters";
            wrong.push(Violation::new("/caption", "too_long", message));
        }
        if content.caption.is_none() && content.media.is_empty() && content.link.is_none() {
            let message = "a post needs a caption, a link or media";
            wrong.push(Violation::new("", "empty", message));
        }
        wrong
    }

    fn lead(&self, _: &Content) -> Duration {
        Duration::ZERO
    }

    fn repeat(&self, _: &Content) -> Repeat {
        Repeat::Proven
    }

    async fn prepare(&self, _: &Job, progress: Option<&Progress>) -> Prepared {
        Prepared::Failed {
            failure: unused(),
            progress: progress.cloned(),
        }
    }

    async fn commit(&self, _: &Job, _: &Progress, _: Deadline) -> Committed {
        Committed::Uncertain(unused())
    }

    async fn look(&self, _: &Job, _: &Progress, _: Timestamp) -> Result<Evidence, Failure> {
        Ok(self.evidence.lock().await.clone())
    }

    async fn discard(&self, _: &Job, _: &Progress) -> Result<(), Failure> {
        Ok(())
    }

    async fn permalink(&self, _: &Job, _: &Published, _: Deadline) -> Option<String> {
        None
    }

    async fn comment(&self, _: &Job, _: Deadline) -> Commented {
        Commented::Uncertain(unused())
    }

    async fn look_for_comment(&self, _: &Job, _: Timestamp) -> Result<CommentEvidence, Failure> {
        Ok(CommentEvidence::Unclear)
    }

    async fn edit(&self, _: &Job, _: Option<&str>) -> Result<(), Failure> {
        self.script.lock().await.take().map_or(Ok(()), Err)
    }

    async fn delete(&self, _: &Job) -> Result<(), Failure> {
        self.script.lock().await.take().map_or(Ok(()), Err)
    }
}

/// A login where the code `good` brings one Page, and `declined` one that cannot be published to.
#[derive(Debug)]
pub(crate) struct FakeConnector {
    /// The tokens that were revoked.
    pub(crate) revoked: Arc<Mutex<Vec<String>>>,
    /// What the next look at a token comes to; empty is success.
    pub(crate) script: Script,
}

pub(crate) const TOKEN: &str = "PLANTED-page-token";

fn granted(person: &str) -> Granted {
    Granted {
        person: person.to_owned(),
        person_ids: Vec::new(),
        name: Some("Ada".to_owned()),
        picture: None,
        token: format!("{TOKEN}-{person}").into(),
        expires_at: None,
        scopes: vec!["pages_show_list".to_owned()],
        missing_scopes: Vec::new(),
        accounts: vec![FoundAccount {
            provider: Provider::facebook(),
            platform_id: format!("1{person}"),
            name: "Ada's Page".to_owned(),
            username: None,
            category: Some("Bakery".to_owned()),
            picture: None,
            token: Some(TOKEN.into()),
            problems: Vec::new(),
        }],
    }
}

#[async_trait]
impl Connector for FakeConnector {
    fn provider(&self) -> Provider {
        Provider::facebook()
    }

    fn authorize_url(&self, app: &App, authorize: &Authorize<'_>) -> Url {
        let mut url = Url::parse("https://login.test/dialog").unwrap();
        url.query_pairs_mut()
            .append_pair("client_id", &app.id)
            .append_pair("redirect_uri", authorize.redirect_uri.as_str())
            .append_pair("state", authorize.state.expose_secret());
        url
    }

    async fn exchange(&self, _: &App, code: &SecretString, _: &Url) -> Result<Granted, Failure> {
        match code.expose_secret() {
            "good" => Ok(granted("77")),
            "other" => Ok(granted("88")),
            "slow" => {
                tokio::task::yield_now().await;
                Ok(granted("77"))
            }
            _ => Err(Failure::new(
                FailureClass::Reauthorize,
                "The login is over. Connect again.",
            )
            .with_code("code_expired")),
        }
    }

    async fn inspect(&self, _: &App, _: &SecretString) -> Result<Granted, Failure> {
        match self.script.lock().await.take() {
            Some(failure) => Err(failure),
            None => Ok(granted("77")),
        }
    }

    async fn refresh(&self, _: &App, _: &SecretString) -> Result<Option<Refreshed>, Failure> {
        Ok(None)
    }

    async fn revoke(&self, _: &App, token: &SecretString) -> Result<(), Failure> {
        let token = token.expose_secret().to_owned();
        self.revoked.lock().await.push(token);
        Ok(())
    }
}

/// A platform whose signature is the secret itself. A webhook names a person whose permissions have changed; a form is
/// `{secret}|{person}`.
#[derive(Debug)]
pub(crate) struct FakeCallbacks;

fn signer(secrets: &[SigningSecret], signature: &[u8]) -> Option<Provider> {
    let signed = |it: &&SigningSecret| it.secret.expose_secret().as_bytes() == signature;
    Some(secrets.iter().find(signed)?.provider.clone())
}

impl Callbacks for FakeCallbacks {
    fn read_webhook(
        &self,
        secrets: &[SigningSecret],
        body: &[u8],
        signature: Option<&[u8]>,
    ) -> Result<Signed<Vec<Noticed>>, CallbackError> {
        let by = signature.and_then(|it| signer(secrets, it));
        let by = by.ok_or(CallbackError::NotSigned)?;
        let person = String::from_utf8(body.to_vec()).map_err(|_| CallbackError::Unreadable)?;
        let notice = Noticed {
            kind: NoticeKind::PermissionsChanged { person },
            digest: NoticeDigest::of([body]),
        };
        Ok(Signed {
            by,
            said: vec![notice],
        })
    }

    fn read_signed_request(
        &self,
        secrets: &[SigningSecret],
        form: &[u8],
    ) -> Result<Signed<SignedPerson>, CallbackError> {
        let text = std::str::from_utf8(form).map_err(|_| CallbackError::BadRequest)?;
        let (signature, person) = text.split_once('|').ok_or(CallbackError::BadRequest)?;
        let by = signer(secrets, signature.as_bytes()).ok_or(CallbackError::BadRequest)?;
        let said = SignedPerson {
            person: Some(person.to_owned()),
            digest: NoticeDigest::of([form]),
        };
        Ok(Signed { by, said })
    }
}

/// `Authorization: Bearer svs_<name>` and `Cookie: session=<name>` sign owners in.
#[derive(Debug)]
pub(crate) struct FakeSignIn;

#[async_trait]
impl SignIn for FakeSignIn {
    async fn owner(&self, parts: &Parts) -> Result<Option<SignedIn>, SignInError> {
        let text = |name| {
            parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        match text(header::AUTHORIZATION).and_then(|it| it.strip_prefix("Bearer svs_")) {
            Some("down") => Err(SignInError::Unavailable("PLANTED cause".into())),
            Some("over") => Err(SignInError::Rejected("sign in again".to_owned())),
            Some("panic") => panic!("PLANTED panic"),
            Some(name) => Ok(Some(SignedIn::by_bearer(name))),
            None => {
                let cookie = text(header::COOKIE).and_then(|it| it.strip_prefix("session="));
                Ok(cookie.map(SignedIn::by_cookie))
            }
        }
    }
}
