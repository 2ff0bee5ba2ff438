-- Times are microseconds since 1970 (UTC), `record` is the whole thing as JSON; the columns beside it are what is
-- searched, joined or guarded by. Texts are compared byte by byte.
--
-- Who locks more than one thing locks accounts first, then lanes by their names, then turns by their tenants. A claim
-- locks turns first, and passes over lanes that are locked.

CREATE TABLE shareville_tenants (
    id            uuid   NOT NULL PRIMARY KEY,
    owner         text   COLLATE "C" NOT NULL,
    revision      bigint NOT NULL,
    facebook_app  text   COLLATE "C",
    instagram_app text   COLLATE "C",
    record        text   NOT NULL
);
CREATE INDEX shareville_tenants_by_owner ON shareville_tenants (owner, id);
CREATE UNIQUE INDEX shareville_tenants_facebook ON shareville_tenants (owner, facebook_app)
    WHERE facebook_app IS NOT NULL;
CREATE UNIQUE INDEX shareville_tenants_instagram ON shareville_tenants (owner, instagram_app)
    WHERE instagram_app IS NOT NULL;

CREATE TABLE shareville_api_keys (
    id     uuid  NOT NULL PRIMARY KEY,
    tenant uuid  NOT NULL REFERENCES shareville_tenants ON DELETE CASCADE,
    hash   bytea NOT NULL,
    record text  NOT NULL,
    UNIQUE (tenant, id),
    UNIQUE (tenant, hash)
);

-- A token is a row of its key, of the same tenant, and goes with it.
CREATE TABLE shareville_user_tokens (
    hash       bytea  NOT NULL PRIMARY KEY,
    tenant     uuid   NOT NULL,
    key        uuid   NOT NULL,
    expires_at bigint NOT NULL,
    record     text   NOT NULL,
    FOREIGN KEY (tenant, key) REFERENCES shareville_api_keys (tenant, id) ON DELETE CASCADE
);
CREATE INDEX shareville_user_tokens_by_key ON shareville_user_tokens (tenant, key);
CREATE INDEX shareville_user_tokens_over ON shareville_user_tokens (expires_at);

CREATE TABLE shareville_logins (
    hash       bytea  NOT NULL PRIMARY KEY,
    tenant     uuid   NOT NULL REFERENCES shareville_tenants ON DELETE CASCADE,
    expires_at bigint NOT NULL,
    code       bytea,
    answer     bytea,
    record     text   NOT NULL
);
CREATE INDEX shareville_logins_by_tenant ON shareville_logins (tenant);
CREATE INDEX shareville_logins_over ON shareville_logins (expires_at);

CREATE TABLE shareville_grants (
    hash       bytea  NOT NULL PRIMARY KEY,
    tenant     uuid   NOT NULL REFERENCES shareville_tenants ON DELETE CASCADE,
    expires_at bigint NOT NULL,
    record     text   NOT NULL
);
CREATE INDEX shareville_grants_by_tenant ON shareville_grants (tenant);
CREATE INDEX shareville_grants_over ON shareville_grants (expires_at);

CREATE TABLE shareville_connections (
    id       uuid    NOT NULL PRIMARY KEY,
    tenant   uuid    NOT NULL REFERENCES shareville_tenants ON DELETE CASCADE,
    end_user text    COLLATE "C" NOT NULL,
    provider text    COLLATE "C" NOT NULL,
    person   text    COLLATE "C" NOT NULL,
    active   boolean NOT NULL,
    revision bigint  NOT NULL,
    record   text    NOT NULL
);
CREATE UNIQUE INDEX shareville_connections_person
    ON shareville_connections (tenant, provider, person, end_user);
CREATE INDEX shareville_connections_by_tenant ON shareville_connections (tenant, id);
CREATE INDEX shareville_connections_by_user ON shareville_connections (tenant, end_user, id);

CREATE TABLE shareville_accounts (
    id          uuid NOT NULL PRIMARY KEY,
    tenant      uuid NOT NULL REFERENCES shareville_tenants ON DELETE CASCADE,
    connection  uuid NOT NULL REFERENCES shareville_connections ON DELETE CASCADE,
    provider    text COLLATE "C" NOT NULL,
    platform_id text COLLATE "C" NOT NULL,
    record      text NOT NULL
);
CREATE UNIQUE INDEX shareville_accounts_platform ON shareville_accounts (connection, provider, platform_id);
CREATE INDEX shareville_accounts_by_lane ON shareville_accounts (tenant, provider, platform_id);
CREATE INDEX shareville_accounts_by_connection ON shareville_accounts (connection, id);

-- The tables below are written all the time. They refer to tenants without a foreign key, which would lock the tenant's
-- row for each row written; what a tenant leaves behind is deleted with it.

-- What workers claim. `ready_at` is when the lane can next be claimed: the rule of `lane::LaneState::ready_at`, in which
-- LEAST and GREATEST pass over nulls. A test holds it against the rule itself.
CREATE TABLE shareville_lanes (
    id           bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant       uuid   NOT NULL,
    provider     text   COLLATE "C" NOT NULL,
    platform_id  text   COLLATE "C" NOT NULL,
    nonce        uuid,
    leased_until bigint,
    paused_until bigint,
    pause_reason text,
    held_until   bigint,
    held_by      uuid,
    next_due     bigint,
    next_expiry  bigint,
    holder_due   bigint,
    version      bigint NOT NULL DEFAULT 0, -- grows with each change to it or to a post in it
    ready_at     bigint GENERATED ALWAYS AS (
        CASE WHEN next_due IS NOT NULL OR next_expiry IS NOT NULL THEN
            GREATEST(
                LEAST(
                    CASE WHEN next_due IS NOT NULL THEN
                        GREATEST(
                            LEAST(
                                CASE WHEN held_until IS NOT NULL THEN holder_due END,
                                GREATEST(next_due, held_until)
                            ),
                            paused_until
                        )
                    END,
                    next_expiry
                ),
                leased_until
            )
        END
    ) STORED,
    UNIQUE (tenant, provider, platform_id)
) WITH (fillfactor = 70);
CREATE INDEX shareville_lanes_ready ON shareville_lanes (tenant, ready_at, id) WHERE ready_at IS NOT NULL;
CREATE INDEX shareville_lanes_leased ON shareville_lanes (tenant, leased_until) WHERE leased_until IS NOT NULL;

-- Whose turn it is: one row for each tenant. `turn` is when its first lane is ready, but no earlier than it was last
-- served: so claims go round the tenants, whatever anybody's backlog. It may be earlier than that, never later: whoever
-- lets a lane be ready earlier lowers it in the same transaction, and `version` tells a claim that somebody did.
CREATE TABLE shareville_turns (
    tenant    uuid   NOT NULL PRIMARY KEY,
    served_at bigint NOT NULL DEFAULT 0,
    served    uuid   NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000', -- the nonce of its last claim: they grow
    turn      bigint,
    version   bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE INDEX shareville_turns_next ON shareville_turns (turn, served) WHERE turn IS NOT NULL;

CREATE TABLE shareville_posts (
    id          uuid    NOT NULL PRIMARY KEY,
    tenant      uuid    NOT NULL,
    end_user    text    COLLATE "C" NOT NULL,
    account     uuid    NOT NULL,
    connection  uuid    NOT NULL,
    lane        bigint  NOT NULL,
    group_id    uuid,
    revision    bigint  NOT NULL,
    status      text    COLLATE "C" NOT NULL,
    listed_at   bigint  NOT NULL,
    due_at      bigint, -- null, too, for a post whose account is gone: nothing can be done for it
    expires_at  bigint,
    platform_id text    COLLATE "C",
    open        boolean NOT NULL, -- while it is not settled
    record      text    NOT NULL
);
CREATE INDEX shareville_posts_by_tenant ON shareville_posts (tenant, id);
CREATE INDEX shareville_posts_by_user ON shareville_posts (tenant, end_user, id);
CREATE INDEX shareville_posts_by_account ON shareville_posts (tenant, account, id);
CREATE INDEX shareville_posts_by_status ON shareville_posts (tenant, status, id);
CREATE INDEX shareville_posts_by_group ON shareville_posts (tenant, group_id, id) WHERE group_id IS NOT NULL;
CREATE INDEX shareville_posts_open ON shareville_posts (connection, id) WHERE open;
CREATE INDEX shareville_posts_due ON shareville_posts (lane, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX shareville_posts_expiry ON shareville_posts (lane, expires_at, id) WHERE expires_at IS NOT NULL;
CREATE INDEX shareville_posts_platform ON shareville_posts (lane, platform_id) WHERE platform_id IS NOT NULL;

-- History, audit and outbox in one. Transactions commit in another order than they take numbers from `seq`: who reads in
-- the order of (xid, seq) and only what is below `pg_snapshot_xmin(pg_current_snapshot())` skips nothing.
CREATE TABLE shareville_events (
    seq     bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid     xid8   NOT NULL DEFAULT pg_current_xact_id(),
    id      uuid   NOT NULL,
    tenant  uuid   NOT NULL,
    subject uuid   NOT NULL,
    record  text   NOT NULL
);
CREATE INDEX shareville_events_by_subject ON shareville_events (tenant, subject, id);
CREATE INDEX shareville_events_by_tenant ON shareville_events (tenant, xid, seq);
