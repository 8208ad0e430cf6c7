-- Entries of the card processor's balance, each noted once: what it kept of ours as a fee is booked with the note.
CREATE TABLE stripe_entries (
    -- `txn_...`
    entry_id      word PRIMARY KEY,
    -- The payment that it belongs to; NULL for what is nobody's of ours, which is kept where the account is ours alone.
    intent_id     word,
    kind          word NOT NULL,
    -- The charge, refund or dispute that it is about.
    source        word,
    amount_minor  BIGINT NOT NULL,
    fee_minor     BIGINT NOT NULL,
    net_minor     BIGINT NOT NULL CHECK (net_minor = amount_minor - fee_minor),
    -- In lower case.
    currency      word NOT NULL,
    -- The payout that listed it last; `paid_out` is 0 again once that one failed.
    payout_id     word,
    paid_out      BIGINT NOT NULL DEFAULT 0 CHECK (paid_out IN (0, 1)),
    created_at_ms BIGINT NOT NULL,
    noted_at_ms   BIGINT NOT NULL,
    CHECK (paid_out = 0 OR payout_id IS NOT NULL)
);
CREATE INDEX stripe_entries_of_source ON stripe_entries (source);
CREATE INDEX stripe_entries_of_intent ON stripe_entries (intent_id);
CREATE INDEX stripe_entries_of_payout ON stripe_entries (payout_id) WHERE payout_id IS NOT NULL;
CREATE INDEX stripe_entries_not_paid_out ON stripe_entries (currency, intent_id, net_minor) WHERE paid_out = 0;

-- What the processor sent to the bank.
CREATE TABLE stripe_payouts (
    -- `po_...`
    payout_id     word PRIMARY KEY,
    -- Its name in the journal.
    posting_id    word NOT NULL UNIQUE,
    amount_minor  BIGINT NOT NULL,
    currency      word NOT NULL,
    -- 1: of the schedule, so that it names the entries in it.
    automatic     BIGINT NOT NULL CHECK (automatic IN (0, 1)),
    state         word NOT NULL CHECK (state IN ('on_its_way', 'paid', 'failed', 'unrecognised')),
    standing      word NOT NULL CHECK (standing IN ('seen', 'booked', 'assigned', 'taken_back')),
    -- Of it ours, and what the kept entries in it come to, ours or not; both as they are booked now.
    ours_cents    BIGINT NOT NULL DEFAULT 0,
    entries_cents BIGINT NOT NULL DEFAULT 0,
    -- How many postings it has: the number in the name of the last one.
    postings      BIGINT NOT NULL DEFAULT 0,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    CHECK (standing IN ('booked', 'assigned') OR (ours_cents = 0 AND entries_cents = 0))
);
CREATE INDEX stripe_payouts_by_age ON stripe_payouts (created_at_ms, payout_id);
CREATE INDEX stripe_payouts_open ON stripe_payouts (payout_id) WHERE state = 'on_its_way';

-- How much gas is in the journal: what was spent beyond it is booked by the next comparison.
CREATE TABLE gas_booked (
    name     word PRIMARY KEY,
    gwei     BIGINT NOT NULL,
    postings BIGINT NOT NULL
);
INSERT INTO gas_booked (name, gwei, postings) VALUES ('all', 0, 0);
