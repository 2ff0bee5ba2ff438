//! Meta's errors, in Meta's words.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::world::{Death, random_text};

/// What an error is wrapped in (graph-api 8.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Envelope {
    /// `{"error":{…}}`
    Graph,
    /// `{"error_type","code","error_message"}` of `api.instagram.com`.
    Flat,
    /// `{"debug_info":{"retriable":false,…}}`, as uploads say it.
    Upload,
    /// The same with `true`.
    RetriableUpload,
}

/// An error as the Graph API answers it.
#[derive(Debug, Clone)]
pub(crate) struct GraphError {
    pub(crate) status: StatusCode,
    pub(crate) kind: &'static str,
    pub(crate) code: i64,
    pub(crate) subcode: Option<u32>,
    pub(crate) message: String,
    pub(crate) user: Option<(&'static str, String)>,
    /// `error_data`
    data: Option<Box<Value>>,
    envelope: Envelope,
}

impl GraphError {
    pub(crate) fn new(code: i64, message: impl Into<String>) -> Self {
        let status = match code {
            10 | 200..=299 => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_REQUEST,
        };
        Self {
            status,
            kind: "OAuthException",
            code,
            subcode: None,
            message: message.into(),
            user: None,
            data: None,
            envelope: Envelope::Graph,
        }
    }

    /// An error of rupload, which has a type and no code.
    pub(crate) fn upload(kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            envelope: Envelope::Upload,
            ..Self::new(0, message)
        }
    }

    /// An upload that can go on.
    pub(crate) fn that_may_be_repeated(mut self) -> Self {
        self.envelope = Envelope::RetriableUpload;
        self
    }

    pub(crate) fn with_data(mut self, data: Value) -> Self {
        self.data = Some(Box::new(data));
        self
    }

    /// `(#100) …`: a parameter is wrong.
    pub(crate) fn parameter(message: impl std::fmt::Display) -> Self {
        Self::new(100, format!("(#100) {message}"))
    }

    pub(crate) fn missing_parameter(name: &str) -> Self {
        Self::parameter(format_args!("The parameter {name} is required"))
    }

    pub(crate) fn sub(mut self, subcode: u32) -> Self {
        self.subcode = Some(subcode);
        self
    }

    pub(crate) fn of_kind(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        self
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn for_user(mut self, title: &'static str, message: impl Into<String>) -> Self {
        self.user = Some((title, message.into()));
        self
    }

    /// In the envelope of `api.instagram.com`.
    pub(crate) fn flat(mut self) -> Self {
        self.envelope = Envelope::Flat;
        self
    }

    /// 100/33: the object is not there, or not for this token.
    pub(crate) fn no_object(method: &str, id: &str) -> Self {
        Self::new(
            100,
            format!(
                "Unsupported {} request. Object with ID '{id}' does not exist, cannot be loaded due to missing \
                 permissions, or does not support this operation. Please read the Graph API documentation at \
                 https://developers.facebook.com/docs/graph-api",
                method.to_lowercase()
            ),
        )
        .sub(33)
        .of_kind("GraphMethodException")
    }

    pub(crate) fn unknown_path(components: &str) -> Self {
        Self::new(2500, format!("Unknown path components: /{components}"))
    }

    pub(crate) fn no_token() -> Self {
        Self::new(104, "An access token is required to request this resource.")
    }

    pub(crate) fn bad_token() -> Self {
        Self::new(
            190,
            "Invalid OAuth access token - Cannot parse access token",
        )
    }

    pub(crate) fn page_token_needed() -> Self {
        Self::new(
            190,
            "(#190) This method must be called with a Page Access Token",
        )
        .for_user("User Access Token Is Not Supported", PAGE_TOKEN_NEEDED)
    }

    pub(crate) fn user_token_needed() -> Self {
        Self::new(
            2500,
            "An active access token must be used to query information about the current user.",
        )
    }

    pub(crate) fn scope_to_publish() -> Self {
        Self::new(
            200,
            "(#200) If posting to a group, requires app being installed in the group, and either publish_to_groups \
             permission with user token, or both pages_read_engagement and pages_manage_posts permission with page \
             token; If posting to a page, requires both pages_read_engagement and pages_manage_posts as an admin with \
             sufficient administrative permission",
        )
    }

    pub(crate) fn scope_to_read(scope: &str) -> Self {
        Self::new(
            10,
            format!(
                "(#10) This endpoint requires the '{scope}' permission or the 'Page Public Content Access' feature or \
                 the 'Page Public Metadata Access' feature. Refer to https://developers.facebook.com/docs/apps/review/\
                 login-permissions#manage-pages and https://developers.facebook.com/docs/apps/review/feature for \
                 details."
            ),
        )
    }

    pub(crate) fn scope_to_manage(scope: &str) -> Self {
        Self::new(
            283,
            format!("(#283) Requires {scope} permission to manage the object"),
        )
        .with_status(StatusCode::BAD_REQUEST)
    }

    /// 190 with the subcode of this death.
    pub(crate) fn dead_token(death: Death, app: &str) -> Self {
        let (subcode, what) = match death {
            Death::AppRemoved => (458, format!("The user has not authorized application {app}.")),
            Death::Checkpoint => {
                (459, "The user must log in at https://www.facebook.com and clear a checkpoint.".to_owned())
            }
            Death::PasswordChanged => (
                460,
                "The session has been invalidated because the user changed their password or Facebook has changed the \
                 session for security reasons."
                    .to_owned(),
            ),
            Death::Expired => (463, "Session has expired.".to_owned()),
            Death::LoggedOut => (467, "The session is invalid because the user logged out.".to_owned()),
            Death::RoleLost => {
                (492, "The user must be an administrator, editor, or moderator of the page.".to_owned())
            }
        };
        Self::new(190, format!("Error validating access token: {what}")).sub(subcode)
    }

    pub(crate) fn body(&self) -> Value {
        match self.envelope {
            Envelope::Graph => self.graph_body(),
            Envelope::Flat => json!({
                "error_type": self.kind, "code": self.status.as_u16(), "error_message": self.message,
            }),
            Envelope::Upload => self.upload_body(false),
            Envelope::RetriableUpload => self.upload_body(true),
        }
    }

    fn upload_body(&self, retriable: bool) -> Value {
        json!({ "debug_info": { "retriable": retriable, "type": self.kind, "message": self.message } })
    }

    fn graph_body(&self) -> Value {
        let mut error = json!({ "message": self.message, "type": self.kind, "code": self.code });
        if let Some(subcode) = self.subcode {
            error["error_subcode"] = subcode.into();
            error["is_transient"] = false.into();
        }
        if let Some((title, message)) = &self.user {
            error["error_user_title"] = (*title).into();
            error["error_user_msg"] = message.as_str().into();
        }
        if let Some(data) = &self.data {
            error["error_data"] = (**data).clone();
        }
        error["fbtrace_id"] = format!("A{}", random_text(22)).into();
        json!({ "error": error })
    }
}

const PAGE_TOKEN_NEEDED: &str =
    "A Page access token is required for this call for the new Pages experience.";
