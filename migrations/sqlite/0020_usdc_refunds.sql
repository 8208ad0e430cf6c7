-- Refunds in USDC that are paid by a wallet of their own: each approval of a debt takes one nonce of the wallet, and is signed and saved before it is
-- sent. A debt is named by its payment, or by the receipt that is owed back.
CREATE TABLE usdc_refunds (
    -- `refund_<owed id>_<approval>`
    refund_key      TEXT PRIMARY KEY,
    owed_id         TEXT NOT NULL,
    approval        INTEGER NOT NULL CHECK (approval > 0),
    chain_id        INTEGER NOT NULL,
    from_addr       TEXT NOT NULL,
    payer           TEXT NOT NULL,
    amount_minor    INTEGER NOT NULL CHECK (amount_minor > 0),
    signed_at_block INTEGER NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('refund_sent', 'refunded', 'refund_failed')),
    reason          TEXT NOT NULL,
    -- The transfer, where the chain showed it.
    tx_hash         TEXT,
    log_index       INTEGER,
    block_number    INTEGER,
    block_hash      TEXT,
    -- NULL while a reorganisation may still change what became of it.
    final_at_ms     INTEGER,
    -- How many postings it has: the number in the name of the next one.
    postings        INTEGER NOT NULL DEFAULT 0,
    looks           INTEGER NOT NULL DEFAULT 0,
    -- NULL once nothing can change any more.
    next_look_at_ms INTEGER,
    version         INTEGER NOT NULL DEFAULT 0,
    approved_at_ms  INTEGER NOT NULL,
    updated_at_ms   INTEGER NOT NULL,
    UNIQUE (owed_id, approval),
    UNIQUE (chain_id, tx_hash, log_index),
    CHECK ((state = 'refunded') = (tx_hash IS NOT NULL))
) STRICT, WITHOUT ROWID;
-- A debt has one approval at a time, and none after it was paid.
CREATE UNIQUE INDEX usdc_refunds_one ON usdc_refunds (owed_id) WHERE state <> 'refund_failed';
CREATE INDEX usdc_refunds_to_look_at ON usdc_refunds (next_look_at_ms) WHERE next_look_at_ms IS NOT NULL;
CREATE INDEX usdc_refunds_of_days ON usdc_refunds (approved_at_ms);

-- What was signed for them, all of one refund under one nonce. Sealed, and wiped once what became of the refund is final.
CREATE TABLE usdc_refund_attempts (
    seq                 INTEGER PRIMARY KEY,
    refund_key          TEXT NOT NULL REFERENCES usdc_refunds (refund_key),
    kind                TEXT NOT NULL CHECK (kind IN ('transfer', 'void')),
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
CREATE INDEX usdc_refund_attempts_of_refund ON usdc_refund_attempts (refund_key, seq);
CREATE INDEX usdc_refund_attempts_of_signer ON usdc_refund_attempts (chain_id, signer, eoa_nonce);

-- Transfers between our receiving address and the refund wallet, each booked once per log and taken back by a further posting.
CREATE TABLE usdc_moves (
    move_id       TEXT PRIMARY KEY,
    chain_id      INTEGER NOT NULL,
    tx_hash       TEXT NOT NULL,
    log_index     INTEGER NOT NULL,
    block_number  INTEGER NOT NULL,
    wallet        TEXT NOT NULL,
    -- 1: to the refund wallet; 0: back to the receiving address.
    to_wallet     INTEGER NOT NULL CHECK (to_wallet IN (0, 1)),
    amount_minor  INTEGER NOT NULL CHECK (amount_minor > 0),
    -- 0: a reorganisation took it away.
    stands        INTEGER NOT NULL CHECK (stands IN (0, 1)),
    revision      INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    UNIQUE (chain_id, tx_hash, log_index)
) STRICT, WITHOUT ROWID;
CREATE INDEX usdc_moves_of_blocks ON usdc_moves (chain_id, block_number) WHERE stands = 1;

DROP VIEW audit_obligations;
-- Auditors know one word for a refund that was asked for, whether or not its outcome is known. A receipt that is owed back has no intent: it
-- stands under its own id.
CREATE VIEW audit_obligations AS
SELECT intent_id, payer, amount_minor, currency, CASE state WHEN 'refund_unknown' THEN 'refund_sent' ELSE state END AS state
FROM obligations
UNION ALL SELECT receipt_id, payer, amount_minor, 'USDC',
    coalesce((SELECT u.state FROM usdc_refunds u WHERE u.owed_id = receipt_id AND u.state <> 'refund_failed'),
        CASE WHEN EXISTS (SELECT 1 FROM usdc_paid_back p WHERE p.owed_id = receipt_id) THEN 'refunded' ELSE 'refund_due' END)
FROM receipts WHERE kind = 'unearned';
