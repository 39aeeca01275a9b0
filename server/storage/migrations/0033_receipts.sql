-- How far users have read.

CREATE TABLE receipts (
    room_nid BIGINT NOT NULL,
    user_id TEXT NOT NULL,
    -- m.read or m.read.private
    type TEXT NOT NULL,
    -- The root of a thread, 'main' for what is in no thread, '' for a receipt of the whole room.
    thread TEXT NOT NULL,
    event_nid BIGINT NOT NULL,
    -- Where the event stands: receipts move forward only.
    event_position BIGINT NOT NULL,
    ts BIGINT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (room_nid, user_id, type, thread)
) STRICT, WITHOUT ROWID;
CREATE INDEX receipts_by_position ON receipts (room_nid, position);
