-- A call may cost less than what is owed to its payer: it takes its price, and the rest stays owed in a row of its own, under the id of the
-- payment that left it. Such rests are written once every process that serves from these books knows of them.
ALTER TABLE obligations
    -- The payment whose money it is; NULL where that is `intent_id` itself.
    ADD COLUMN part_of word REFERENCES intents (id),
    ADD CONSTRAINT obligations_part_of_check CHECK (part_of IS NULL OR (part_of <> intent_id AND receipt_id IS NULL)),
    -- Never read or written by any release.
    DROP CONSTRAINT obligations_parts,
    DROP COLUMN id,
    DROP COLUMN part;

-- Under its payment stands all that is owed for it, in one row or several.
CREATE OR REPLACE VIEW audit_obligations AS
SELECT coalesce(part_of, intent_id)::word AS intent_id, payer, amount_minor, currency,
    (CASE state WHEN 'refund_unknown' THEN 'refund_sent' ELSE state END)::word AS state
FROM obligations
UNION ALL SELECT receipt_id, payer, amount_minor, 'USDC'::word,
    coalesce((SELECT u.state FROM usdc_refunds u WHERE u.owed_id = receipt_id AND u.state <> 'refund_failed'),
        CASE WHEN EXISTS (SELECT 1 FROM usdc_paid_back p WHERE p.owed_id = receipt_id) THEN 'refunded' ELSE 'refund_due' END)::word
FROM receipts WHERE kind = 'unearned';
