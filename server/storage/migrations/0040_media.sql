-- Files that users of this server sent. The files themselves lie in the media store, in Synapse's layout.

CREATE TABLE media (
    media_id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    created_ts BIGINT NOT NULL,
    -- These two are NULL while the address was made and nothing was sent to it yet.
    media_type TEXT,
    size_bytes BIGINT,
    upload_name TEXT,
    -- In hexadecimal digits.
    sha256 TEXT,
    -- Whether only those who are logged in may see it.
    authenticated BOOLEAN NOT NULL,
    -- The administrator who took it out of circulation.
    quarantined_by TEXT
) STRICT;
CREATE INDEX media_by_user ON media (user_id, created_ts);
