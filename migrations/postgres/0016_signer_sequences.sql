-- A signer's nonces are a sequence of their own on each chain: the same key on another chain has another one. What was given out before this table
-- is read from `attempts` and the chains of their intents; `signers` stays for the release before.
CREATE TABLE signer_nonces (
    chain_id   BIGINT NOT NULL,
    signer     word NOT NULL,
    next_nonce BIGINT NOT NULL CHECK (next_nonce >= 0),
    PRIMARY KEY (chain_id, signer)
);

-- Empty transactions that fill a hole in a signer's nonces: no payment has the nonce. Saved before they are sent, sealed, and wiped when the nonce
-- is used.
CREATE TABLE nonce_fills (
    seq                 BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chain_id            BIGINT NOT NULL,
    signer              word NOT NULL,
    eoa_nonce           BIGINT NOT NULL,
    tx_hash             word NOT NULL UNIQUE,
    max_fee_per_gas_wei word NOT NULL,
    sealed_tx           BYTEA NOT NULL,
    nonce_closed        BIGINT NOT NULL DEFAULT 0 CHECK (nonce_closed IN (0, 1)),
    saved_at_ms         BIGINT NOT NULL,
    -- What the chain took for it, in wei; NULL until it is known to be mined.
    fee_wei             word
);
CREATE INDEX nonce_fills_open ON nonce_fills (chain_id, signer, eoa_nonce) WHERE nonce_closed = 0;
