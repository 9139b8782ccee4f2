-- +goose Up
CREATE TABLE queued_event (
    sequence   INTEGER PRIMARY KEY,
    request_id TEXT    NOT NULL,
    function   TEXT    NOT NULL,
    due        INTEGER NOT NULL, -- microseconds since 1970
    accepted   INTEGER NOT NULL,
    dead       INTEGER NOT NULL,
    document   TEXT    NOT NULL,
    payload    BLOB    NOT NULL,
    answer     BLOB
) STRICT;

CREATE INDEX queued_event_waiting ON queued_event (function, due) WHERE dead = 0;

-- Dead events are few among many that wait.
CREATE INDEX queued_event_dead ON queued_event (sequence) WHERE dead = 1;

-- +goose Down
DROP TABLE queued_event;
