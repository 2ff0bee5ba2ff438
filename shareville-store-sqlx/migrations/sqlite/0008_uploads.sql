-- Uploads, and renditions made of them: each from before its first byte is kept until after its last is erased. What is
-- discarded nobody sees any more; its bytes are still to be erased. It refers to its tenant without a foreign key, since
-- it outlives it for that long. `named` is the id that posts name: the upload's own, or that of what it was made from.
-- `hash`, of its token, and `record` are null until it is whole.
CREATE TABLE shareville_uploads (
    id         BLOB    NOT NULL PRIMARY KEY,
    tenant     BLOB    NOT NULL,
    user       TEXT    NOT NULL,
    named      TEXT    NOT NULL,
    form       TEXT, -- of a rendition
    hash       BLOB,
    bytes      INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    discarded  INTEGER NOT NULL DEFAULT 0,
    record     TEXT
) STRICT;
CREATE INDEX shareville_uploads_by_user ON shareville_uploads (tenant, user);
CREATE INDEX shareville_uploads_by_name ON shareville_uploads (named);
CREATE UNIQUE INDEX shareville_uploads_by_hash ON shareville_uploads (hash) WHERE hash IS NOT NULL;
CREATE UNIQUE INDEX shareville_uploads_form ON shareville_uploads (named, form)
    WHERE form IS NOT NULL AND hash IS NOT NULL AND discarded = 0;
CREATE INDEX shareville_uploads_over ON shareville_uploads (expires_at) WHERE discarded = 0;
CREATE INDEX shareville_uploads_discarded ON shareville_uploads (discarded) WHERE discarded = 1;

-- Posts that keep the uploads they name: drafts, and what is not settled.
CREATE INDEX shareville_posts_naming ON shareville_posts (tenant, user)
    WHERE (open IS NOT NULL OR status = 'draft') AND instr(record, '"mediaId"') > 0;
