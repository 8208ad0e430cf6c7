-- An operator's change that its client named is made once: see `Idempotency-Key` of the operator's API. What it is about beside its subject, as
-- a number of credits, tells a repeat from another change under the same name.
ALTER TABLE operator_actions ADD COLUMN name TEXT;
ALTER TABLE operator_actions ADD COLUMN amount INTEGER;
CREATE UNIQUE INDEX operator_actions_name ON operator_actions (name);

-- One row, written by readiness: books that take no write are not ready.
CREATE TABLE write_probe (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    at_ms INTEGER NOT NULL
) STRICT;
INSERT INTO write_probe (one, at_ms) VALUES (1, 0);
