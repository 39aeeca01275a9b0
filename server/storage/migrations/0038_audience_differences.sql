-- A large set of users that is nearly one which the room has already is stored by what is different: each join or leave
-- in a room of thousands would store thousands of users anew.

ALTER TABLE audiences ADD COLUMN base_nid BIGINT;
-- 0 for those of before this, which no other is stored by.
ALTER TABLE audiences ADD COLUMN member_count BIGINT NOT NULL DEFAULT 0;
CREATE INDEX audience_bases ON audiences (room_nid, audience_nid) WHERE base_nid IS NULL;
-- Notifications are read room by room.
DROP INDEX notifications_by_position;
