-- Names of rooms, and the list of rooms that this server shows.

CREATE TABLE aliases (
    alias TEXT NOT NULL PRIMARY KEY,
    room_nid BIGINT NOT NULL,
    creator TEXT NOT NULL
) STRICT;
CREATE INDEX aliases_by_room ON aliases (room_nid);

CREATE TABLE published_rooms (
    room_nid BIGINT NOT NULL PRIMARY KEY
) STRICT;
