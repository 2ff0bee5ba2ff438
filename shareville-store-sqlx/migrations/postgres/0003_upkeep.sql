-- When a connection's token is to be looked after, by the rule of `Connection::upkeep_at`, and until when somebody is at
-- it. All that there are are looked after at once.
ALTER TABLE shareville_connections ADD COLUMN upkeep_at bigint, ADD COLUMN upkeep_leased_until bigint;
UPDATE shareville_connections SET upkeep_at = 0 WHERE active;
CREATE INDEX shareville_connections_upkeep ON shareville_connections (upkeep_at, id) WHERE upkeep_at IS NOT NULL;

-- Every id by which a provider may name the person of a connection.
CREATE TABLE shareville_people (
    tenant     uuid NOT NULL,
    provider   text COLLATE "C" NOT NULL,
    person     text COLLATE "C" NOT NULL,
    connection uuid NOT NULL REFERENCES shareville_connections ON DELETE CASCADE,
    PRIMARY KEY (tenant, provider, person, connection)
);
CREATE INDEX shareville_people_by_connection ON shareville_people (connection);
INSERT INTO shareville_people (tenant, provider, person, connection)
    SELECT tenant, provider, person, id FROM shareville_connections;
