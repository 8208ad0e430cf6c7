-- Money that came by a proof which the books do not know, as restored books may not: an entitlement of whoever signed, without a payment of these
-- books behind it. SQLite cannot drop a reference or widen a CHECK, so that the two tables are made anew; foreign keys are off on the connection
-- that migrates, and the last statements refuse the whole migration if a reference was lost.

DROP VIEW audit_obligations;

CREATE TABLE receipts_new (
    receipt_id    TEXT PRIMARY KEY,
    chain_id      INTEGER NOT NULL,
    tx_hash       TEXT NOT NULL,
    log_index     INTEGER NOT NULL,
    block_number  INTEGER NOT NULL,
    from_addr     TEXT NOT NULL,
    payer         TEXT NOT NULL,
    amount_minor  INTEGER NOT NULL CHECK (amount_minor > 0),
    -- `none`: a reorganisation took it away, or it was found to settle a payment; its postings are taken back. `entitled`: what is owed for it is
    -- in `obligations`.
    kind          TEXT NOT NULL CHECK (kind IN ('unearned', 'entitled', 'unmatched', 'none')),
    revision      INTEGER NOT NULL,
    booked_at_ms  INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    UNIQUE (chain_id, tx_hash, log_index)
) STRICT, WITHOUT ROWID;
INSERT INTO receipts_new (receipt_id, chain_id, tx_hash, log_index, block_number, from_addr, payer, amount_minor, kind, revision, booked_at_ms, updated_at_ms)
SELECT receipt_id, chain_id, tx_hash, log_index, block_number, from_addr, payer, amount_minor, kind, revision, booked_at_ms, updated_at_ms FROM receipts;
DROP TABLE receipts;
ALTER TABLE receipts_new RENAME TO receipts;
CREATE INDEX receipts_of_blocks ON receipts (chain_id, block_number);
CREATE INDEX receipts_owed ON receipts (receipt_id) WHERE kind = 'unearned';

-- What we owe to payers: a paid creation that was refused, money that nobody asked for, or money whose payment is not in these books.
CREATE TABLE obligations_new (
    -- The payment; the receipt where there is none.
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
    -- What is owed for one payment may be owed in parts, each under an id of its own. There is one part until every replica knows of them.
    part              INTEGER NOT NULL DEFAULT 0 CHECK (part >= 0),
    id                TEXT NOT NULL GENERATED ALWAYS AS (CASE part WHEN 0 THEN intent_id ELSE intent_id || '.' || part END) STORED UNIQUE,
    UNIQUE (intent_id, part),
    CHECK ((state IN ('reserved', 'used')) = (reserved_by IS NOT NULL))
) STRICT;
INSERT INTO obligations_new (intent_id, payer, amount_minor, currency, state, reserved_by, entitled_until_ms, created_at_ms, updated_at_ms)
SELECT intent_id, payer, amount_minor, currency, state, reserved_by, entitled_until_ms, created_at_ms, updated_at_ms FROM obligations;
DROP TABLE obligations;
ALTER TABLE obligations_new RENAME TO obligations;
CREATE INDEX obligations_of_payer ON obligations (payer, state);
CREATE INDEX obligations_by_state ON obligations (state, intent_id);
CREATE INDEX obligations_by_currency ON obligations (state, currency, intent_id);
CREATE INDEX obligations_of_payer_by_state ON obligations (payer, state, currency, intent_id);

-- Auditors know one word for a refund that was asked for, whether or not its outcome is known. A receipt that is owed back has no intent: it
-- stands under its own id.
CREATE VIEW audit_obligations AS
SELECT intent_id, payer, amount_minor, currency, CASE state WHEN 'refund_unknown' THEN 'refund_sent' ELSE state END AS state
FROM obligations
UNION ALL SELECT receipt_id, payer, amount_minor, 'USDC',
    coalesce((SELECT u.state FROM usdc_refunds u WHERE u.owed_id = receipt_id AND u.state <> 'refund_failed'),
        CASE WHEN EXISTS (SELECT 1 FROM usdc_paid_back p WHERE p.owed_id = receipt_id) THEN 'refunded' ELSE 'refund_due' END)
FROM receipts WHERE kind = 'unearned';

CREATE TABLE lost_references (broken INTEGER NOT NULL CHECK (broken = 0)) STRICT;
INSERT INTO lost_references SELECT count(*) FROM pragma_foreign_key_check;
DROP TABLE lost_references;
