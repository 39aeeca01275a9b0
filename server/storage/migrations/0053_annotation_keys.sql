-- What annotations say, so that nobody says the same twice.

ALTER TABLE event_relations ADD COLUMN annotation_key TEXT;
