-- What clients keep with a user: settings, tags, direct chats, ignored users.

CREATE TABLE account_data (
    user_id TEXT NOT NULL,
    -- 0 for what belongs to no room.
    room_nid BIGINT NOT NULL,
    type TEXT NOT NULL,
    -- JSON as the client wrote it.
    content TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (user_id, room_nid, type)
) STRICT, WITHOUT ROWID;
CREATE INDEX account_data_by_position ON account_data (user_id, position);
