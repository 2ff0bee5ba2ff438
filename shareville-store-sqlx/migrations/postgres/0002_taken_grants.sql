-- Whether somebody is about to confirm a grant: nobody else can take it, and it stays until that has come to something.
ALTER TABLE shareville_grants ADD COLUMN taken boolean NOT NULL DEFAULT false;
