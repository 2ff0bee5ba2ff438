//! SQL stores for Shareville on sqlx: SQLite.
