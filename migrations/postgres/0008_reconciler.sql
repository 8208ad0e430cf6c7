-- What reconciliation found, booked and remembers.

-- Who was asked, what is asked for again, and why an operator closed it.
ALTER TABLE findings ADD COLUMN source word NOT NULL DEFAULT 'chain';
ALTER TABLE findings ADD COLUMN subject word NOT NULL DEFAULT '';
ALTER TABLE findings ADD COLUMN closed_reason word;
UPDATE findings SET source = 'stripe' WHERE kind = 'amount_mismatch';
CREATE INDEX findings_open ON findings (source, kind, key) WHERE closed_at_ms IS NULL;
CREATE INDEX findings_by_age ON findings (opened_at_ms);

-- Transfers to us that settle nothing, each booked once however often it is seen: owed to whoever signed for them, or in suspense.
CREATE TABLE receipts (
    receipt_id    word PRIMARY KEY,
    chain_id      BIGINT NOT NULL,
    tx_hash       word NOT NULL,
    log_index     BIGINT NOT NULL,
    block_number  BIGINT NOT NULL,
    from_addr     word NOT NULL,
    payer         word NOT NULL,
    amount_minor  BIGINT NOT NULL CHECK (amount_minor > 0),
    -- `none`: a reorganisation took it away, or it was found to settle a payment; its postings are taken back.
    kind          word NOT NULL CHECK (kind IN ('unearned', 'unmatched', 'none')),
    revision      BIGINT NOT NULL,
    booked_at_ms  BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    UNIQUE (chain_id, tx_hash, log_index)
);
CREATE INDEX receipts_of_blocks ON receipts (chain_id, block_number);

-- One run at a time, over all replicas.
CREATE TABLE reconcile_turn (
    name           word PRIMARY KEY,
    fence          BIGINT NOT NULL,
    lease_until_ms BIGINT NOT NULL
);
INSERT INTO reconcile_turn (name, fence, lease_until_ms) VALUES ('all', 0, 0);

CREATE TABLE reconcile_runs (
    run_id        word PRIMARY KEY,
    scope         word NOT NULL CHECK (scope IN ('recent', 'since', 'full')),
    fence         BIGINT NOT NULL,
    started_at_ms BIGINT NOT NULL,
    -- NULL while it runs, and for ever if it died.
    ended_at_ms   BIGINT,
    -- Counts per source, as JSON.
    sources       word NOT NULL DEFAULT '[]',
    opened        BIGINT NOT NULL DEFAULT 0,
    closed        BIGINT NOT NULL DEFAULT 0
);

-- How far each source was compared.
CREATE TABLE reconcile_marks (
    name word PRIMARY KEY,
    mark word NOT NULL
);

CREATE INDEX settlements_of_blocks ON settlements (chain_id, block_number) WHERE rail = 'x402';
CREATE INDEX settlements_by_card ON settlements (settled_at_ms) WHERE rail = 'mpp';
CREATE INDEX intents_created ON intents (updated_at_ms, id) WHERE state = 'created';
CREATE INDEX journal_lines_usdc_hot ON journal_lines (amount) WHERE account = 'asset:usdc_hot';

DROP VIEW audit_obligations;
-- Auditors know one word for a refund that was asked for, whether or not its outcome is known. A receipt that is owed back has no intent: it
-- stands under its own id.
CREATE VIEW audit_obligations AS
SELECT intent_id, payer, amount_minor, currency, (CASE state WHEN 'refund_unknown' THEN 'refund_sent' ELSE state END)::word AS state
FROM obligations
UNION ALL SELECT receipt_id, payer, amount_minor, 'USDC'::word, 'refund_due'::word FROM receipts WHERE kind = 'unearned';
