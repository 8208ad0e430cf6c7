-- Proofs that were refused although their wallets had free calls left, because the free calls of all wallets were used up for the day. A row is
-- the note that its wallet was told so on that day: only then is another proof of it charged. Rows go when the day and the proof are over.
CREATE TABLE refused_proofs (
    chain_id      INTEGER NOT NULL,
    asset         TEXT NOT NULL,
    from_addr     TEXT NOT NULL,
    nonce         TEXT NOT NULL,
    -- The UTC day, YYYY-MM-DD.
    day           TEXT NOT NULL,
    -- `paid`: a proof that was charged after such a note. Processes that judge copies of one proof at once meet at its key.
    outcome       TEXT NOT NULL CHECK (outcome IN ('refused', 'paid')),
    keep_until_ms INTEGER NOT NULL,
    PRIMARY KEY (chain_id, asset, from_addr, nonce)
) STRICT, WITHOUT ROWID;
CREATE INDEX refused_proofs_of_wallet ON refused_proofs (from_addr, day);
CREATE INDEX refused_proofs_kept ON refused_proofs (keep_until_ms);
