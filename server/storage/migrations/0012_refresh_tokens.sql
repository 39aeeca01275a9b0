-- Logins that clients refresh, and tokens that end by themselves.

-- A device has one login: the refresh token in use, the one before it until the new one is first used, and none else.
CREATE TABLE refresh_tokens (
    token TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    -- The token that it was given for, which holds until this one or the access token that came with it is used.
    replaces TEXT,
    logged_in_ts BIGINT NOT NULL,
    expires_ts BIGINT,
    -- When the login ends, however often it is refreshed.
    session_expires_ts BIGINT,
    FOREIGN KEY (user_id, device_id) REFERENCES devices (user_id, device_id) ON DELETE CASCADE
) STRICT;
CREATE INDEX refresh_tokens_by_device ON refresh_tokens (user_id, device_id);

-- The refresh token that the access token came with.
ALTER TABLE access_tokens ADD COLUMN refresh_token TEXT;

-- What is given to somebody else, to be shown here once or for a while.
CREATE TABLE temporary_tokens (
    -- login opens one session, openid proves to others who the user is.
    purpose TEXT NOT NULL,
    token TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    expires_ts BIGINT NOT NULL,
    PRIMARY KEY (purpose, token)
) STRICT, WITHOUT ROWID;
CREATE INDEX temporary_tokens_by_user ON temporary_tokens (user_id, purpose, expires_ts);
CREATE INDEX temporary_tokens_by_expiry ON temporary_tokens (expires_ts);
