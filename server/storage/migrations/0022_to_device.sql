-- Messages that wait for a device, which deletes them by asking for what follows them.

CREATE TABLE to_device_messages (
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    -- Counts the messages of the device without a gap, so that the first and the last tell how many wait.
    number BIGINT NOT NULL,
    sender TEXT NOT NULL,
    type TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (user_id, device_id, position),
    FOREIGN KEY (user_id, device_id) REFERENCES devices (user_id, device_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- What a device sent under which transaction id, so that a repeated request is not sent again. A token without a device
-- has the empty one.
CREATE TABLE to_device_transactions (
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    type TEXT NOT NULL,
    transaction_id TEXT NOT NULL,
    expires_ts BIGINT NOT NULL,
    PRIMARY KEY (user_id, device_id, type, transaction_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX to_device_transactions_by_expiry ON to_device_transactions (expires_ts);
