-- How many bytes a backup takes, beside how many keys it has: a user has a bound for both.

ALTER TABLE key_backups ADD COLUMN size_bytes BIGINT NOT NULL DEFAULT 0;
UPDATE key_backups SET size_bytes = COALESCE(
    (
        SELECT CAST(SUM(OCTET_LENGTH(room_id) + OCTET_LENGTH(session_id) + OCTET_LENGTH(session_data)) AS BIGINT)
        FROM key_backup_sessions AS keys
        WHERE keys.user_id = key_backups.user_id AND keys.version = key_backups.version
    ),
    0
);
