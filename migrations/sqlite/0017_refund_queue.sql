-- Refunds to cards are a queue: each has its own next look, and a key of its own per approval.

-- How many times it was approved: the number in its key.
ALTER TABLE refunds ADD COLUMN approvals INTEGER NOT NULL DEFAULT 1;
-- The processor's name of it, `re_...`, once it answered.
ALTER TABLE refunds ADD COLUMN refund_id TEXT;
-- Looks since something last changed.
ALTER TABLE refunds ADD COLUMN looks INTEGER NOT NULL DEFAULT 0;
-- When it is looked at next; NULL once nothing can change any more.
ALTER TABLE refunds ADD COLUMN next_look_at_ms INTEGER DEFAULT 0;
UPDATE refunds SET next_look_at_ms = NULL WHERE state IN ('refunded', 'refund_failed');
CREATE INDEX refunds_to_look_at ON refunds (next_look_at_ms, intent_id) WHERE next_look_at_ms IS NOT NULL;

-- What of a refund made elsewhere paid a debt of ours: that is due again when it fails.
ALTER TABLE foreign_refunds ADD COLUMN debt_cents INTEGER NOT NULL DEFAULT 0;

-- USDC that an operator sent back by hand: each transfer pays one debt, and each debt is paid once. A debt is named by its payment, or by the
-- receipt that is owed back.
CREATE TABLE usdc_paid_back (
    owed_id      TEXT PRIMARY KEY,
    chain_id     INTEGER NOT NULL,
    tx_hash      TEXT NOT NULL,
    log_index    INTEGER NOT NULL,
    block_number INTEGER NOT NULL,
    from_addr    TEXT NOT NULL,
    payer        TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    -- 1: it left our receiving address.
    from_pay_to  INTEGER NOT NULL CHECK (from_pay_to IN (0, 1)),
    -- NULL while a reorganisation may still take the transfer away.
    final_at_ms  INTEGER,
    reason       TEXT NOT NULL,
    booked_at_ms INTEGER NOT NULL,
    UNIQUE (chain_id, tx_hash, log_index)
) STRICT, WITHOUT ROWID;
CREATE INDEX usdc_paid_back_of_blocks ON usdc_paid_back (chain_id, block_number) WHERE from_pay_to = 1;

DROP VIEW audit_obligations;
-- Auditors know one word for a refund that was asked for, whether or not its outcome is known. A receipt that is owed back has no intent: it
-- stands under its own id.
CREATE VIEW audit_obligations AS
SELECT intent_id, payer, amount_minor, currency, CASE state WHEN 'refund_unknown' THEN 'refund_sent' ELSE state END AS state
FROM obligations
UNION ALL SELECT receipt_id, payer, amount_minor, 'USDC',
    CASE WHEN EXISTS (SELECT 1 FROM usdc_paid_back p WHERE p.owed_id = receipt_id) THEN 'refunded' ELSE 'refund_due' END
FROM receipts WHERE kind = 'unearned';
