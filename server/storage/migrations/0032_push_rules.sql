-- What users added to the default push rules and changed of them: a document of the event core each.

CREATE TABLE push_rules (
    user_id TEXT NOT NULL PRIMARY KEY,
    rules TEXT NOT NULL,
    position BIGINT NOT NULL
) STRICT;
