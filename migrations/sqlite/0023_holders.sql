-- Holders of card accounts: whoever an agent token was given to, named by the first payment. A token of the release before is in `agent_tokens`
-- alone; its row here is made when something is done with it.
CREATE TABLE holders (
    id              TEXT PRIMARY KEY,
    payer           TEXT NOT NULL,
    -- 'own': what it paid for. 'account': all that is the account's, as with tokens of before.
    reach           TEXT NOT NULL CHECK (reach IN ('own', 'account')),
    rotation        INTEGER NOT NULL CHECK (rotation >= 0),
    token_sha256    BLOB NOT NULL UNIQUE CHECK (length(token_sha256) = 32),
    -- The token before, which is good for a minute more.
    before_sha256   BLOB CHECK (length(before_sha256) = 32),
    before_until_ms INTEGER,
    revoked_at_ms   INTEGER,
    created_at_ms   INTEGER NOT NULL,
    CHECK ((before_sha256 IS NULL) = (before_until_ms IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX holders_before ON holders (before_sha256);
CREATE INDEX holders_of_payer ON holders (payer);

-- Whose payment it is. Noted before the payment is claimed, so a row may name one that never was.
CREATE TABLE holder_payments (
    intent_id TEXT PRIMARY KEY,
    holder_id TEXT NOT NULL REFERENCES holders (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX holder_payments_of_holder ON holder_payments (holder_id);

-- Accounts that an operator stopped: they neither pay nor read.
CREATE TABLE frozen_accounts (
    payer    TEXT PRIMARY KEY,
    since_ms INTEGER NOT NULL,
    reason   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
