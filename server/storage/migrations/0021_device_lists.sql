-- Whose devices or keys changed, so that those who encrypt for them ask again.

-- A row a user, not one a room or a reader: who has to know is found out when they read.
CREATE TABLE device_lists (
    user_id TEXT NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL
) STRICT;
CREATE INDEX device_lists_by_position ON device_lists (position);

-- Signatures with a user-signing key are seen by who made them only, so only they are told.
CREATE TABLE signed_users (
    signer_user_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (signer_user_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX signed_users_by_position ON signed_users (signer_user_id, position);

-- Since when the membership has been what it is. A change of the profile moves `position` and not this.
ALTER TABLE memberships ADD COLUMN since_position BIGINT NOT NULL DEFAULT 0;
CREATE INDEX memberships_by_change ON memberships (room_nid, since_position);
