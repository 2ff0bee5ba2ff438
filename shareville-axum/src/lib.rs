//! The axum router of Shareville: REST API, problem documents, the host's own sign-in.
