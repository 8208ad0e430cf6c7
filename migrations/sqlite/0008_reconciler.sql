-- What reconciliation found, booked and remembers.

-- Who was asked, what is asked for again, and why an operator closed it.
ALTER TABLE findings ADD COLUMN source TEXT NOT NULL DEFAULT 'chain';
ALTER TABLE findings ADD COLUMN subject TEXT NOT NULL DEFAULT '';
ALTER TABLE findings ADD COLUMN closed_reason TEXT;
UPDATE findings SET source = 'stripe' WHERE kind = 'amount_mismatch';
CREATE INDEX findings_open ON findings (source, kind, key) WHERE closed_at_ms IS NULL;
CREATE INDEX findings_by_age ON findings (opened_at_ms);

-- Transfers to us that settle nothing, each booked once however often it is seen: owed to whoever signed for them, or in suspense.
CREATE TABLE receipts (
    receipt_id    TEXT PRIMARY KEY,
    chain_id      INTEGER NOT NULL,
    tx_hash       TEXT NOT NULL,
    log_index     INTEGER NOT NULL,
    block_number  INTEGER NOT NULL,
    from_addr     TEXT NOT NULL,
    payer         TEXT NOT NULL,
    amount_minor  INTEGER NOT NULL CHECK (amount_minor > 0),
    -- `none`: a reorganisation took it away, or it was found to settle a payment; its postings are taken back.
    kind          TEXT NOT NULL CHECK (kind IN ('unearned', 'unmatched', 'none')),
    revision      INTEGER NOT NULL,
    booked_at_ms  INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    UNIQUE (chain_id, tx_hash, log_index)
) STRICT, WITHOUT ROWID;
CREATE INDEX receipts_of_blocks ON receipts (chain_id, block_number);

-- One run at a time, over all replicas.
CREATE TABLE reconcile_turn (
    name           TEXT PRIMARY KEY,
    fence          INTEGER NOT NULL,
    lease_until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO reconcile_turn (name, fence, lease_until_ms) VALUES ('all', 0, 0);

CREATE TABLE reconcile_runs (
    run_id        TEXT PRIMARY KEY,
    scope         TEXT NOT NULL CHECK (scope IN ('recent', 'since', 'full')),
    fence         INTEGER NOT NULL,
    started_at_ms INTEGER NOT NULL,
    -- NULL while it runs, and for ever if it died.
    ended_at_ms   INTEGER,
    -- Counts per source, as JSON.
    sources       TEXT NOT NULL DEFAULT '[]',
    opened        INTEGER NOT NULL DEFAULT 0,
    closed        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- How far each source was compared.
CREATE TABLE reconcile_marks (
    name TEXT PRIMARY KEY,
    mark TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX settlements_of_blocks ON settlements (chain_id, block_number) WHERE rail = 'x402';
CREATE INDEX settlements_by_card ON settlements (settled_at_ms) WHERE rail = 'mpp';
CREATE INDEX intents_created ON intents (updated_at_ms, id) WHERE state = 'created';
CREATE INDEX journal_lines_usdc_hot ON journal_lines (amount) WHERE account = 'asset:usdc_hot';

DROP VIEW audit_obligations;
-- Auditors know one word for a refund that was asked for, whether or not its outcome is known. A receipt that is owed back has no intent: it
-- stands under its own id.
CREATE VIEW audit_obligations AS
SELECT intent_id, payer, amount_minor, currency, CASE state WHEN 'refund_unknown' THEN 'refund_sent' ELSE state END AS state
FROM obligations
UNION ALL SELECT receipt_id, payer, amount_minor, 'USDC', 'refund_due' FROM receipts WHERE kind = 'unearned';
