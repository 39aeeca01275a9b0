-- Files that this server's users have sent. The files themselves lie in the media folder, under their ids.

CREATE TABLE local_media (
    media_id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    content_type TEXT NOT NULL,
    -- The name that the sender gave it.
    file_name TEXT,
    size_bytes BIGINT NOT NULL,
    created_ts BIGINT NOT NULL
) STRICT;
CREATE INDEX local_media_by_user ON local_media (user_id, created_ts);
