-- +goose Up
CREATE TABLE access_key (
    id       TEXT PRIMARY KEY,
    document TEXT NOT NULL CHECK (json_valid(document))
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE access_key;
