-- The texts of events are packed from here on (docs/adr/0010). Those that are not begin with a brace, and stay.
ALTER TABLE events RENAME COLUMN json TO packed_text;

-- Of its state key only that there is one is asked for, and never for its depth.
UPDATE events SET flags = flags + 8 WHERE state_key IS NOT NULL;
ALTER TABLE events DROP COLUMN state_key;
ALTER TABLE events DROP COLUMN depth;
