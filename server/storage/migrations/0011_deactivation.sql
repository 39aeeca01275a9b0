-- What is left to do, and to keep to, after an account was closed.

-- Whether the user asked to be erased: who was not there to see what they wrote sees it redacted.
ALTER TABLE users ADD COLUMN is_erased BOOLEAN NOT NULL DEFAULT FALSE;

-- Users who still have to be taken out of their rooms.
CREATE TABLE leaving_users (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (user_id) ON DELETE CASCADE
) STRICT;
