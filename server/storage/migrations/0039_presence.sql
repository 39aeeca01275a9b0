-- What users were last, so that it is known after a start.

CREATE TABLE presence (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (user_id) ON DELETE CASCADE,
    state TEXT NOT NULL,
    message TEXT,
    last_active_ts BIGINT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX presence_by_activity ON presence (last_active_ts);
