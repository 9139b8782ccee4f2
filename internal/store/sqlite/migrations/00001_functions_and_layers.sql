-- +goose Up
CREATE TABLE function (
    name     TEXT PRIMARY KEY,
    document TEXT NOT NULL CHECK (json_valid(document))
) STRICT, WITHOUT ROWID;

CREATE TABLE version (
    function TEXT NOT NULL REFERENCES function (name) ON DELETE CASCADE,
    number   TEXT NOT NULL,
    document TEXT NOT NULL CHECK (json_valid(document)),
    PRIMARY KEY (function, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE layer_version (
    layer    TEXT    NOT NULL,
    number   INTEGER NOT NULL CHECK (number > 0),
    document TEXT    NOT NULL CHECK (json_valid(document)),
    PRIMARY KEY (layer, number)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE layer_version;
DROP TABLE version;
DROP TABLE function;
