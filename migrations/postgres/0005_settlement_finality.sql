-- A settlement counts once it has its confirmations, and is looked at until the chain calls its block final. Until then a reorganisation may
-- move it or take it back; the row is updated in its place, there is never a second one.

ALTER TABLE settlements ADD COLUMN final_at_ms BIGINT;
-- When the chain is asked again; 0: now.
ALTER TABLE settlements ADD COLUMN look_at_ms BIGINT NOT NULL DEFAULT 0;
CREATE INDEX settlements_not_final ON settlements (look_at_ms) WHERE final_at_ms IS NULL AND rail = 'x402';

-- What the chain took from our signer for a mined transaction, in wei, settled or reverted or empty; NULL until it is known. Gas is paid in the
-- chain's own coin, which is no currency of the journal: it is summed from here.
ALTER TABLE attempts ADD COLUMN fee_wei word;
UPDATE attempts SET fee_wei = (SELECT s.fee_wei FROM settlements s WHERE s.intent_id = attempts.intent_id AND s.tx_hash = attempts.tx_hash);

-- What is being done about it, for operators.
ALTER TABLE findings ADD COLUMN detail word NOT NULL DEFAULT '';

DROP VIEW audit_settlements;
-- `final` is 0 while a reorganisation may still take the settlement back. A card's payment is final when it is booked.
CREATE VIEW audit_settlements AS
SELECT intent_id, rail, chain_id, asset, from_addr, nonce, tx_hash, log_index, stripe_pi, amount_minor,
       CASE WHEN rail = 'x402' AND final_at_ms IS NULL THEN 0::BIGINT ELSE 1::BIGINT END AS final
FROM settlements;
