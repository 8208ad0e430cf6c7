-- What operators read: what they did, totals that a list of everything would take too long for, and keys for every filter. On a large database
-- the indexes may be made beforehand, `CONCURRENTLY` and under the same names: those that are there are kept.

-- What an operator did, written with the change itself.
CREATE TABLE operator_actions (
    seq     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_ms   BIGINT NOT NULL,
    action  word NOT NULL,
    -- The payment, payer or finding.
    subject word NOT NULL,
    reason  word NOT NULL,
    via     word NOT NULL CHECK (via IN ('page', 'api', 'cli'))
);
CREATE INDEX operator_actions_of_subject ON operator_actions (subject, seq);

-- Answers 402 with a challenge. A day is the number of whole days since 1970 in UTC.
CREATE TABLE challenge_days (
    day        BIGINT NOT NULL,
    route      word NOT NULL,
    challenges BIGINT NOT NULL CHECK (challenges >= 0),
    PRIMARY KEY (day, route)
);

-- Sums of the journal up to the mark, by family of accounts (`liab:unearned` for every payer's). They are derived: they never lead.
CREATE TABLE posted_days (
    day      BIGINT NOT NULL,
    account  word NOT NULL,
    currency word NOT NULL,
    kind     word NOT NULL,
    amount   BIGINT NOT NULL,
    -- How many postings of the kind have lines there.
    postings BIGINT NOT NULL,
    PRIMARY KEY (day, account, currency, kind)
);
CREATE TABLE posted_totals (
    account  word NOT NULL,
    currency word NOT NULL,
    kind     word NOT NULL,
    amount   BIGINT NOT NULL,
    postings BIGINT NOT NULL,
    PRIMARY KEY (account, currency, kind)
);

-- The last posting that is in the sums, and the last one that was seen: it and all before it are there for good once every transaction that
-- was running then has ended.
CREATE TABLE fold_mark (
    name       word PRIMARY KEY,
    folded     BIGINT NOT NULL,
    seen       BIGINT NOT NULL DEFAULT 0,
    -- The first transaction that had not begun then.
    seen_xid   BIGINT NOT NULL DEFAULT 0,
    seen_at_ms BIGINT NOT NULL DEFAULT 0
);
INSERT INTO fold_mark (name, folded) VALUES ('journal', 0);

-- Every payment of a kind lies together in the order of its key: a list by state, rail, route or price begins anywhere at the same cost.
CREATE INDEX IF NOT EXISTS intents_by_kind ON intents (state, rail, funding, route, currency, price_minor, id);
CREATE INDEX IF NOT EXISTS intents_by_name ON intents (client_idem_key, id) WHERE client_idem_key IS NOT NULL;
CREATE INDEX IF NOT EXISTS intents_by_launch ON intents (launch_id, id) WHERE launch_id IS NOT NULL;
-- Whether it was real money. The chains are those whose tokens are worth nothing (`payments::settlement::TEST_CHAINS`).
CREATE INDEX IF NOT EXISTS settlements_by_mode ON settlements ((CASE WHEN livemode = 1 THEN 1 WHEN rail = 'mpp' THEN 0
    WHEN chain_id IN (84532, 31337, 1337, 11155111, 17000, 421614, 11155420, 80002, 43113) THEN 0 ELSE 1 END), intent_id);
CREATE INDEX IF NOT EXISTS settlements_by_hash ON settlements (tx_hash) WHERE tx_hash IS NOT NULL;
CREATE INDEX IF NOT EXISTS settlements_by_charge ON settlements (stripe_charge) WHERE stripe_charge IS NOT NULL;
CREATE INDEX IF NOT EXISTS refunds_by_card ON refunds (payment_intent);
CREATE INDEX IF NOT EXISTS auths_of_intent ON auths (intent_id);
CREATE INDEX IF NOT EXISTS obligations_by_state ON obligations (state, intent_id);
CREATE INDEX IF NOT EXISTS receipts_owed ON receipts (receipt_id) WHERE kind = 'unearned';
CREATE INDEX IF NOT EXISTS journal_headers_by_kind ON journal_headers (kind, rowid);

-- The log of requests gets an order of its own. It holds a week, and nothing waits for it.
ALTER TABLE request_log ADD COLUMN seq BIGINT GENERATED ALWAYS AS IDENTITY;
CREATE UNIQUE INDEX request_log_in_order ON request_log (seq);
CREATE INDEX request_log_of_payer ON request_log (payer, seq);
CREATE INDEX request_log_of_payment ON request_log (payment_id, seq) WHERE payment_id IS NOT NULL;
