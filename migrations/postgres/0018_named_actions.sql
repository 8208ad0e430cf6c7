-- An operator's change that its client named is made once: see `Idempotency-Key` of the operator's API. What it is about beside its subject, as
-- a number of credits, tells a repeat from another change under the same name.
ALTER TABLE operator_actions ADD COLUMN name word;
ALTER TABLE operator_actions ADD COLUMN amount BIGINT;
CREATE UNIQUE INDEX operator_actions_name ON operator_actions (name);

-- One row, written by readiness: books that take no write are not ready.
CREATE TABLE write_probe (
    one   INT PRIMARY KEY CHECK (one = 1),
    at_ms BIGINT NOT NULL
);
INSERT INTO write_probe (one, at_ms) VALUES (1, 0);
