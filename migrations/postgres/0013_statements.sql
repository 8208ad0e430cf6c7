-- A payer's statement begins anywhere at the same cost, however much the payer has paid. On a large database the indexes may be made beforehand,
-- `CONCURRENTLY` and under the same names: those that are there are kept.

-- The lines of payers' accounts in the order of their postings, up to the mark, each with the account's balance after it. They are derived from
-- the journal: they never lead.
CREATE TABLE statement_lines (
    account  word NOT NULL,
    currency word NOT NULL,
    -- The posting's `rowid`.
    place    BIGINT NOT NULL,
    -- What the posting's lines on the account sum to.
    amount   BIGINT NOT NULL,
    balance  BIGINT NOT NULL,
    PRIMARY KEY (account, currency, place)
);

-- Between which places the postings of an hour are, as far as the mark. An hour is the number of whole hours since 1970.
CREATE TABLE posting_hours (
    hour        BIGINT PRIMARY KEY,
    first_place BIGINT NOT NULL,
    last_place  BIGINT NOT NULL
);

-- A mark of its own: a process of the release before moves the other one, and does not write these lines.
INSERT INTO fold_mark (name, folded) VALUES ('statements', 0);

-- Free launches of days that are long over, by the day's name in `free_slots`.
CREATE TABLE free_days (
    day   word PRIMARY KEY,
    slots BIGINT NOT NULL
);

CREATE INDEX IF NOT EXISTS intents_of_payer_by_state ON intents (payer, state, id);
-- How many launches a payer had in a month, which agents ask.
CREATE INDEX IF NOT EXISTS intents_launched ON intents (payer, created_at_ms) WHERE state = 'created';
CREATE INDEX IF NOT EXISTS obligations_by_currency ON obligations (state, currency, intent_id);
CREATE INDEX IF NOT EXISTS obligations_of_payer_by_state ON obligations (payer, state, currency, intent_id);
