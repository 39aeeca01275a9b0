-- What the state of a room was before a place, where the event that stands there does not say it: it does not follow
-- all of the room's newest events, or none stands there.
CREATE TABLE room_states (
    room_nid BIGINT NOT NULL,
    position BIGINT NOT NULL,
    state_line BIGINT NOT NULL,
    state_version BIGINT NOT NULL,
    PRIMARY KEY (room_nid, position)
) STRICT, WITHOUT ROWID;

-- The first members of a room stand for it where it has no name.
CREATE INDEX memberships_by_order ON memberships (room_nid, membership, position);
