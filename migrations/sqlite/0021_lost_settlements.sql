-- Settlements that were counted and that a reorganisation took: their money is booked as lost, and booked back once they are on the chain again.
CREATE TABLE lost_settlements (
    intent_id  TEXT NOT NULL REFERENCES intents (id),
    -- How often it was lost by then, from 1.
    times      INTEGER NOT NULL CHECK (times > 0),
    payer      TEXT NOT NULL,
    lost_at_ms INTEGER NOT NULL,
    back_at_ms INTEGER,
    PRIMARY KEY (intent_id, times)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX lost_settlements_now ON lost_settlements (intent_id) WHERE back_at_ms IS NULL;
CREATE INDEX lost_settlements_of_payer ON lost_settlements (payer);
