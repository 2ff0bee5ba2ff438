-- Whose posts and connections they were that are gone, but for their history: so that all that is told of an end user
-- can be erased. A row goes with the history it leads to.
CREATE TABLE shareville_departed (
    tenant  BLOB NOT NULL REFERENCES shareville_tenants ON DELETE CASCADE,
    user    TEXT NOT NULL,
    subject BLOB NOT NULL,
    PRIMARY KEY (tenant, user, subject)
) STRICT, WITHOUT ROWID;

-- What went before there was this table.
INSERT OR IGNORE INTO shareville_departed (tenant, user, subject)
    SELECT e.tenant, coalesce(e.record ->> '$.data.post.user', e.record ->> '$.data.connection.user'), e.subject
    FROM shareville_events e
    WHERE coalesce(e.record ->> '$.data.post.user', e.record ->> '$.data.connection.user') IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM shareville_posts p WHERE p.id = e.subject)
      AND NOT EXISTS (SELECT 1 FROM shareville_connections c WHERE c.id = e.subject);

CREATE INDEX shareville_user_tokens_by_user ON shareville_user_tokens (tenant, record ->> '$.user');
