-- When a connection's token is to be looked after, by the rule of `Connection::upkeep_at`, and until when somebody is at
-- it. All that there are are looked after at once.
ALTER TABLE shareville_connections ADD COLUMN upkeep_at INTEGER;
ALTER TABLE shareville_connections ADD COLUMN upkeep_leased_until INTEGER;
UPDATE shareville_connections SET upkeep_at = 0 WHERE active = 1;
CREATE INDEX shareville_connections_upkeep ON shareville_connections (upkeep_at, id) WHERE upkeep_at IS NOT NULL;

-- Every id by which a provider may name the person of a connection.
CREATE TABLE shareville_people (
    tenant     BLOB NOT NULL,
    provider   TEXT NOT NULL,
    person     TEXT NOT NULL,
    connection BLOB NOT NULL REFERENCES shareville_connections ON DELETE CASCADE,
    PRIMARY KEY (tenant, provider, person, connection)
) STRICT, WITHOUT ROWID;
CREATE INDEX shareville_people_by_connection ON shareville_people (connection);
INSERT INTO shareville_people (tenant, provider, person, connection)
    SELECT tenant, provider, person, id FROM shareville_connections;
