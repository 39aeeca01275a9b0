-- Whom users ignore, as their account data says it, to be asked in both directions.
CREATE TABLE ignored_users (
    user_id TEXT NOT NULL,
    ignored_user_id TEXT NOT NULL,
    PRIMARY KEY (user_id, ignored_user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ignored_users_by_ignored ON ignored_users (ignored_user_id);
