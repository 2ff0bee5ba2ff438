-- Uploads, and renditions made of them: each from before its first byte is kept until after its last is erased. What is
-- discarded nobody sees any more; its bytes are still to be erased. It refers to its tenant without a foreign key, since
-- it outlives it for that long. `named` is the id that posts name: the upload's own, or that of what it was made from.
-- `hash`, of its token, and `record` are null until it is whole.
CREATE TABLE shareville_uploads (
    id         uuid    NOT NULL PRIMARY KEY,
    tenant     uuid    NOT NULL,
    end_user   text    COLLATE "C" NOT NULL,
    named      uuid    NOT NULL,
    form       text    COLLATE "C", -- of a rendition
    hash       bytea,
    bytes      bigint  NOT NULL,
    expires_at bigint  NOT NULL,
    discarded  boolean NOT NULL DEFAULT false,
    record     text
);
CREATE INDEX shareville_uploads_by_user ON shareville_uploads (tenant, end_user);
CREATE INDEX shareville_uploads_by_name ON shareville_uploads (named);
CREATE UNIQUE INDEX shareville_uploads_by_hash ON shareville_uploads (hash) WHERE hash IS NOT NULL;
CREATE UNIQUE INDEX shareville_uploads_form ON shareville_uploads (named, form)
    WHERE form IS NOT NULL AND hash IS NOT NULL AND NOT discarded;
CREATE INDEX shareville_uploads_over ON shareville_uploads (expires_at) WHERE NOT discarded;
CREATE INDEX shareville_uploads_discarded ON shareville_uploads (id) WHERE discarded;

-- Posts that keep the uploads they name: drafts, and what is not settled.
CREATE INDEX shareville_posts_naming ON shareville_posts (tenant, end_user)
    WHERE (open OR status = 'draft') AND position('"mediaId"' IN record) > 0;
