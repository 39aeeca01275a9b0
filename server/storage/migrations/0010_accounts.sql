-- Accounts of this server, their devices and access tokens.
--
-- Password hashes and access tokens are kept in Synapse's forms, so that a server can be taken over and given back.

CREATE TABLE users (
    user_id TEXT NOT NULL PRIMARY KEY,
    -- bcrypt, see services::password; without one there is no login by password.
    password_hash TEXT,
    created_ts BIGINT NOT NULL,
    is_admin BOOLEAN NOT NULL,
    is_guest BOOLEAN NOT NULL,
    is_deactivated BOOLEAN NOT NULL,
    is_locked BOOLEAN NOT NULL,
    user_type TEXT,
    appservice_id TEXT
) STRICT;

CREATE TABLE devices (
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    device_id TEXT NOT NULL,
    display_name TEXT,
    created_ts BIGINT NOT NULL,
    last_seen_ts BIGINT,
    last_seen_ip TEXT,
    last_seen_user_agent TEXT,
    PRIMARY KEY (user_id, device_id)
) STRICT;

CREATE TABLE access_tokens (
    token TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    -- Tokens made by an administrator to act as a user have no device.
    device_id TEXT,
    created_ts BIGINT NOT NULL,
    valid_until_ts BIGINT
) STRICT;
CREATE INDEX access_tokens_by_device ON access_tokens (user_id, device_id);

CREATE TABLE profiles (
    user_id TEXT NOT NULL PRIMARY KEY,
    display_name TEXT,
    avatar_url TEXT,
    -- Other fields, a JSON object: https://spec.matrix.org/v1.19/client-server-api/#profiles
    fields TEXT NOT NULL
) STRICT;
