#![doc = include_str!("../README.md")]

pub use shareville_core::{
    BuildError, Builder, Caller, CallerKind, CredentialError, Error, Settings, Shareville,
    callbacks::{CallbackError, Callbacks, Noticed, Signed, SignedPerson, SigningSecret},
    clock::{Clock, Deadline, ManualClock, SystemClock, Timestamp},
    connect::{BegunLogin, Callback, Connecting, Landing, LandingStatus, NewLogin},
    connection::{Account, Connection, ConnectionStatus, Upkeep},
    connector::{Authorize, Connector, FoundAccount, Granted, Inspected, Refreshed},
    credential::{ApiKey, Scope, UserToken},
    deliver::{Courier, Letter, Shapes},
    delivery::{Attempt, Delivery, DeliveryStatus, Outcome, Trouble},
    engine::Engine,
    event::{Actor, Event, EventKind, Subject},
    failure::{Action, Failure, FailureClass, LimitScope, PlatformError},
    heed::{Deletion, DeletionStatus},
    id::{
        AccountId, ApiKeyId, ConnectionId, DeliveryId, EventId, GroupId, InvalidId, MediaId,
        NoticeId, OwnerId, PostId, Provider, RequestId, TenantId, UserId,
    },
    media::{
        Addressed, Fetched, JpegLimits, Media, MediaError, MediaFacts, MediaFetcher, MediaForm,
        MediaFormat, MediaKeeper, MediaKind, MediaPreflight, MediaReader, MediaSource, PublicMedia,
        Upload, UploadLimits, UserTag,
    },
    notice::{DeletionCode, Notice, NoticeDigest, NoticeKind, NoticeOutcome},
    post::{Content, Evidence, Placement, Post, PostStatus, Progress, Published, Repeat},
    posting::{Plan, PostInput, PostPatch, Posting, Target, Wanted},
    publisher::{
        Access, Capabilities, CommentEvidence, Commented, Committed, Job, PlacementLimits,
        Prepared, Publisher,
    },
    reseal::{KeySurvey, KeyUse, ResealProgress, Resealed, Unreadable, Unreadables},
    secret::{Keyring, KeyringError, OpenError, Sealed},
    store::{MemoryStore, Page, PageRequest, PostFilter, Store, StoreError},
    tenancy::{NewApiKey, Patch, SavedTenant, Tenancy, TenantInput},
    tenant::{App, Tenant},
    upload::{NewUpload, UploadError, Uploading},
    violation::Violation,
};

/// The domain and the engine, whole: for those who write a store, a publisher or a connector.
pub use shareville_core as core;

/// What files are by their heads, uploads in an object store, and renditions that platforms take.
#[cfg(feature = "media")]
pub use shareville_media as media;

/// Facebook Pages and Instagram accounts over the Graph API.
#[cfg(feature = "meta")]
pub use shareville_meta as meta;

/// The SQLite store.
#[cfg(feature = "sqlite")]
pub use shareville_store_sqlx as sqlite;

/// The PostgreSQL store.
#[cfg(feature = "postgres")]
pub use shareville_store_sqlx as postgres;

/// The axum router.
#[cfg(feature = "axum")]
pub use shareville_axum as axum;

/// Webhooks to tenants.
#[cfg(feature = "webhooks")]
pub use shareville_outbound as outbound;

/// Meta emulated on one's own machine.
#[cfg(feature = "sandbox")]
pub use shareville_sandbox as sandbox;
