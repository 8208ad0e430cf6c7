-- How requests of proven payers were answered, for a week. Written behind the answers; nothing depends on it.

CREATE TABLE request_log (
    request_id word PRIMARY KEY,
    at_ms      BIGINT NOT NULL,
    route      word NOT NULL,
    payer      word NOT NULL,
    status     BIGINT NOT NULL,
    code       word,
    reason     word,
    payment_id word,
    charge     word NOT NULL
);
CREATE INDEX request_log_by_age ON request_log (at_ms);
