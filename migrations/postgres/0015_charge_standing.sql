-- Credits in proportion to the money that stands, what the card processor says of disputes, and accounts that charged back.

-- What was taken back for a charge, all refunds and disputes together. Absent for a charge whose facts an older program booked alone.
CREATE TABLE charge_credits (
    intent_id     word PRIMARY KEY REFERENCES intents (id),
    -- From the balance, and what was spent already and became a debt.
    clawed        BIGINT NOT NULL CHECK (clawed >= 0),
    owed          BIGINT NOT NULL CHECK (owed >= 0),
    -- The money that stood behind the clawed ones: while a dispute is not decided, and what is booked against money that is gone.
    held_cents    BIGINT NOT NULL CHECK (held_cents >= 0),
    used_cents    BIGINT NOT NULL CHECK (used_cents >= 0),
    -- How often the refunded amount fell, because a refund failed.
    refund_falls  BIGINT NOT NULL DEFAULT 0 CHECK (refund_falls >= 0),
    updated_at_ms BIGINT NOT NULL
);

-- How often a dispute changed its state after it was opened, and what of a debt of ours to the payer its loss has paid.
ALTER TABLE dispute_facts ADD COLUMN changes BIGINT NOT NULL DEFAULT 0 CHECK (changes >= 0);
ALTER TABLE dispute_facts ADD COLUMN debt_paid_cents BIGINT NOT NULL DEFAULT 0 CHECK (debt_paid_cents >= 0);

-- What the processor said last of each dispute, inquiries and unknown states too.
CREATE TABLE dispute_notes (
    dispute_id   word PRIMARY KEY,
    intent_id    word NOT NULL REFERENCES intents (id),
    amount_cents BIGINT NOT NULL CHECK (amount_cents >= 0),
    state        word NOT NULL CHECK (state IN ('inquiry', 'open', 'won', 'lost', 'unrecognised')),
    status       word NOT NULL,
    reason       word NOT NULL,
    due_by_ms    BIGINT,
    opened_at_ms BIGINT NOT NULL,
    noted_at_ms  BIGINT NOT NULL
);
CREATE INDEX dispute_notes_of_intent ON dispute_notes (intent_id);
CREATE INDEX dispute_notes_waiting ON dispute_notes (due_by_ms) WHERE state IN ('inquiry', 'open', 'unrecognised');

-- Why an account is refused what costs money, until an operator lifts it or the reason is gone.
CREATE TABLE payer_blocks (
    payer       word NOT NULL,
    cause       word NOT NULL CHECK (cause IN ('chargeback', 'fraud_warning')),
    -- The dispute or the warning.
    reference   word NOT NULL,
    intent_id   word NOT NULL REFERENCES intents (id),
    detail      TEXT NOT NULL,
    since_ms    BIGINT NOT NULL,
    ended_at_ms BIGINT,
    PRIMARY KEY (payer, cause, reference)
);
CREATE INDEX payer_blocks_open ON payer_blocks (payer) WHERE ended_at_ms IS NULL;
