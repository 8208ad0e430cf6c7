-- A call may cost less than what is owed to its payer: it takes its price, and the rest stays owed in a row of its own, under the id of the
-- payment that left it. SQLite cannot drop columns that a key names, so that the table is made anew; foreign keys are off on the connection
-- that migrates, and the last statements refuse the whole migration if a reference was lost.

DROP VIEW audit_obligations;

-- What we owe to payers: a paid call that was refused, money that nobody asked for, or money whose payment is not in these books.
CREATE TABLE obligations_new (
    -- The payment; the receipt where there is none; the payment that took its price and left this.
    intent_id         TEXT PRIMARY KEY,
    payer             TEXT NOT NULL,
    amount_minor      INTEGER NOT NULL CHECK (amount_minor > 0),
    currency          TEXT NOT NULL,
    state             TEXT NOT NULL CHECK (state IN ('open', 'reserved', 'used', 'refund_due', 'refund_sent', 'refund_unknown', 'refunded')),
    -- The intent that uses it up; the intent itself where a credit paid it at once.
    reserved_by       TEXT UNIQUE,
    entitled_until_ms INTEGER NOT NULL,
    created_at_ms     INTEGER NOT NULL,
    updated_at_ms     INTEGER NOT NULL,
    -- Its route is not known: it pays for exactly its amount.
    receipt_id        TEXT REFERENCES receipts (receipt_id) CHECK (receipt_id = intent_id),
    of_intent         TEXT GENERATED ALWAYS AS (CASE WHEN receipt_id IS NULL THEN intent_id END) STORED REFERENCES intents (id),
    -- The payment whose money it is; NULL where that is `intent_id` itself.
    part_of           TEXT REFERENCES intents (id) CHECK (part_of IS NULL OR (part_of <> intent_id AND receipt_id IS NULL)),
    CHECK ((state IN ('reserved', 'used')) = (reserved_by IS NOT NULL))
) STRICT;
INSERT INTO obligations_new (intent_id, payer, amount_minor, currency, state, reserved_by, entitled_until_ms, created_at_ms, updated_at_ms, receipt_id)
SELECT intent_id, payer, amount_minor, currency, state, reserved_by, entitled_until_ms, created_at_ms, updated_at_ms, receipt_id FROM obligations;
DROP TABLE obligations;
ALTER TABLE obligations_new RENAME TO obligations;
CREATE INDEX obligations_of_payer ON obligations (payer, state);
CREATE INDEX obligations_by_state ON obligations (state, intent_id);
CREATE INDEX obligations_by_currency ON obligations (state, currency, intent_id);
CREATE INDEX obligations_of_payer_by_state ON obligations (payer, state, currency, intent_id);

-- Under its payment stands all that is owed for it, in one row or several. Auditors know one word for a refund that was asked for, whether or
-- not its outcome is known. A receipt that is owed back has no intent: it stands under its own id.
CREATE VIEW audit_obligations AS
SELECT coalesce(part_of, intent_id) AS intent_id, payer, amount_minor, currency,
    CASE state WHEN 'refund_unknown' THEN 'refund_sent' ELSE state END AS state
FROM obligations
UNION ALL SELECT receipt_id, payer, amount_minor, 'USDC',
    coalesce((SELECT u.state FROM usdc_refunds u WHERE u.owed_id = receipt_id AND u.state <> 'refund_failed'),
        CASE WHEN EXISTS (SELECT 1 FROM usdc_paid_back p WHERE p.owed_id = receipt_id) THEN 'refunded' ELSE 'refund_due' END)
FROM receipts WHERE kind = 'unearned';

CREATE TABLE lost_references (broken INTEGER NOT NULL CHECK (broken = 0)) STRICT;
INSERT INTO lost_references SELECT count(*) FROM pragma_foreign_key_check;
DROP TABLE lost_references;
