-- A signer's nonces are a sequence of their own on each chain: the same key on another chain has another one. What was given out before this table
-- is read from `attempts` and the chains of their intents; `signers` stays for the release before.
CREATE TABLE signer_nonces (
    chain_id   INTEGER NOT NULL,
    signer     TEXT NOT NULL,
    next_nonce INTEGER NOT NULL CHECK (next_nonce >= 0),
    PRIMARY KEY (chain_id, signer)
) STRICT, WITHOUT ROWID;

-- Empty transactions that fill a hole in a signer's nonces: no payment has the nonce. Saved before they are sent, sealed, and wiped when the nonce
-- is used.
CREATE TABLE nonce_fills (
    seq                 INTEGER PRIMARY KEY,
    chain_id            INTEGER NOT NULL,
    signer              TEXT NOT NULL,
    eoa_nonce           INTEGER NOT NULL,
    tx_hash             TEXT NOT NULL UNIQUE,
    max_fee_per_gas_wei TEXT NOT NULL,
    sealed_tx           BLOB NOT NULL,
    nonce_closed        INTEGER NOT NULL DEFAULT 0 CHECK (nonce_closed IN (0, 1)),
    saved_at_ms         INTEGER NOT NULL,
    -- What the chain took for it, in wei; NULL until it is known to be mined.
    fee_wei             TEXT
) STRICT;
CREATE INDEX nonce_fills_open ON nonce_fills (chain_id, signer, eoa_nonce) WHERE nonce_closed = 0;
