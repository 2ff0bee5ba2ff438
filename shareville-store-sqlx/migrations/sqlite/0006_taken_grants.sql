-- 1 for a grant that somebody is about to confirm: nobody else can take it, and it stays until that has come to something.
ALTER TABLE shareville_grants ADD COLUMN taken INTEGER NOT NULL DEFAULT 0;
