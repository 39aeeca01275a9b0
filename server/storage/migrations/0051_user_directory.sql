-- The words by which users are found.

CREATE TABLE user_directory_words (
    -- Folded, see words.rs.
    word TEXT NOT NULL,
    user_id TEXT NOT NULL,
    -- How much it counts that the word fits: that of the name more than that of the server.
    weight BIGINT NOT NULL,
    PRIMARY KEY (word, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_directory_words_by_user ON user_directory_words (user_id);
