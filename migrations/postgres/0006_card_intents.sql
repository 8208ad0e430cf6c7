-- The same intent for both rails: what only a transfer has may be missing, and cards bring states, fundings and columns of their own.

ALTER TABLE intents
    -- How many credits a pack buys.
    ADD COLUMN pack_credits BIGINT CHECK (pack_credits > 0),
    -- The money behind the credit that funds it.
    ADD COLUMN backing_cents BIGINT CHECK (backing_cents >= 0),
    -- The account's balance right after the pack's credits came.
    ADD COLUMN granted_balance BIGINT CHECK (granted_balance >= 0),
    ALTER COLUMN chain_id DROP NOT NULL,
    ALTER COLUMN asset DROP NOT NULL,
    ALTER COLUMN from_addr DROP NOT NULL,
    ALTER COLUMN nonce DROP NOT NULL,
    ALTER COLUMN pay_to DROP NOT NULL,
    ALTER COLUMN valid_before_unix_s DROP NOT NULL,
    ALTER COLUMN claimed_at_block DROP NOT NULL,
    -- The version of x402, or 0 for a card.
    DROP CONSTRAINT intents_proof_version_check,
    ADD CONSTRAINT intents_proof_version_check CHECK (proof_version IN (0, 1, 2)),
    DROP CONSTRAINT intents_state_check,
    ADD CONSTRAINT intents_state_check CHECK (state IN ('claimed', 'signed', 'submitted', 'submit_unknown', 'pay_failed',
        'forwarding', 'core_unknown', 'created', 'rejected', 'released', 'charged', 'granted')),
    ADD CHECK ((funding = 'mpp_pack') = (pack_credits IS NOT NULL)),
    ADD CHECK ((funding = 'credit') = (backing_cents IS NOT NULL)),
    ADD CHECK ((rail = 'mpp') = (proof_version = 0)),
    ADD CHECK (rail = 'x402' OR funding IN ('credit', 'mpp_charge', 'mpp_pack')),
    ADD CHECK (rail = 'mpp' OR funding IN ('free', 'entitlement', 'x402')),
    ADD CHECK (rail = 'mpp' OR (chain_id IS NOT NULL AND asset IS NOT NULL AND from_addr IS NOT NULL AND nonce IS NOT NULL
        AND pay_to IS NOT NULL AND valid_before_unix_s IS NOT NULL AND claimed_at_block IS NOT NULL)),
    ADD CHECK (state NOT IN ('charged', 'granted') OR funding = 'mpp_pack'),
    ADD CHECK (state NOT IN ('forwarding', 'core_unknown', 'created', 'rejected', 'released') OR funding <> 'mpp_pack'),
    ADD CHECK ((state = 'granted') = (granted_balance IS NOT NULL));

-- The recovery loop asks for transient states whose lease is over.
DROP INDEX intents_in_transit;
CREATE INDEX intents_in_transit ON intents (lease_until_ms)
    WHERE state IN ('claimed', 'signed', 'submitted', 'submit_unknown', 'forwarding', 'core_unknown', 'charged');

-- A refund whose outcome is not known. An intent stands in `reserved_by` for itself where a credit paid its debt at once.
ALTER TABLE obligations
    DROP CONSTRAINT obligations_state_check,
    ADD CONSTRAINT obligations_state_check
        CHECK (state IN ('open', 'reserved', 'used', 'refund_due', 'refund_sent', 'refund_unknown', 'refunded'));

-- Auditors know one word for a refund that was asked for, whether or not its outcome is known.
CREATE OR REPLACE VIEW audit_obligations AS
SELECT intent_id, payer, amount_minor, currency, (CASE state WHEN 'refund_unknown' THEN 'refund_sent' ELSE state END)::word AS state
FROM obligations;
