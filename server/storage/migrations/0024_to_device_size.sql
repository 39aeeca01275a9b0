-- Messages count by their size, and the sum of a sender's is found without reading their contents.

ALTER TABLE to_device_messages RENAME TO to_device_messages_by_number;
CREATE TABLE to_device_messages (
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    sender TEXT NOT NULL,
    -- A message counts for one unit, or more if it is long.
    units BIGINT NOT NULL,
    -- The units of all messages up to this one: the last and the first tell how many wait at most.
    end_units BIGINT NOT NULL,
    type TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (user_id, device_id, position),
    FOREIGN KEY (user_id, device_id) REFERENCES devices (user_id, device_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO to_device_messages (user_id, device_id, position, sender, units, end_units, type, content)
SELECT user_id, device_id, position, sender, 1, number, type, content FROM to_device_messages_by_number;
DROP TABLE to_device_messages_by_number;
