-- What events say about other events, and where in a room's history a time is.

CREATE TABLE event_relations (
    event_nid BIGINT NOT NULL PRIMARY KEY,
    target_nid BIGINT NOT NULL,
    room_nid BIGINT NOT NULL,
    relation TEXT NOT NULL,
    type TEXT NOT NULL,
    sender TEXT NOT NULL,
    position BIGINT NOT NULL
) STRICT;
CREATE INDEX event_relations_by_target ON event_relations (target_nid, position);
CREATE INDEX event_relations_by_sender ON event_relations (target_nid, relation, sender, position);

-- Threads by their newest reply, so that neither a list of them nor a page of history counts replies. What is said in
-- another room about the root has a row of its own, which nobody reads.
CREATE TABLE threads (
    room_nid BIGINT NOT NULL,
    root_nid BIGINT NOT NULL,
    latest_nid BIGINT NOT NULL,
    latest_position BIGINT NOT NULL,
    replies BIGINT NOT NULL,
    PRIMARY KEY (room_nid, root_nid)
) STRICT, WITHOUT ROWID;
CREATE INDEX threads_by_room ON threads (room_nid, latest_position);

CREATE INDEX events_by_time ON events (room_nid, origin_server_ts, position) WHERE position IS NOT NULL;
