-- Settlements that were counted and that a reorganisation took: their money is booked as lost, and booked back once they are on the chain again.
CREATE TABLE lost_settlements (
    intent_id  word NOT NULL REFERENCES intents (id),
    -- How often it was lost by then, from 1.
    times      BIGINT NOT NULL CHECK (times > 0),
    payer      word NOT NULL,
    lost_at_ms BIGINT NOT NULL,
    back_at_ms BIGINT,
    PRIMARY KEY (intent_id, times)
);
CREATE UNIQUE INDEX lost_settlements_now ON lost_settlements (intent_id) WHERE back_at_ms IS NULL;
CREATE INDEX lost_settlements_of_payer ON lost_settlements (payer);
