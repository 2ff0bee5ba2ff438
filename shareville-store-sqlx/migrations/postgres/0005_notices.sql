-- What platforms have told of tenants' apps, kept until it was looked into and for a while after. `ready_at` is when it can
-- next be claimed, and null once it has ended; `kept_until` is null until then.
CREATE TABLE shareville_notices (
    id         uuid   NOT NULL PRIMARY KEY,
    tenant     uuid   NOT NULL REFERENCES shareville_tenants ON DELETE CASCADE,
    digest     bytea  NOT NULL, -- by which it is recognised when it comes again
    code       text   COLLATE "C", -- of a person's wish to be deleted
    revision   bigint NOT NULL,
    nonce      uuid,
    ready_at   bigint,
    kept_until bigint,
    record     text   NOT NULL
);
CREATE UNIQUE INDEX shareville_notices_known ON shareville_notices (tenant, digest);
CREATE UNIQUE INDEX shareville_notices_by_code ON shareville_notices (tenant, code) WHERE code IS NOT NULL;
CREATE INDEX shareville_notices_ready ON shareville_notices (ready_at, id) WHERE ready_at IS NOT NULL;
CREATE INDEX shareville_notices_over ON shareville_notices (kept_until) WHERE kept_until IS NOT NULL;
