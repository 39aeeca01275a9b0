-- Which stretches of a room's history may hold a word: ADR 7.

CREATE TABLE text_blocks (
    room_nid BIGINT NOT NULL,
    -- The places of the first and the last event.
    first_position BIGINT NOT NULL,
    last_position BIGINT NOT NULL,
    -- How many words are in the filter.
    words BIGINT NOT NULL,
    filter BYTEA NOT NULL,
    PRIMARY KEY (room_nid, first_position)
) STRICT, WITHOUT ROWID;

-- How far somebody has followed the stream who does something with every event.
CREATE TABLE stream_cursors (
    follower TEXT NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL
) STRICT;
