-- Times are microseconds since 1970 (UTC), `record` is the whole thing as JSON; the columns beside it are what is
-- searched, joined or guarded by. Texts are compared byte by byte.
--
-- Who locks more than one thing locks accounts first, then lanes by their names, then turns by their tenants. A claim
-- locks turns first, and passes over lanes that are locked. Of deliveries, the cursor comes first, then endpoints by their
-- tenants; a claim passes over endpoints that are locked.

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
    end_user   text   COLLATE "C" NOT NULL,
    expires_at bigint NOT NULL,
    record     text   NOT NULL,
    FOREIGN KEY (tenant, key) REFERENCES shareville_api_keys (tenant, id) ON DELETE CASCADE
);
CREATE INDEX shareville_user_tokens_by_key ON shareville_user_tokens (tenant, key);
CREATE INDEX shareville_user_tokens_by_user ON shareville_user_tokens (tenant, end_user);
CREATE INDEX shareville_user_tokens_over ON shareville_user_tokens (expires_at);

CREATE TABLE shareville_logins (
    hash       bytea  NOT NULL PRIMARY KEY,
    tenant     uuid   NOT NULL REFERENCES shareville_tenants ON DELETE CASCADE,
    end_user   text   COLLATE "C" NOT NULL,
    expires_at bigint NOT NULL,
    code       bytea,
    answer     bytea,
    record     text   NOT NULL
);
CREATE INDEX shareville_logins_by_user ON shareville_logins (tenant, end_user);
CREATE INDEX shareville_logins_over ON shareville_logins (expires_at);

CREATE TABLE shareville_grants (
    hash       bytea  NOT NULL PRIMARY KEY,
    tenant     uuid   NOT NULL REFERENCES shareville_tenants ON DELETE CASCADE,
    end_user   text   COLLATE "C" NOT NULL,
    expires_at bigint NOT NULL,
    record     text   NOT NULL
);
CREATE INDEX shareville_grants_by_user ON shareville_grants (tenant, end_user);
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

-- What was answered to requests that create something, by the hash of their idempotency key: written with what they
-- create, and kept for a day. `users` are those whose posts the answer tells of, as JSON.
CREATE TABLE shareville_answers (
    tenant     uuid   NOT NULL REFERENCES shareville_tenants ON DELETE CASCADE,
    key        bytea  NOT NULL,
    request    bytea  NOT NULL,
    expires_at bigint NOT NULL,
    users      text   NOT NULL,
    answer     bytea  NOT NULL,
    PRIMARY KEY (tenant, key)
);
CREATE INDEX shareville_answers_over ON shareville_answers (expires_at);

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
CREATE INDEX shareville_posts_by_time ON shareville_posts (tenant, listed_at, id);
CREATE INDEX shareville_posts_by_group ON shareville_posts (tenant, group_id, id) WHERE group_id IS NOT NULL;
CREATE INDEX shareville_posts_open ON shareville_posts (connection, id) WHERE open;
CREATE INDEX shareville_posts_due ON shareville_posts (lane, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX shareville_posts_expiry ON shareville_posts (lane, expires_at, id) WHERE expires_at IS NOT NULL;
CREATE INDEX shareville_posts_platform ON shareville_posts (lane, platform_id) WHERE platform_id IS NOT NULL;

-- History, audit and outbox in one. Transactions commit in another order than they take numbers, so `xid` says whose an
-- event is: whether one was there to be seen at some moment is asked of that moment's snapshot.
CREATE TABLE shareville_events (
    seq     bigint  NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid     xid8    NOT NULL DEFAULT pg_current_xact_id(),
    id      uuid    NOT NULL,
    tenant  uuid    NOT NULL,
    subject uuid    NOT NULL,
    public  boolean NOT NULL, -- whether webhooks tell of it
    record  text    NOT NULL
);
CREATE INDEX shareville_events_by_subject ON shareville_events (tenant, subject, id);
CREATE INDEX shareville_events_public ON shareville_events (xid, seq) WHERE public;

-- Whose posts and connections they were that are gone, but for their history: so that all that is told of an end user
-- can be erased. A row goes with the history it leads to.
CREATE TABLE shareville_departed (
    tenant   uuid NOT NULL,
    end_user text COLLATE "C" NOT NULL,
    subject  uuid NOT NULL,
    PRIMARY KEY (tenant, end_user, subject)
);

-- Webhooks to the tenant. Whoever publishes writes events only; deliveries are taken up from them later, by a cursor.
--
-- The tenants that have had an endpoint. `turn` is when the first delivery of one can be claimed, but no earlier than it
-- was last served. Who changes when a tenant's deliveries are ready locks its row here first.
CREATE TABLE shareville_endpoints (
    tenant    uuid        NOT NULL PRIMARY KEY REFERENCES shareville_tenants ON DELETE CASCADE,
    active    boolean     NOT NULL, -- false while it has no address
    since     pg_snapshot NOT NULL, -- events that could be seen then are not owed to it
    served_at bigint      NOT NULL DEFAULT 0,
    served    uuid        NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    turn      bigint
) WITH (fillfactor = 50);
CREATE INDEX shareville_endpoints_since ON shareville_endpoints (pg_snapshot_xmin(since)) WHERE active;
CREATE INDEX shareville_endpoints_next ON shareville_endpoints (turn, served) WHERE turn IS NOT NULL;

-- Up to where events have been taken up: all that could be seen in `past`, and, of those that could be seen in `goal`, the
-- ones up to (`xid`, `seq`).
CREATE TABLE shareville_delivery_cursor (
    one  boolean     NOT NULL PRIMARY KEY CHECK (one),
    past pg_snapshot NOT NULL,
    goal pg_snapshot,
    xid  xid8        NOT NULL,
    seq  bigint      NOT NULL
) WITH (fillfactor = 10);
INSERT INTO shareville_delivery_cursor (one, past, xid, seq) VALUES (true, pg_current_snapshot(), '0', 0);

-- What was taken up: under way, and the log of what has ended. `ready_at` is when it can next be claimed.
CREATE TABLE shareville_deliveries (
    id           uuid   NOT NULL PRIMARY KEY,
    tenant       uuid   NOT NULL,
    event        bigint NOT NULL UNIQUE REFERENCES shareville_events ON DELETE CASCADE,
    revision     bigint NOT NULL,
    nonce        uuid,
    leased_until bigint,
    ready_at     bigint,
    record       text   NOT NULL
);
CREATE INDEX shareville_deliveries_by_tenant ON shareville_deliveries (tenant, id);
CREATE INDEX shareville_deliveries_ready ON shareville_deliveries (tenant, ready_at, id) WHERE ready_at IS NOT NULL;
CREATE INDEX shareville_deliveries_leased ON shareville_deliveries (tenant, leased_until)
    WHERE leased_until IS NOT NULL;

-- One sealed text for each encryption key that has been used: it tells at the start whether a key is missing or another.
CREATE TABLE shareville_keys (
    id    text  COLLATE "C" NOT NULL PRIMARY KEY,
    probe bytea NOT NULL
);
