-- What was answered to requests that create something, by the hash of their idempotency key: written with what they
-- create, and kept for a day. `users` are those whose posts the answer tells of, as JSON.
CREATE TABLE shareville_answers (
    tenant     BLOB    NOT NULL REFERENCES shareville_tenants ON DELETE CASCADE,
    key        BLOB    NOT NULL,
    request    BLOB    NOT NULL,
    expires_at INTEGER NOT NULL,
    users      TEXT    NOT NULL,
    answer     BLOB    NOT NULL,
    UNIQUE (tenant, key)
) STRICT;
CREATE INDEX shareville_answers_over ON shareville_answers (expires_at);

-- For lists of what goes out within a span of time.
CREATE INDEX shareville_posts_by_time ON shareville_posts (tenant, listed_at, id);
