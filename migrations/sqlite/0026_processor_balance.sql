-- Entries of the card processor's balance, each noted once: what it kept of ours as a fee is booked with the note.
CREATE TABLE stripe_entries (
    -- `txn_...`
    entry_id      TEXT PRIMARY KEY,
    -- The payment that it belongs to; NULL for what is nobody's of ours, which is kept where the account is ours alone.
    intent_id     TEXT,
    kind          TEXT NOT NULL,
    -- The charge, refund or dispute that it is about.
    source        TEXT,
    amount_minor  INTEGER NOT NULL,
    fee_minor     INTEGER NOT NULL,
    net_minor     INTEGER NOT NULL CHECK (net_minor = amount_minor - fee_minor),
    -- In lower case.
    currency      TEXT NOT NULL,
    -- The payout that listed it last; `paid_out` is 0 again once that one failed.
    payout_id     TEXT,
    paid_out      INTEGER NOT NULL DEFAULT 0 CHECK (paid_out IN (0, 1)),
    created_at_ms INTEGER NOT NULL,
    noted_at_ms   INTEGER NOT NULL,
    CHECK (paid_out = 0 OR payout_id IS NOT NULL)
) STRICT, WITHOUT ROWID;
CREATE INDEX stripe_entries_of_source ON stripe_entries (source);
CREATE INDEX stripe_entries_of_intent ON stripe_entries (intent_id);
CREATE INDEX stripe_entries_of_payout ON stripe_entries (payout_id) WHERE payout_id IS NOT NULL;
CREATE INDEX stripe_entries_not_paid_out ON stripe_entries (currency, intent_id, net_minor) WHERE paid_out = 0;

-- What the processor sent to the bank.
CREATE TABLE stripe_payouts (
    -- `po_...`
    payout_id     TEXT PRIMARY KEY,
    -- Its name in the journal.
    posting_id    TEXT NOT NULL UNIQUE,
    amount_minor  INTEGER NOT NULL,
    currency      TEXT NOT NULL,
    -- 1: of the schedule, so that it names the entries in it.
    automatic     INTEGER NOT NULL CHECK (automatic IN (0, 1)),
    state         TEXT NOT NULL CHECK (state IN ('on_its_way', 'paid', 'failed', 'unrecognised')),
    standing      TEXT NOT NULL CHECK (standing IN ('seen', 'booked', 'assigned', 'taken_back')),
    -- Of it ours, and what the kept entries in it come to, ours or not; both as they are booked now.
    ours_cents    INTEGER NOT NULL DEFAULT 0,
    entries_cents INTEGER NOT NULL DEFAULT 0,
    -- How many postings it has: the number in the name of the last one.
    postings      INTEGER NOT NULL DEFAULT 0,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    CHECK (standing IN ('booked', 'assigned') OR (ours_cents = 0 AND entries_cents = 0))
) STRICT, WITHOUT ROWID;
CREATE INDEX stripe_payouts_by_age ON stripe_payouts (created_at_ms, payout_id);
CREATE INDEX stripe_payouts_open ON stripe_payouts (payout_id) WHERE state = 'on_its_way';

-- How much gas is in the journal: what was spent beyond it is booked by the next comparison.
CREATE TABLE gas_booked (
    name     TEXT PRIMARY KEY,
    gwei     INTEGER NOT NULL,
    postings INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO gas_booked (name, gwei, postings) VALUES ('all', 0, 0);
