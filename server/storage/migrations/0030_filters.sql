-- Filters that clients uploaded, by a number that counts from zero for each user, as with Synapse.

CREATE TABLE filters (
    user_id TEXT NOT NULL,
    filter_id BIGINT NOT NULL,
    -- SHA-256 of the content: the same filter again gets the same number.
    digest BYTEA NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (user_id, filter_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX filters_by_digest ON filters (user_id, digest);
