-- Webhooks to the tenant. Whoever publishes writes events only; deliveries are taken up from them later, by a cursor.

-- 1 for an event that webhooks tell of. Such a number takes no room in a row's body, so it is read without the record.
ALTER TABLE shareville_events ADD COLUMN public INTEGER NOT NULL DEFAULT 0;

-- The tenants that have an endpoint. `turn` is when the first delivery of one can be claimed, but no earlier than it was
-- last served, as for lanes.
CREATE TABLE shareville_endpoints (
    tenant    BLOB    NOT NULL PRIMARY KEY REFERENCES shareville_tenants ON DELETE CASCADE,
    since     INTEGER NOT NULL, -- events up to this one are not owed to it
    served_at INTEGER NOT NULL DEFAULT 0,
    served    BLOB    NOT NULL DEFAULT x'',
    turn      INTEGER
) STRICT;
CREATE INDEX shareville_endpoints_since ON shareville_endpoints (since);
CREATE INDEX shareville_endpoints_next ON shareville_endpoints (turn, served) WHERE turn IS NOT NULL;

-- Up to where events have been taken up.
CREATE TABLE shareville_delivery_cursor (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL
) STRICT;
INSERT INTO shareville_delivery_cursor (one, seq) VALUES (1, 0);

-- What was taken up: under way, and the log of what has ended. `ready_at` is when it can next be claimed.
CREATE TABLE shareville_deliveries (
    id           BLOB    NOT NULL PRIMARY KEY,
    tenant       BLOB    NOT NULL REFERENCES shareville_tenants ON DELETE CASCADE,
    event        INTEGER NOT NULL UNIQUE REFERENCES shareville_events (seq) ON DELETE CASCADE,
    revision     INTEGER NOT NULL,
    nonce        BLOB,
    leased_until INTEGER,
    ready_at     INTEGER,
    record       TEXT    NOT NULL
) STRICT;
CREATE INDEX shareville_deliveries_by_tenant ON shareville_deliveries (tenant, id);
CREATE INDEX shareville_deliveries_ready ON shareville_deliveries (tenant, ready_at, id) WHERE ready_at IS NOT NULL;
CREATE INDEX shareville_deliveries_leased ON shareville_deliveries (tenant, leased_until)
    WHERE leased_until IS NOT NULL;

INSERT INTO shareville_endpoints (tenant, since)
    SELECT id, coalesce((SELECT max(seq) FROM shareville_events), 0) FROM shareville_tenants
    WHERE record ->> 'webhook_url' IS NOT NULL;
