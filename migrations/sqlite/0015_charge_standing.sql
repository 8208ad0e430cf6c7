-- Credits in proportion to the money that stands, what the card processor says of disputes, and accounts that charged back.

-- What was taken back for a charge, all refunds and disputes together. Absent for a charge whose facts an older program booked alone.
CREATE TABLE charge_credits (
    intent_id     TEXT PRIMARY KEY REFERENCES intents (id),
    -- From the balance, and what was spent already and became a debt.
    clawed        INTEGER NOT NULL CHECK (clawed >= 0),
    owed          INTEGER NOT NULL CHECK (owed >= 0),
    -- The money that stood behind the clawed ones: while a dispute is not decided, and what is booked against money that is gone.
    held_cents    INTEGER NOT NULL CHECK (held_cents >= 0),
    used_cents    INTEGER NOT NULL CHECK (used_cents >= 0),
    -- How often the refunded amount fell, because a refund failed.
    refund_falls  INTEGER NOT NULL DEFAULT 0 CHECK (refund_falls >= 0),
    updated_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How often a dispute changed its state after it was opened, and what of a debt of ours to the payer its loss has paid.
ALTER TABLE dispute_facts ADD COLUMN changes INTEGER NOT NULL DEFAULT 0 CHECK (changes >= 0);
ALTER TABLE dispute_facts ADD COLUMN debt_paid_cents INTEGER NOT NULL DEFAULT 0 CHECK (debt_paid_cents >= 0);

-- What the processor said last of each dispute, inquiries and unknown states too.
CREATE TABLE dispute_notes (
    dispute_id   TEXT PRIMARY KEY,
    intent_id    TEXT NOT NULL REFERENCES intents (id),
    amount_cents INTEGER NOT NULL CHECK (amount_cents >= 0),
    state        TEXT NOT NULL CHECK (state IN ('inquiry', 'open', 'won', 'lost', 'unrecognised')),
    status       TEXT NOT NULL,
    reason       TEXT NOT NULL,
    due_by_ms    INTEGER,
    opened_at_ms INTEGER NOT NULL,
    noted_at_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX dispute_notes_of_intent ON dispute_notes (intent_id);
CREATE INDEX dispute_notes_waiting ON dispute_notes (due_by_ms) WHERE state IN ('inquiry', 'open', 'unrecognised');

-- Why an account is refused what costs money, until an operator lifts it or the reason is gone.
CREATE TABLE payer_blocks (
    payer       TEXT NOT NULL,
    cause       TEXT NOT NULL CHECK (cause IN ('chargeback', 'fraud_warning')),
    -- The dispute or the warning.
    reference   TEXT NOT NULL,
    intent_id   TEXT NOT NULL REFERENCES intents (id),
    detail      TEXT NOT NULL,
    since_ms    INTEGER NOT NULL,
    ended_at_ms INTEGER,
    PRIMARY KEY (payer, cause, reference)
) STRICT, WITHOUT ROWID;
CREATE INDEX payer_blocks_open ON payer_blocks (payer) WHERE ended_at_ms IS NULL;
