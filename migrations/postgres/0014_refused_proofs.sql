-- Proofs that were refused although their wallets had free calls left, because the free calls of all wallets were used up for the day. A row is
-- the note that its wallet was told so on that day: only then is another proof of it charged. Rows go when the day and the proof are over.
CREATE TABLE refused_proofs (
    chain_id      BIGINT NOT NULL,
    asset         word NOT NULL,
    from_addr     word NOT NULL,
    nonce         word NOT NULL,
    -- The UTC day, YYYY-MM-DD.
    day           word NOT NULL,
    -- `paid`: a proof that was charged after such a note. Processes that judge copies of one proof at once meet at its key.
    outcome       word NOT NULL CHECK (outcome IN ('refused', 'paid')),
    keep_until_ms BIGINT NOT NULL,
    PRIMARY KEY (chain_id, asset, from_addr, nonce)
);
CREATE INDEX refused_proofs_of_wallet ON refused_proofs (from_addr, day);
CREATE INDEX refused_proofs_kept ON refused_proofs (keep_until_ms);
