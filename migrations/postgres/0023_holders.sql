-- Holders of card accounts: whoever an agent token was given to, named by the first payment. A token of the release before is in `agent_tokens`
-- alone; its row here is made when something is done with it.
CREATE TABLE holders (
    id              word PRIMARY KEY,
    payer           word NOT NULL,
    -- 'own': what it paid for. 'account': all that is the account's, as with tokens of before.
    reach           word NOT NULL CHECK (reach IN ('own', 'account')),
    rotation        BIGINT NOT NULL CHECK (rotation >= 0),
    token_sha256    BYTEA NOT NULL UNIQUE CHECK (length(token_sha256) = 32),
    -- The token before, which is good for a minute more.
    before_sha256   BYTEA CHECK (length(before_sha256) = 32),
    before_until_ms BIGINT,
    revoked_at_ms   BIGINT,
    created_at_ms   BIGINT NOT NULL,
    CHECK ((before_sha256 IS NULL) = (before_until_ms IS NULL))
);
CREATE INDEX holders_before ON holders (before_sha256);
CREATE INDEX holders_of_payer ON holders (payer);

-- Whose payment it is. Noted before the payment is claimed, so a row may name one that never was.
CREATE TABLE holder_payments (
    intent_id word PRIMARY KEY,
    holder_id word NOT NULL REFERENCES holders (id)
);
CREATE INDEX holder_payments_of_holder ON holder_payments (holder_id);

-- Accounts that an operator stopped: they neither pay nor read.
CREATE TABLE frozen_accounts (
    payer    word PRIMARY KEY,
    since_ms BIGINT NOT NULL,
    reason   TEXT NOT NULL
);
