-- +goose Up
CREATE TABLE role (
    name     TEXT PRIMARY KEY,
    document TEXT NOT NULL CHECK (json_valid(document))
) STRICT, WITHOUT ROWID;
CREATE TABLE managed_policy (
    arn      TEXT PRIMARY KEY,
    document TEXT NOT NULL CHECK (json_valid(document))
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE managed_policy;
DROP TABLE role;
