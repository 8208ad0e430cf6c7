-- The books: intents, claims, settlements, slots, debts and the journal.
-- Amounts are integers in the currency's minor unit; moments are milliseconds since 1970 in UTC.

CREATE TABLE intents (
    id                  TEXT PRIMARY KEY,
    payer               TEXT NOT NULL,
    rail                TEXT NOT NULL CHECK (rail IN ('x402', 'mpp')),
    funding             TEXT NOT NULL CHECK (funding IN ('free', 'credit', 'entitlement', 'x402', 'mpp_charge', 'mpp_pack')),
    entitlement_source  TEXT,
    price_minor         INTEGER NOT NULL CHECK (price_minor >= 0),
    currency            TEXT NOT NULL CHECK (currency IN ('USDC', 'USD', 'CREDIT')),
    fingerprint         BLOB NOT NULL CHECK (length(fingerprint) = 32),
    core_key            TEXT NOT NULL UNIQUE,
    client_idem_key     TEXT,
    route               TEXT NOT NULL,
    path_and_query      TEXT NOT NULL,
    body                BLOB NOT NULL,
    content_type        TEXT NOT NULL,
    proof_version       INTEGER NOT NULL CHECK (proof_version IN (1, 2)),
    state               TEXT NOT NULL CHECK (state IN ('claimed', 'signed', 'submitted', 'submit_unknown', 'pay_failed',
                            'forwarding', 'core_unknown', 'created', 'rejected', 'released')),
    version             INTEGER NOT NULL,
    fence               INTEGER NOT NULL,
    lease_until_ms      INTEGER NOT NULL,
    -- Until when a client is known to wait for the answer; 0 once it went away or was told to come back.
    attended_until_ms   INTEGER NOT NULL,
    -- The authorization that would settle it, without its signature.
    chain_id            INTEGER NOT NULL,
    asset               TEXT NOT NULL,
    from_addr           TEXT NOT NULL,
    nonce               TEXT NOT NULL,
    pay_to              TEXT NOT NULL,
    valid_before_unix_s INTEGER NOT NULL,
    claimed_at_block    INTEGER NOT NULL,
    failure             TEXT,
    answer_status       INTEGER,
    answer_headers      TEXT,
    answer_body         BLOB,
    launch_id           TEXT,
    entitled_until_ms   INTEGER,
    forwarding_since_ms INTEGER,
    delivered_at_ms     INTEGER,
    created_at_ms       INTEGER NOT NULL,
    updated_at_ms       INTEGER NOT NULL,
    UNIQUE (payer, client_idem_key),
    CHECK ((funding = 'entitlement') = (entitlement_source IS NOT NULL)),
    CHECK (state NOT IN ('created', 'rejected', 'released') OR answer_status IS NOT NULL),
    CHECK (state <> 'created' OR launch_id IS NOT NULL),
    CHECK (state <> 'pay_failed' OR failure IS NOT NULL)
) STRICT;

-- The recovery loop asks for transient states whose lease is over.
CREATE INDEX intents_in_transit ON intents (lease_until_ms)
    WHERE state IN ('claimed', 'signed', 'submitted', 'submit_unknown', 'forwarding', 'core_unknown');
-- A new proof of an equal request joins what is unfinished or was never delivered.
CREATE INDEX intents_undelivered ON intents (payer, fingerprint) WHERE delivered_at_ms IS NULL;
CREATE INDEX intents_of_payer ON intents (payer, id);

-- Each state that an intent entered, for its timeline.
CREATE TABLE intent_events (
    intent_id TEXT NOT NULL REFERENCES intents (id),
    version   INTEGER NOT NULL,
    state     TEXT NOT NULL,
    at_ms     INTEGER NOT NULL,
    PRIMARY KEY (intent_id, version)
) STRICT, WITHOUT ROWID;

-- One proof, one purpose, for ever: this key must never depend on time.
CREATE TABLE auths (
    chain_id      INTEGER NOT NULL,
    asset         TEXT NOT NULL,
    from_addr     TEXT NOT NULL,
    nonce         TEXT NOT NULL,
    purpose       TEXT NOT NULL CHECK (purpose IN ('pay', 'free', 'identity')),
    fingerprint   BLOB NOT NULL,
    intent_id     TEXT REFERENCES intents (id) DEFERRABLE INITIALLY DEFERRED,
    claimed_at_ms INTEGER NOT NULL,
    PRIMARY KEY (chain_id, asset, from_addr, nonce),
    CHECK (purpose = 'identity' OR intent_id IS NOT NULL)
) STRICT, WITHOUT ROWID;

CREATE TABLE signers (
    addr       TEXT PRIMARY KEY,
    next_nonce INTEGER NOT NULL CHECK (next_nonce >= 0)
) STRICT;

-- Our signed transactions, saved before they are sent. The bytes are sealed, and wiped when the intent is terminal.
CREATE TABLE attempts (
    seq                 INTEGER PRIMARY KEY,
    intent_id           TEXT NOT NULL REFERENCES intents (id),
    kind                TEXT NOT NULL CHECK (kind IN ('transfer', 'void')),
    signer              TEXT NOT NULL,
    eoa_nonce           INTEGER NOT NULL,
    tx_hash             TEXT NOT NULL UNIQUE,
    max_fee_per_gas_wei TEXT NOT NULL,
    sealed_tx           BLOB NOT NULL,
    nonce_closed        INTEGER NOT NULL DEFAULT 0 CHECK (nonce_closed IN (0, 1)),
    saved_at_ms         INTEGER NOT NULL
) STRICT;
CREATE INDEX attempts_of_intent ON attempts (intent_id, seq);
CREATE INDEX attempts_open_nonce ON attempts (signer, eoa_nonce) WHERE nonce_closed = 0;

CREATE TABLE settlements (
    intent_id     TEXT PRIMARY KEY REFERENCES intents (id),
    rail          TEXT NOT NULL,
    chain_id      INTEGER,
    asset         TEXT,
    from_addr     TEXT,
    nonce         TEXT,
    tx_hash       TEXT,
    log_index     INTEGER,
    block_number  INTEGER,
    block_hash    TEXT,
    fee_wei       TEXT,
    stripe_pi     TEXT UNIQUE,
    amount_minor  INTEGER NOT NULL CHECK (amount_minor > 0),
    currency      TEXT NOT NULL,
    settled_at_ms INTEGER NOT NULL,
    UNIQUE (chain_id, asset, from_addr, nonce),
    UNIQUE (chain_id, tx_hash, log_index)
) STRICT;

-- A slot is a row: the sixth of a month is impossible by key.
CREATE TABLE free_slots (
    wallet    TEXT NOT NULL,
    month     TEXT NOT NULL,
    slot      INTEGER NOT NULL CHECK (slot BETWEEN 1 AND 5),
    day       TEXT NOT NULL,
    intent_id TEXT NOT NULL UNIQUE REFERENCES intents (id) DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (wallet, month, slot)
) STRICT, WITHOUT ROWID;
CREATE INDEX free_slots_of_day ON free_slots (day);

-- What we owe to payers whose paid creation was refused.
CREATE TABLE obligations (
    intent_id         TEXT PRIMARY KEY REFERENCES intents (id),
    payer             TEXT NOT NULL,
    amount_minor      INTEGER NOT NULL CHECK (amount_minor > 0),
    currency          TEXT NOT NULL,
    state             TEXT NOT NULL CHECK (state IN ('open', 'reserved', 'used', 'refund_due', 'refund_sent', 'refunded')),
    reserved_by       TEXT UNIQUE,
    entitled_until_ms INTEGER NOT NULL,
    created_at_ms     INTEGER NOT NULL,
    updated_at_ms     INTEGER NOT NULL,
    CHECK ((state IN ('reserved', 'used')) = (reserved_by IS NOT NULL))
) STRICT;
CREATE INDEX obligations_of_payer ON obligations (payer, state);

CREATE TABLE credit_accounts (
    payer   TEXT PRIMARY KEY,
    balance INTEGER NOT NULL CHECK (balance >= 0)
) STRICT;

CREATE TABLE credit_entries (
    seq       INTEGER PRIMARY KEY,
    payer     TEXT NOT NULL REFERENCES credit_accounts (payer),
    delta     INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    intent_id TEXT,
    ref       TEXT,
    UNIQUE (intent_id, kind)
) STRICT;

CREATE TABLE findings (
    kind         TEXT NOT NULL,
    key          TEXT NOT NULL,
    opened_at_ms INTEGER NOT NULL,
    closed_at_ms INTEGER,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
