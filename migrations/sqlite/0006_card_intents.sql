-- The same intent for both rails. SQLite cannot widen a CHECK or drop a NOT NULL, so that the two tables are made anew, by the procedure of its
-- manual ("Making Other Kinds Of Table Schema Changes"): foreign keys are off on the connection that migrates, and the last statements refuse
-- the whole migration if a reference was lost.

DROP VIEW audit_intents;
DROP VIEW audit_obligations;

CREATE TABLE intents_new (
    id                  TEXT PRIMARY KEY,
    payer               TEXT NOT NULL,
    rail                TEXT NOT NULL CHECK (rail IN ('x402', 'mpp')),
    funding             TEXT NOT NULL CHECK (funding IN ('free', 'credit', 'entitlement', 'x402', 'mpp_charge', 'mpp_pack')),
    entitlement_source  TEXT,
    -- How many credits a pack buys.
    pack_credits        INTEGER CHECK (pack_credits > 0),
    -- The money behind the credit that funds it.
    backing_cents       INTEGER CHECK (backing_cents >= 0),
    price_minor         INTEGER NOT NULL CHECK (price_minor >= 0),
    currency            TEXT NOT NULL CHECK (currency IN ('USDC', 'USD', 'CREDIT')),
    fingerprint         BLOB NOT NULL CHECK (length(fingerprint) = 32),
    core_key            TEXT NOT NULL UNIQUE,
    client_idem_key     TEXT,
    route               TEXT NOT NULL,
    path_and_query      TEXT NOT NULL,
    body                BLOB NOT NULL,
    content_type        TEXT NOT NULL,
    -- The version of x402, or 0 for a card.
    proof_version       INTEGER NOT NULL CHECK (proof_version IN (0, 1, 2)),
    state               TEXT NOT NULL CHECK (state IN ('claimed', 'signed', 'submitted', 'submit_unknown', 'pay_failed',
                            'forwarding', 'core_unknown', 'created', 'rejected', 'released', 'charged', 'granted')),
    version             INTEGER NOT NULL,
    fence               INTEGER NOT NULL,
    lease_until_ms      INTEGER NOT NULL,
    -- Until when a client is known to wait for the answer; 0 once it went away or was told to come back.
    attended_until_ms   INTEGER NOT NULL,
    -- The authorization that would settle it, without its signature; none for a card.
    chain_id            INTEGER,
    asset               TEXT,
    from_addr           TEXT,
    nonce               TEXT,
    pay_to              TEXT,
    valid_before_unix_s INTEGER,
    claimed_at_block    INTEGER,
    failure             TEXT,
    answer_status       INTEGER,
    answer_headers      TEXT,
    answer_body         BLOB,
    launch_id           TEXT,
    -- The account's balance right after the pack's credits came.
    granted_balance     INTEGER CHECK (granted_balance >= 0),
    entitled_until_ms   INTEGER,
    forwarding_since_ms INTEGER,
    delivered_at_ms     INTEGER,
    created_at_ms       INTEGER NOT NULL,
    updated_at_ms       INTEGER NOT NULL,
    UNIQUE (payer, client_idem_key),
    CHECK ((funding = 'entitlement') = (entitlement_source IS NOT NULL)),
    CHECK ((funding = 'mpp_pack') = (pack_credits IS NOT NULL)),
    CHECK ((funding = 'credit') = (backing_cents IS NOT NULL)),
    CHECK ((rail = 'mpp') = (proof_version = 0)),
    CHECK (rail = 'x402' OR funding IN ('credit', 'mpp_charge', 'mpp_pack')),
    CHECK (rail = 'mpp' OR funding IN ('free', 'entitlement', 'x402')),
    CHECK (rail = 'mpp' OR (chain_id IS NOT NULL AND asset IS NOT NULL AND from_addr IS NOT NULL AND nonce IS NOT NULL
        AND pay_to IS NOT NULL AND valid_before_unix_s IS NOT NULL AND claimed_at_block IS NOT NULL)),
    CHECK (state NOT IN ('charged', 'granted') OR funding = 'mpp_pack'),
    CHECK (state NOT IN ('forwarding', 'core_unknown', 'created', 'rejected', 'released') OR funding <> 'mpp_pack'),
    CHECK ((state = 'granted') = (granted_balance IS NOT NULL)),
    CHECK (state NOT IN ('created', 'rejected', 'released') OR answer_status IS NOT NULL),
    CHECK (state <> 'created' OR launch_id IS NOT NULL),
    CHECK (state <> 'pay_failed' OR failure IS NOT NULL)
) STRICT;

INSERT INTO intents_new (id, payer, rail, funding, entitlement_source, price_minor, currency, fingerprint, core_key, client_idem_key, route,
    path_and_query, body, content_type, proof_version, state, version, fence, lease_until_ms, attended_until_ms, chain_id, asset, from_addr,
    nonce, pay_to, valid_before_unix_s, claimed_at_block, failure, answer_status, answer_headers, answer_body, launch_id, entitled_until_ms,
    forwarding_since_ms, delivered_at_ms, created_at_ms, updated_at_ms)
SELECT id, payer, rail, funding, entitlement_source, price_minor, currency, fingerprint, core_key, client_idem_key, route,
    path_and_query, body, content_type, proof_version, state, version, fence, lease_until_ms, attended_until_ms, chain_id, asset, from_addr,
    nonce, pay_to, valid_before_unix_s, claimed_at_block, failure, answer_status, answer_headers, answer_body, launch_id, entitled_until_ms,
    forwarding_since_ms, delivered_at_ms, created_at_ms, updated_at_ms
FROM intents;
DROP TABLE intents;
ALTER TABLE intents_new RENAME TO intents;

-- The recovery loop asks for transient states whose lease is over.
CREATE INDEX intents_in_transit ON intents (lease_until_ms)
    WHERE state IN ('claimed', 'signed', 'submitted', 'submit_unknown', 'forwarding', 'core_unknown', 'charged');
-- A new proof of an equal request joins what is unfinished or was never delivered.
CREATE INDEX intents_undelivered ON intents (payer, fingerprint) WHERE delivered_at_ms IS NULL;
CREATE INDEX intents_of_payer ON intents (payer, id);

-- What we owe to payers: a paid creation that was refused, or money that nobody asked for.
CREATE TABLE obligations_new (
    intent_id         TEXT PRIMARY KEY REFERENCES intents (id),
    payer             TEXT NOT NULL,
    amount_minor      INTEGER NOT NULL CHECK (amount_minor > 0),
    currency          TEXT NOT NULL,
    state             TEXT NOT NULL CHECK (state IN ('open', 'reserved', 'used', 'refund_due', 'refund_sent', 'refund_unknown', 'refunded')),
    -- The intent that uses it up; the intent itself where a credit paid it at once.
    reserved_by       TEXT UNIQUE,
    entitled_until_ms INTEGER NOT NULL,
    created_at_ms     INTEGER NOT NULL,
    updated_at_ms     INTEGER NOT NULL,
    CHECK ((state IN ('reserved', 'used')) = (reserved_by IS NOT NULL))
) STRICT;
INSERT INTO obligations_new (intent_id, payer, amount_minor, currency, state, reserved_by, entitled_until_ms, created_at_ms, updated_at_ms)
SELECT intent_id, payer, amount_minor, currency, state, reserved_by, entitled_until_ms, created_at_ms, updated_at_ms FROM obligations;
DROP TABLE obligations;
ALTER TABLE obligations_new RENAME TO obligations;
CREATE INDEX obligations_of_payer ON obligations (payer, state);

CREATE VIEW audit_intents AS
SELECT id, payer, rail, funding, state, price_minor, currency, core_key, launch_id,
       strftime('%Y-%m-%dT%H:%M:%S', created_at_ms / 1000, 'unixepoch') || printf('.%03dZ', created_at_ms % 1000) AS created_at,
       strftime('%Y-%m-%dT%H:%M:%S', updated_at_ms / 1000, 'unixepoch') || printf('.%03dZ', updated_at_ms % 1000) AS updated_at
FROM intents;

-- Auditors know one word for a refund that was asked for, whether or not its outcome is known.
CREATE VIEW audit_obligations AS
SELECT intent_id, payer, amount_minor, currency, CASE state WHEN 'refund_unknown' THEN 'refund_sent' ELSE state END AS state
FROM obligations;

CREATE TABLE lost_references (broken INTEGER NOT NULL CHECK (broken = 0)) STRICT;
INSERT INTO lost_references SELECT count(*) FROM pragma_foreign_key_check;
DROP TABLE lost_references;
