-- How requests of proven payers were answered, for a week. Written behind the answers; nothing depends on it.

CREATE TABLE request_log (
    request_id TEXT PRIMARY KEY,
    at_ms      INTEGER NOT NULL,
    route      TEXT NOT NULL,
    payer      TEXT NOT NULL,
    status     INTEGER NOT NULL,
    code       TEXT,
    reason     TEXT,
    payment_id TEXT,
    charge     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX request_log_by_age ON request_log (at_ms);
