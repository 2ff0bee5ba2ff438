//! Faults on demand: where they strike, and what they do.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::millis;
use crate::world::Death;

/// The number of an armed fault.
pub type FaultId = u64;

/// What a call to the emulated platform is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Step {
    /// Login code to token.
    CodeExchange,
    /// Short-lived to long-lived token.
    LongLivedExchange,
    /// `debug_token`.
    DebugToken,
    /// `/me` with a user token.
    Me,
    /// `GET /me/permissions`.
    ListPermissions,
    /// `DELETE /me/permissions` and `DELETE /me/permissions/{name}`.
    RevokePermissions,
    /// `/me/accounts`.
    Accounts,
    /// `/me/businesses`.
    Businesses,
    /// A business's `owned_pages` and `client_pages`.
    BusinessPages,
    /// `GET /{page}`.
    PageRead,
    /// `POST /{page}/photos`.
    PhotoUpload,
    /// `GET /{photo}`.
    ReadPhoto,
    /// `DELETE /{photo}`.
    DeletePhoto,
    /// `POST /{page}/feed`, visible at once or not.
    CreatePost,
    /// `POST /{post}` with `is_published`.
    PublishPost,
    /// `GET /{post}`.
    ReadPost,
    /// `POST /{post}` without `is_published`.
    EditPost,
    /// `DELETE /{post}`.
    DeletePost,
    /// `GET /{page}/feed`, `posts` and `published_posts`.
    ListPosts,
    /// `POST /{post}/comments`, and replies.
    CreateComment,
    /// `GET /{post}/comments`, and replies.
    ListComments,
    /// `GET /{comment}`.
    ReadComment,
    /// `POST /{comment}`.
    EditComment,
    /// `DELETE /{comment}`.
    DeleteComment,
    /// `POST /{page}/videos` in one call.
    UploadVideo,
    /// `POST /{page}/videos` with `upload_phase=start`.
    StartVideo,
    /// `POST /{page}/videos` with `upload_phase=transfer`.
    TransferVideo,
    /// `POST /{page}/videos` with `upload_phase=finish`.
    FinishVideo,
    /// `POST /{page}/videos` with `upload_phase=cancel`.
    CancelVideo,
    /// `GET /{video}`: a Reel and a video story too.
    ReadVideo,
    /// `DELETE /{video}`: a Reel and a video story too.
    DeleteVideo,
    /// `POST /{page}/video_reels` with `upload_phase=start`.
    StartReel,
    /// `POST` of a Reel's bytes or address to `rupload.facebook.com`.
    UploadReel,
    /// `POST /{page}/video_reels` with `upload_phase=finish`.
    FinishReel,
    /// `POST /{page}/photo_stories`.
    PublishPhotoStory,
    /// `POST /{page}/video_stories` with `upload_phase=start`.
    StartVideoStory,
    /// `POST` of a video story's bytes or address to `rupload.facebook.com`.
    UploadVideoStory,
    /// `POST /{page}/video_stories` with `upload_phase=finish`.
    FinishVideoStory,
    /// `GET /{page}/stories`.
    ListStories,
    /// `GET /{ig}` on Facebook's host.
    ReadInstagram,
    /// `GET /{ig}/content_publishing_limit`.
    PublishingLimit,
    /// `POST /{ig}/media`.
    CreateContainer,
    /// `GET /{container}`.
    ReadContainer,
    /// The bytes of an Instagram container, to `rupload.facebook.com/ig-api-upload`.
    UploadContainer,
    /// `POST /{ig}/media_publish`.
    PublishMedia,
    /// `GET /{media}`.
    ReadMedia,
    /// `DELETE /{media}`.
    DeleteMedia,
    /// `GET /{ig}/media`.
    ListMedia,
    /// `GET /{ig}/stories`.
    ListStoriesInstagram,
    /// `POST /{media}/comments`.
    MediaComment,
    /// `GET /{media}/comments`.
    ListMediaComments,
    /// Instagram Login code to token, on `api.instagram.com`.
    InstagramCodeExchange,
    /// Short-lived to long-lived Instagram token.
    InstagramLongLivedExchange,
    /// A long-lived Instagram token anew.
    InstagramRefresh,
    /// `GET /me` with an Instagram token.
    InstagramMe,
    /// Anything else: unknown paths and objects.
    Other,
}

/// Which calls a fault looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum At {
    /// Calls of this kind.
    Step(Step),
    /// Calls of this method whose path, without version, begins so: `{"path":["POST","100000000000101/feed"]}`.
    Path(String, String),
    /// Every call.
    Anything,
}

/// An answer made up by a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body: text goes out as HTML, anything else as JSON.
    pub body: Value,
}

impl Answer {
    /// Any status with any body.
    pub fn new(status: u16, body: impl Into<Value>) -> Self {
        Self {
            status,
            body: body.into(),
        }
    }

    /// A Graph error of this code and subcode (0: none).
    pub fn graph_error(status: u16, code: i64, subcode: u32, message: impl Into<String>) -> Self {
        let mut error =
            json!({ "message": message.into(), "type": "OAuthException", "code": code });
        if subcode != 0 {
            error["error_subcode"] = subcode.into();
        }
        Self::new(status, json!({ "error": error }))
    }

    /// Code 2 with HTTP 500: "An unexpected error has occurred", which may follow a success.
    #[must_use]
    pub fn code_2() -> Self {
        let mut answer = Self::graph_error(
            500,
            2,
            0,
            "An unexpected error has occurred. Please retry your request later.",
        );
        answer.body["error"]["is_transient"] = true.into();
        answer
    }

    /// Code 1 with subcode 99 and HTTP 500: "An unknown error occurred", which may follow a success.
    #[must_use]
    pub fn code_1() -> Self {
        Self::graph_error(500, 1, 99, "An unknown error occurred")
    }

    /// 4/2207051 with HTTP 403: the spam block that calls itself a rate limit.
    #[must_use]
    pub fn spam_block() -> Self {
        let mut answer = Self::graph_error(403, 4, 2_207_051, "Application request limit reached");
        answer.body["error"]["is_transient"] = false.into();
        answer.body["error"]["error_user_title"] = "action is blocked".into();
        answer
    }

    /// A proxy's HTML page with HTTP 502.
    #[must_use]
    pub fn bad_gateway() -> Self {
        Self::new(
            502,
            "<html><head><title>502 Bad Gateway</title></head><body>Sorry, something went wrong.</body></html>",
        )
    }

    /// HTTP 200 with `{"success":false}`, which is a failure.
    #[must_use]
    pub fn success_false() -> Self {
        Self::new(200, json!({ "success": false }))
    }
}

/// When a held call stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// The request has arrived; nothing has happened yet.
    #[default]
    BeforeActing,
    /// Everything has happened; the answer has not left.
    AfterActing,
}

/// What a fault does to a call it strikes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Effect {
    /// Acts, then closes the connection without a byte of answer.
    LoseAnswer,
    /// Acts, then answers this instead of what it would have answered.
    ActAndAnswer {
        /// What is answered.
        answer: Answer,
    },
    /// Closes the connection without an answer after `close_after_ms`, and acts `after_ms` after the call came in.
    ActLate {
        /// When it acts.
        #[serde(rename = "after_ms", with = "millis")]
        after: Duration,
        /// When the connection is closed.
        #[serde(rename = "close_after_ms", with = "millis", default)]
        close_after: Duration,
    },
    /// Waits, then acts and answers.
    Delay {
        /// How long it waits.
        #[serde(rename = "duration_ms", with = "millis")]
        duration: Duration,
    },
    /// Acts at once and answers later.
    DelayAnswer {
        /// How long the answer waits.
        #[serde(rename = "duration_ms", with = "millis")]
        duration: Duration,
    },
    /// Only so many bytes of each uploaded file arrive and are kept, then the connection is closed without an answer.
    KeepPart {
        /// How many bytes arrive.
        bytes: u64,
    },
    /// Acts and answers truly, but the video that the call finishes ends with this error instead of being seen.
    FailProcessing {
        /// The error's code in the video's `status`.
        code: u32,
    },
    /// Does not act; answers this.
    Refuse {
        /// What is answered.
        answer: Answer,
    },
    /// Does not act; closes the connection without an answer.
    LoseRequest,
    /// Does not act; answers a rate limit with its usage headers.
    Throttle {
        /// 4 (app), 17 (user), 32 (Page), 341, 613, 80001 (Page, business use case) or 80002 (Instagram).
        code: i64,
        /// `estimated_time_to_regain_access`.
        minutes: u32,
    },
    /// The person's tokens die before the call is looked at, which then fails like any other with a dead token.
    Revoke {
        /// How they die.
        death: Death,
    },
    /// Stops the call until the fault is released or cleared.
    Hold {
        /// Where it stops.
        #[serde(default)]
        moment: Moment,
    },
}

/// A fault to arm: strikes the next call that fits, once, unless told otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Fault {
    /// Which calls it looks at.
    pub at: At,
    /// Only calls on this Page or Instagram account, and on what belongs to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// Only calls with a parameter that contains this text, or on a post, video, container or media whose text does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub containing: Option<String>,
    /// How many fitting calls pass before the first is struck.
    #[serde(default)]
    pub skip: u32,
    /// How many calls are struck; `null` for all. Absent means one.
    #[serde(default = "once")]
    pub times: Option<u32>,
    /// What happens to them.
    pub effect: Effect,
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is the default of an optional field"
)]
fn once() -> Option<u32> {
    Some(1)
}

impl Fault {
    /// A fault of this effect on the next call of this kind.
    #[must_use]
    pub fn on(step: Step, effect: Effect) -> Self {
        Self::at(At::Step(step), effect)
    }

    /// A fault of this effect on the next call that fits `at`.
    #[must_use]
    pub fn at(at: At, effect: Effect) -> Self {
        Self {
            at,
            page: None,
            containing: None,
            skip: 0,
            times: once(),
            effect,
        }
    }

    /// Only calls on this Page or Instagram account, and on what belongs to it.
    #[must_use]
    pub fn on_page(mut self, page: impl Into<String>) -> Self {
        self.page = Some(page.into());
        self
    }

    /// Only calls with a parameter that contains this text, or on a post, video, container or media whose text does.
    #[must_use]
    pub fn containing(mut self, text: impl Into<String>) -> Self {
        self.containing = Some(text.into());
        self
    }

    /// Lets so many fitting calls pass first.
    #[must_use]
    pub fn skipping(mut self, calls: u32) -> Self {
        self.skip = calls;
        self
    }

    /// Strikes so many calls instead of one.
    #[must_use]
    pub fn times(mut self, calls: u32) -> Self {
        self.times = Some(calls);
        self
    }

    /// Strikes every fitting call until it is cleared.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }
}

/// An armed fault and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FaultReport {
    /// Its number.
    pub id: FaultId,
    /// The fault.
    pub fault: Fault,
    /// How many calls fitted.
    pub seen: u32,
    /// How many were struck. A test counts only if its fault struck.
    pub struck: u32,
    /// How many stand still in it now.
    pub holding: u32,
}
