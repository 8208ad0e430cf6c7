-- What operators read: what they did, totals that a list of everything would take too long for, and keys for every filter.

-- What an operator did, written with the change itself.
CREATE TABLE operator_actions (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms   INTEGER NOT NULL,
    action  TEXT NOT NULL,
    -- The payment, payer or finding.
    subject TEXT NOT NULL,
    reason  TEXT NOT NULL,
    via     TEXT NOT NULL CHECK (via IN ('page', 'api', 'cli'))
) STRICT;
CREATE INDEX operator_actions_of_subject ON operator_actions (subject, seq);

-- Answers 402 with a challenge. A day is the number of whole days since 1970 in UTC.
CREATE TABLE challenge_days (
    day        INTEGER NOT NULL,
    route      TEXT NOT NULL,
    challenges INTEGER NOT NULL CHECK (challenges >= 0),
    PRIMARY KEY (day, route)
) STRICT, WITHOUT ROWID;

-- Sums of the journal up to the mark, by family of accounts (`liab:unearned` for every payer's). They are derived: they never lead.
CREATE TABLE posted_days (
    day      INTEGER NOT NULL,
    account  TEXT NOT NULL,
    currency TEXT NOT NULL,
    kind     TEXT NOT NULL,
    amount   INTEGER NOT NULL,
    -- How many postings of the kind have lines there.
    postings INTEGER NOT NULL,
    PRIMARY KEY (day, account, currency, kind)
) STRICT, WITHOUT ROWID;
CREATE TABLE posted_totals (
    account  TEXT NOT NULL,
    currency TEXT NOT NULL,
    kind     TEXT NOT NULL,
    amount   INTEGER NOT NULL,
    postings INTEGER NOT NULL,
    PRIMARY KEY (account, currency, kind)
) STRICT, WITHOUT ROWID;

-- The last posting that is in the sums.
CREATE TABLE fold_mark (
    name   TEXT PRIMARY KEY,
    folded INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO fold_mark (name, folded) VALUES ('journal', 0);

-- Every payment of a kind lies together in the order of its key: a list by state, rail, route or price begins anywhere at the same cost.
CREATE INDEX intents_by_kind ON intents (state, rail, funding, route, currency, price_minor, id);
CREATE INDEX intents_by_name ON intents (client_idem_key, id) WHERE client_idem_key IS NOT NULL;
CREATE INDEX intents_by_launch ON intents (launch_id, id) WHERE launch_id IS NOT NULL;
-- Whether it was real money. The chains are those whose tokens are worth nothing (`payments::settlement::TEST_CHAINS`).
CREATE INDEX settlements_by_mode ON settlements ((CASE WHEN livemode = 1 THEN 1 WHEN rail = 'mpp' THEN 0
    WHEN chain_id IN (84532, 31337, 1337, 11155111, 17000, 421614, 11155420, 80002, 43113) THEN 0 ELSE 1 END), intent_id);
CREATE INDEX settlements_by_hash ON settlements (tx_hash) WHERE tx_hash IS NOT NULL;
CREATE INDEX settlements_by_charge ON settlements (stripe_charge) WHERE stripe_charge IS NOT NULL;
CREATE INDEX refunds_by_card ON refunds (payment_intent);
CREATE INDEX auths_of_intent ON auths (intent_id);
CREATE INDEX obligations_by_state ON obligations (state, intent_id);
CREATE INDEX receipts_owed ON receipts (receipt_id) WHERE kind = 'unearned';
-- With the row's own number, which is the order of postings.
CREATE INDEX journal_headers_by_kind ON journal_headers (kind);

-- The log of requests gets an order of its own.
CREATE TABLE request_log_new (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL UNIQUE,
    at_ms      INTEGER NOT NULL,
    route      TEXT NOT NULL,
    payer      TEXT NOT NULL,
    status     INTEGER NOT NULL,
    code       TEXT,
    reason     TEXT,
    payment_id TEXT,
    charge     TEXT NOT NULL
) STRICT;
INSERT INTO request_log_new (request_id, at_ms, route, payer, status, code, reason, payment_id, charge)
SELECT request_id, at_ms, route, payer, status, code, reason, payment_id, charge FROM request_log ORDER BY at_ms, request_id;
DROP TABLE request_log;
ALTER TABLE request_log_new RENAME TO request_log;
CREATE INDEX request_log_by_age ON request_log (at_ms);
CREATE INDEX request_log_of_payer ON request_log (payer, seq);
CREATE INDEX request_log_of_payment ON request_log (payment_id, seq) WHERE payment_id IS NOT NULL;
