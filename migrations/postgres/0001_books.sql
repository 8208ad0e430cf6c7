-- The books: intents, claims, settlements, slots, debts and the journal.
-- Amounts are integers in the currency's minor unit; moments are milliseconds since 1970 in UTC.

-- Texts sort by their bytes, whatever the database's locale: pages go by key.
CREATE DOMAIN word AS TEXT COLLATE "C";

CREATE TABLE intents (
    id                  word PRIMARY KEY,
    payer               word NOT NULL,
    rail                word NOT NULL CHECK (rail IN ('x402', 'mpp')),
    funding             word NOT NULL CHECK (funding IN ('free', 'credit', 'entitlement', 'x402', 'mpp_charge', 'mpp_pack')),
    entitlement_source  word,
    price_minor         BIGINT NOT NULL CHECK (price_minor >= 0),
    currency            word NOT NULL CHECK (currency IN ('USDC', 'USD', 'CREDIT')),
    fingerprint         BYTEA NOT NULL CHECK (length(fingerprint) = 32),
    core_key            word NOT NULL UNIQUE,
    client_idem_key     word,
    route               word NOT NULL,
    path_and_query      word NOT NULL,
    body                BYTEA NOT NULL,
    content_type        word NOT NULL,
    proof_version       BIGINT NOT NULL CHECK (proof_version IN (1, 2)),
    state               word NOT NULL CHECK (state IN ('claimed', 'signed', 'submitted', 'submit_unknown', 'pay_failed',
                            'forwarding', 'core_unknown', 'created', 'rejected', 'released')),
    version             BIGINT NOT NULL,
    fence               BIGINT NOT NULL,
    lease_until_ms      BIGINT NOT NULL,
    -- The process that drives it, by its number: see `src/books/postgres/liveness.rs`.
    lease_owner         BIGINT,
    -- Until when a client is known to wait for the answer; 0 once it went away or was told to come back.
    attended_until_ms   BIGINT NOT NULL,
    -- The authorization that would settle it, without its signature.
    chain_id            BIGINT NOT NULL,
    asset               word NOT NULL,
    from_addr           word NOT NULL,
    nonce               word NOT NULL,
    pay_to              word NOT NULL,
    valid_before_unix_s BIGINT NOT NULL,
    claimed_at_block    BIGINT NOT NULL,
    failure             word,
    answer_status       BIGINT,
    answer_headers      word,
    answer_body         BYTEA,
    launch_id           word,
    entitled_until_ms   BIGINT,
    forwarding_since_ms BIGINT,
    delivered_at_ms     BIGINT,
    created_at_ms       BIGINT NOT NULL,
    updated_at_ms       BIGINT NOT NULL,
    UNIQUE (payer, client_idem_key),
    CHECK ((funding = 'entitlement') = (entitlement_source IS NOT NULL)),
    CHECK (state NOT IN ('created', 'rejected', 'released') OR answer_status IS NOT NULL),
    CHECK (state <> 'created' OR launch_id IS NOT NULL),
    CHECK (state <> 'pay_failed' OR failure IS NOT NULL)
);

-- The recovery loop asks for transient states whose lease is over.
CREATE INDEX intents_in_transit ON intents (lease_until_ms)
    WHERE state IN ('claimed', 'signed', 'submitted', 'submit_unknown', 'forwarding', 'core_unknown');
-- A new proof of an equal request joins what is unfinished or was never delivered.
CREATE INDEX intents_undelivered ON intents (payer, fingerprint) WHERE delivered_at_ms IS NULL;
CREATE INDEX intents_of_payer ON intents (payer, id);

-- Each state that an intent entered, for its timeline.
CREATE TABLE intent_events (
    intent_id word NOT NULL REFERENCES intents (id),
    version   BIGINT NOT NULL,
    state     word NOT NULL,
    at_ms     BIGINT NOT NULL,
    PRIMARY KEY (intent_id, version)
);

-- One proof, one purpose, for ever: this key must never depend on time.
CREATE TABLE auths (
    chain_id      BIGINT NOT NULL,
    asset         word NOT NULL,
    from_addr     word NOT NULL,
    nonce         word NOT NULL,
    purpose       word NOT NULL CHECK (purpose IN ('pay', 'free', 'identity')),
    fingerprint   BYTEA NOT NULL,
    intent_id     word REFERENCES intents (id) DEFERRABLE INITIALLY DEFERRED,
    claimed_at_ms BIGINT NOT NULL,
    PRIMARY KEY (chain_id, asset, from_addr, nonce),
    CHECK (purpose = 'identity' OR intent_id IS NOT NULL)
);

CREATE TABLE signers (
    addr       word PRIMARY KEY,
    next_nonce BIGINT NOT NULL CHECK (next_nonce >= 0)
);

-- Our signed transactions, saved before they are sent. The bytes are sealed, and wiped when the intent is terminal.
CREATE TABLE attempts (
    seq                 BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    intent_id           word NOT NULL REFERENCES intents (id),
    kind                word NOT NULL CHECK (kind IN ('transfer', 'void')),
    signer              word NOT NULL,
    eoa_nonce           BIGINT NOT NULL,
    tx_hash             word NOT NULL UNIQUE,
    max_fee_per_gas_wei word NOT NULL,
    sealed_tx           BYTEA NOT NULL,
    nonce_closed        BIGINT NOT NULL DEFAULT 0 CHECK (nonce_closed IN (0, 1)),
    saved_at_ms         BIGINT NOT NULL
);
CREATE INDEX attempts_of_intent ON attempts (intent_id, seq);
CREATE INDEX attempts_open_nonce ON attempts (signer, eoa_nonce) WHERE nonce_closed = 0;

CREATE TABLE settlements (
    intent_id     word PRIMARY KEY REFERENCES intents (id),
    rail          word NOT NULL,
    chain_id      BIGINT,
    asset         word,
    from_addr     word,
    nonce         word,
    tx_hash       word,
    log_index     BIGINT,
    block_number  BIGINT,
    block_hash    word,
    fee_wei       word,
    stripe_pi     word UNIQUE,
    amount_minor  BIGINT NOT NULL CHECK (amount_minor > 0),
    currency      word NOT NULL,
    settled_at_ms BIGINT NOT NULL,
    UNIQUE (chain_id, asset, from_addr, nonce),
    UNIQUE (chain_id, tx_hash, log_index)
);

-- A slot is a row: the sixth of a month is impossible by key.
CREATE TABLE free_slots (
    wallet    word NOT NULL,
    month     word NOT NULL,
    slot      BIGINT NOT NULL CHECK (slot BETWEEN 1 AND 5),
    day       word NOT NULL,
    intent_id word NOT NULL UNIQUE REFERENCES intents (id) DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (wallet, month, slot)
);
CREATE INDEX free_slots_of_day ON free_slots (day);

-- What we owe to payers whose paid creation was refused.
CREATE TABLE obligations (
    intent_id         word PRIMARY KEY REFERENCES intents (id),
    payer             word NOT NULL,
    amount_minor      BIGINT NOT NULL CHECK (amount_minor > 0),
    currency          word NOT NULL,
    state             word NOT NULL CHECK (state IN ('open', 'reserved', 'used', 'refund_due', 'refund_sent', 'refunded')),
    reserved_by       word UNIQUE,
    entitled_until_ms BIGINT NOT NULL,
    created_at_ms     BIGINT NOT NULL,
    updated_at_ms     BIGINT NOT NULL,
    CHECK ((state IN ('reserved', 'used')) = (reserved_by IS NOT NULL))
);
CREATE INDEX obligations_of_payer ON obligations (payer, state);

CREATE TABLE credit_accounts (
    payer   word PRIMARY KEY,
    balance BIGINT NOT NULL CHECK (balance >= 0)
);

CREATE TABLE credit_entries (
    seq       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payer     word NOT NULL REFERENCES credit_accounts (payer),
    delta     BIGINT NOT NULL,
    kind      word NOT NULL,
    intent_id word,
    ref       word,
    UNIQUE (intent_id, kind)
);

CREATE TABLE findings (
    kind         word NOT NULL,
    key          word NOT NULL,
    opened_at_ms BIGINT NOT NULL,
    closed_at_ms BIGINT,
    PRIMARY KEY (kind, key)
);
