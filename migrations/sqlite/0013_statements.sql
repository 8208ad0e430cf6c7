-- A payer's statement begins anywhere at the same cost, however much the payer has paid.

-- The lines of payers' accounts in the order of their postings, up to the mark, each with the account's balance after it. They are derived from
-- the journal: they never lead.
CREATE TABLE statement_lines (
    account  TEXT NOT NULL,
    currency TEXT NOT NULL,
    -- The posting's `rowid`.
    place    INTEGER NOT NULL,
    -- What the posting's lines on the account sum to.
    amount   INTEGER NOT NULL,
    balance  INTEGER NOT NULL,
    PRIMARY KEY (account, currency, place)
) STRICT, WITHOUT ROWID;

-- Between which places the postings of an hour are, as far as the mark. An hour is the number of whole hours since 1970.
CREATE TABLE posting_hours (
    hour        INTEGER PRIMARY KEY,
    first_place INTEGER NOT NULL,
    last_place  INTEGER NOT NULL
) STRICT;

INSERT INTO fold_mark (name, folded) VALUES ('statements', 0);

-- Free launches of days that are long over, by the day's name in `free_slots`.
CREATE TABLE free_days (
    day   TEXT PRIMARY KEY,
    slots INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX intents_of_payer_by_state ON intents (payer, state, id);
-- How many launches a payer had in a month, which agents ask.
CREATE INDEX intents_launched ON intents (payer, created_at_ms) WHERE state = 'created';
CREATE INDEX obligations_by_currency ON obligations (state, currency, intent_id);
CREATE INDEX obligations_of_payer_by_state ON obligations (payer, state, currency, intent_id);
