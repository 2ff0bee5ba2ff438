-- Posts that were still to go on when their connection was removed: as a rule there are none.
CREATE INDEX shareville_posts_stranded ON shareville_posts (id) WHERE open AND due_at IS NULL AND status <> 'failed';
