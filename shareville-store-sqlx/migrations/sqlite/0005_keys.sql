-- One sealed text for each encryption key that has been used: it tells at the start whether a key is missing or another.
CREATE TABLE shareville_keys (
    id    TEXT NOT NULL PRIMARY KEY,
    probe BLOB NOT NULL
) STRICT;
