-- Claimed transfers that wait for a signer: their payments are in the state `claimed`, without a nonce and without a signature. The sealed
-- authorization is what it takes to sign them; it goes with the row when the payment leaves the queue.
CREATE TABLE settlement_queue (
    intent_id            word PRIMARY KEY REFERENCES intents (id),
    valid_before_unix_s  BIGINT NOT NULL CHECK (valid_before_unix_s > 0),
    sealed_authorization BYTEA NOT NULL CHECK (length(sealed_authorization) > 0),
    queued_at_ms         BIGINT NOT NULL
);
-- Those with the least time left are signed first.
CREATE INDEX settlement_queue_by_end ON settlement_queue (valid_before_unix_s, intent_id);
