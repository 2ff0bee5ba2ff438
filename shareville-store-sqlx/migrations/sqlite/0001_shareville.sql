-- Times are microseconds since 1970 (UTC), ids are 16-byte blobs, `record` is the whole thing as JSON; the columns
-- beside it are what is searched, joined or guarded by.

CREATE TABLE shareville_tenants (
    id            BLOB    NOT NULL PRIMARY KEY,
    owner         TEXT    NOT NULL,
    revision      INTEGER NOT NULL,
    facebook_app  TEXT,
    instagram_app TEXT,
    record        TEXT    NOT NULL
) STRICT;
CREATE INDEX shareville_tenants_by_owner ON shareville_tenants (owner, id);
CREATE UNIQUE INDEX shareville_tenants_facebook ON shareville_tenants (owner, facebook_app)
    WHERE facebook_app IS NOT NULL;
CREATE UNIQUE INDEX shareville_tenants_instagram ON shareville_tenants (owner, instagram_app)
    WHERE instagram_app IS NOT NULL;

CREATE TABLE shareville_api_keys (
    id     BLOB NOT NULL PRIMARY KEY,
    tenant BLOB NOT NULL REFERENCES shareville_tenants ON DELETE CASCADE,
    hash   BLOB NOT NULL,
    record TEXT NOT NULL,
    UNIQUE (tenant, id),
    UNIQUE (tenant, hash)
) STRICT;

-- A token is a row of its key, of the same tenant, and goes with it.
CREATE TABLE shareville_user_tokens (
    hash       BLOB    NOT NULL PRIMARY KEY,
    tenant     BLOB    NOT NULL,
    key        BLOB    NOT NULL,
    expires_at INTEGER NOT NULL,
    record     TEXT    NOT NULL,
    FOREIGN KEY (tenant, key) REFERENCES shareville_api_keys (tenant, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX shareville_user_tokens_by_key ON shareville_user_tokens (tenant, key);
CREATE INDEX shareville_user_tokens_over ON shareville_user_tokens (expires_at);

CREATE TABLE shareville_logins (
    hash       BLOB    NOT NULL PRIMARY KEY,
    tenant     BLOB    NOT NULL REFERENCES shareville_tenants ON DELETE CASCADE,
    expires_at INTEGER NOT NULL,
    code       BLOB,
    answer     BLOB,
    record     TEXT    NOT NULL
) STRICT;
CREATE INDEX shareville_logins_by_tenant ON shareville_logins (tenant);
CREATE INDEX shareville_logins_over ON shareville_logins (expires_at);

CREATE TABLE shareville_grants (
    hash       BLOB    NOT NULL PRIMARY KEY,
    tenant     BLOB    NOT NULL REFERENCES shareville_tenants ON DELETE CASCADE,
    expires_at INTEGER NOT NULL,
    record     TEXT    NOT NULL
) STRICT;
CREATE INDEX shareville_grants_by_tenant ON shareville_grants (tenant);
CREATE INDEX shareville_grants_over ON shareville_grants (expires_at);

CREATE TABLE shareville_connections (
    id       BLOB    NOT NULL PRIMARY KEY,
    tenant   BLOB    NOT NULL REFERENCES shareville_tenants ON DELETE CASCADE,
    user     TEXT    NOT NULL,
    provider TEXT    NOT NULL,
    person   TEXT    NOT NULL,
    active   INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    record   TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX shareville_connections_person
    ON shareville_connections (tenant, provider, person, user);
CREATE INDEX shareville_connections_by_tenant ON shareville_connections (tenant, id);
CREATE INDEX shareville_connections_by_user ON shareville_connections (tenant, user, id);

CREATE TABLE shareville_accounts (
    id          BLOB NOT NULL PRIMARY KEY,
    tenant      BLOB NOT NULL REFERENCES shareville_tenants ON DELETE CASCADE,
    connection  BLOB NOT NULL REFERENCES shareville_connections ON DELETE CASCADE,
    provider    TEXT NOT NULL,
    platform_id TEXT NOT NULL,
    record      TEXT NOT NULL,
    UNIQUE (connection, provider, platform_id)
) STRICT;
CREATE INDEX shareville_accounts_by_lane ON shareville_accounts (tenant, provider, platform_id);
CREATE INDEX shareville_accounts_by_connection ON shareville_accounts (connection, id);

-- What workers claim. `ready_at` is when the lane can next be claimed, by the rule of `lane::LaneState`; it is worked
-- out anew in every transaction that changes what it depends on.
CREATE TABLE shareville_lanes (
    id           INTEGER NOT NULL PRIMARY KEY,
    tenant       BLOB    NOT NULL REFERENCES shareville_tenants ON DELETE CASCADE,
    provider     TEXT    NOT NULL,
    platform_id  TEXT    NOT NULL,
    nonce        BLOB,
    leased_until INTEGER,
    paused_until INTEGER,
    pause_reason TEXT,
    held_until   INTEGER,
    held_by      BLOB,
    next_due     INTEGER,
    next_expiry  INTEGER,
    holder_due   INTEGER,
    ready_at     INTEGER,
    UNIQUE (tenant, provider, platform_id)
) STRICT;
CREATE INDEX shareville_lanes_ready ON shareville_lanes (tenant, ready_at) WHERE ready_at IS NOT NULL;
CREATE INDEX shareville_lanes_leased ON shareville_lanes (tenant, leased_until) WHERE leased_until IS NOT NULL;

-- Whose turn it is: one row for each tenant that has lanes. `turn` is when its first lane is ready, but no earlier than
-- it was last served: so claims go round the tenants, whatever anybody's backlog.
CREATE TABLE shareville_turns (
    tenant    BLOB    NOT NULL PRIMARY KEY REFERENCES shareville_tenants ON DELETE CASCADE,
    served_at INTEGER NOT NULL DEFAULT 0,
    served    BLOB    NOT NULL DEFAULT x'', -- the nonce of its last claim: they grow, so ties go to who waited longest
    turn      INTEGER
) STRICT;
CREATE INDEX shareville_turns_next ON shareville_turns (turn, served) WHERE turn IS NOT NULL;

CREATE TABLE shareville_posts (
    id          BLOB    NOT NULL PRIMARY KEY,
    tenant      BLOB    NOT NULL REFERENCES shareville_tenants ON DELETE CASCADE,
    user        TEXT    NOT NULL,
    account     BLOB    NOT NULL,
    connection  BLOB    NOT NULL,
    lane        INTEGER NOT NULL,
    group_id    BLOB,
    revision    INTEGER NOT NULL,
    status      TEXT    NOT NULL,
    listed_at   INTEGER NOT NULL,
    due_at      INTEGER, -- null, too, for a post whose account is gone: nothing can be done for it
    expires_at  INTEGER,
    platform_id TEXT,
    open        INTEGER, -- 1 while it is not settled, else null
    record      TEXT    NOT NULL
) STRICT;
CREATE INDEX shareville_posts_by_tenant ON shareville_posts (tenant, id);
CREATE INDEX shareville_posts_by_user ON shareville_posts (tenant, user, id);
CREATE INDEX shareville_posts_by_account ON shareville_posts (tenant, account, id);
CREATE INDEX shareville_posts_by_status ON shareville_posts (tenant, status, id);
CREATE INDEX shareville_posts_by_group ON shareville_posts (tenant, group_id, id) WHERE group_id IS NOT NULL;
CREATE INDEX shareville_posts_open ON shareville_posts (connection, id) WHERE open IS NOT NULL;
CREATE INDEX shareville_posts_due ON shareville_posts (lane, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX shareville_posts_expiry ON shareville_posts (lane, expires_at, id) WHERE expires_at IS NOT NULL;
CREATE INDEX shareville_posts_platform ON shareville_posts (lane, platform_id) WHERE platform_id IS NOT NULL;

-- History, audit and outbox in one. There is one writer at a time, so `seq` grows in the order of commits.
CREATE TABLE shareville_events (
    seq     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id      BLOB    NOT NULL,
    tenant  BLOB    NOT NULL REFERENCES shareville_tenants ON DELETE CASCADE,
    subject BLOB    NOT NULL,
    record  TEXT    NOT NULL
) STRICT;
CREATE INDEX shareville_events_by_subject ON shareville_events (tenant, subject, id);
