-- When a file was there whole, which may be long after its address was made: quotas go by it.

ALTER TABLE media ADD COLUMN uploaded_ts BIGINT;
UPDATE media SET uploaded_ts = created_ts WHERE size_bytes IS NOT NULL;
CREATE INDEX media_by_upload ON media (user_id, uploaded_ts);
-- Addresses to which nothing was sent are removed when they have expired.
CREATE INDEX media_unused ON media (created_ts) WHERE size_bytes IS NULL;
