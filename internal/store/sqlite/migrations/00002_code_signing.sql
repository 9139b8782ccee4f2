-- +goose Up
CREATE TABLE code_signing_config (
    id       TEXT PRIMARY KEY,
    document TEXT NOT NULL CHECK (json_valid(document))
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE code_signing_config;
