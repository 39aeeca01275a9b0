-- What the database is, who may write to it, and the numbers that its streams count by.

CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE leases (
    resource TEXT NOT NULL PRIMARY KEY,
    slot BIGINT NOT NULL,
    epoch BIGINT NOT NULL
) STRICT;

-- Sequences count blocks of positions.
-- only: sqlite
CREATE TABLE sequences (
    name TEXT NOT NULL PRIMARY KEY,
    next_block BIGINT NOT NULL
) STRICT;
INSERT INTO sequences (name, next_block) VALUES ('positions', 0), ('backfill_positions', 0);
-- only: postgres
CREATE SEQUENCE positions MINVALUE 0 START 0;
CREATE SEQUENCE backfill_positions MINVALUE 0 START 0;

-- A list as one parameter: SQLite has json_each, and this is the part of it that we use.
CREATE FUNCTION json_each(list TEXT) RETURNS TABLE (value TEXT)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS 'SELECT value FROM jsonb_array_elements_text(CAST(list AS JSONB)) AS items(value)';
-- all
