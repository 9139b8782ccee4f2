-- +goose Up
CREATE TABLE event_source_mapping (
    uuid     TEXT PRIMARY KEY,
    document TEXT NOT NULL CHECK (json_valid(document))
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE event_source_mapping;
