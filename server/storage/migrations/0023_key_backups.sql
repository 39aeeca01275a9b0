-- Room keys that users back up, encrypted with keys that are not here.

CREATE TABLE key_backups (
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    version BIGINT NOT NULL,
    algorithm TEXT NOT NULL,
    auth_data TEXT NOT NULL,
    -- Moves with every change of the keys.
    etag BIGINT NOT NULL,
    -- How many keys there are, which every upload tells.
    key_count BIGINT NOT NULL,
    -- Its number is not used again, and its keys go.
    deleted BOOLEAN NOT NULL,
    PRIMARY KEY (user_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE key_backup_sessions (
    user_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    room_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    first_message_index BIGINT NOT NULL,
    forwarded_count BIGINT NOT NULL,
    is_verified BOOLEAN NOT NULL,
    session_data TEXT NOT NULL,
    PRIMARY KEY (user_id, version, room_id, session_id)
) STRICT, WITHOUT ROWID;
