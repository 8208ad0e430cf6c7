-- Money that came by a proof which the books do not know, as restored books may not: an entitlement of whoever signed, without a payment of these
-- books behind it. What is owed for a receipt of the kind `entitled` is in `obligations`.
ALTER TABLE receipts
    DROP CONSTRAINT receipts_kind_check,
    ADD CONSTRAINT receipts_kind_check CHECK (kind IN ('unearned', 'entitled', 'unmatched', 'none'));

ALTER TABLE obligations
    DROP CONSTRAINT obligations_intent_id_fkey,
    -- Its route is not known: it pays for exactly its amount.
    ADD COLUMN receipt_id word REFERENCES receipts (receipt_id) CHECK (receipt_id = intent_id),
    ADD COLUMN of_intent word GENERATED ALWAYS AS (CASE WHEN receipt_id IS NULL THEN intent_id END) STORED REFERENCES intents (id),
    -- What is owed for one payment may be owed in parts, each under an id of its own. There is one part until every replica knows of them.
    ADD COLUMN part BIGINT NOT NULL DEFAULT 0 CHECK (part >= 0),
    ADD COLUMN id word GENERATED ALWAYS AS (CASE part WHEN 0 THEN intent_id ELSE intent_id || '.' || part::TEXT END) STORED UNIQUE,
    ADD CONSTRAINT obligations_parts UNIQUE (intent_id, part);
