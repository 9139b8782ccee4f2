-- +goose Up
CREATE TABLE scheduled (
    key      TEXT PRIMARY KEY, -- rule/NAME, schedule/GROUP/NAME or group/NAME
    document TEXT NOT NULL CHECK (json_valid(document)),
    tick     INTEGER           -- microseconds since 1970; when it was due last
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE scheduled;
