-- Cards: challenges and tokens that happen once, charges, agent tokens, refunds, credits, and what the card processor tells us.

-- One challenge, one payment token, one purpose, for ever. The token is kept as its hash only.
CREATE TABLE challenges (
    challenge_id  TEXT PRIMARY KEY,
    spt_sha256    BLOB NOT NULL UNIQUE CHECK (length(spt_sha256) = 32),
    purpose       TEXT NOT NULL CHECK (purpose IN ('pay', 'credit', 'identity')),
    fingerprint   BLOB NOT NULL CHECK (length(fingerprint) = 32),
    intent_id     TEXT NOT NULL REFERENCES intents (id) DEFERRABLE INITIALLY DEFERRED,
    claimed_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX challenges_of_intent ON challenges (intent_id);

-- What is sent to the card processor, saved before. The parameters are sealed, and wiped when the intent is terminal.
CREATE TABLE charges (
    intent_id          TEXT PRIMARY KEY REFERENCES intents (id),
    stripe_key         TEXT NOT NULL UNIQUE,
    challenge_id       TEXT NOT NULL UNIQUE REFERENCES challenges (challenge_id) DEFERRABLE INITIALLY DEFERRED,
    spt_sha256         BLOB NOT NULL UNIQUE,
    sealed_params      BLOB NOT NULL,
    agent_token_sha256 BLOB NOT NULL CHECK (length(agent_token_sha256) = 32),
    saved_at_ms        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE settlements ADD COLUMN stripe_charge TEXT;
ALTER TABLE settlements ADD COLUMN livemode INTEGER CHECK (livemode IN (0, 1));

CREATE TABLE agent_tokens (
    token_sha256  BLOB PRIMARY KEY CHECK (length(token_sha256) = 32),
    payer         TEXT NOT NULL,
    intent_id     TEXT NOT NULL UNIQUE REFERENCES intents (id),
    created_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Money on its way back to a card, saved before it is asked for.
CREATE TABLE refunds (
    intent_id      TEXT PRIMARY KEY REFERENCES obligations (intent_id),
    payment_intent TEXT NOT NULL,
    amount_minor   INTEGER NOT NULL CHECK (amount_minor > 0),
    currency       TEXT NOT NULL,
    stripe_key     TEXT NOT NULL UNIQUE,
    state          TEXT NOT NULL CHECK (state IN ('refund_sent', 'refund_unknown', 'refunded', 'refund_failed')),
    reason         TEXT NOT NULL,
    approved_at_ms INTEGER NOT NULL,
    updated_at_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX refunds_open ON refunds (approved_at_ms) WHERE state IN ('refund_sent', 'refund_unknown');

-- Refunds of a charge that were not asked for by us, in all.
CREATE TABLE foreign_refunds (
    intent_id      TEXT PRIMARY KEY REFERENCES intents (id),
    refunded_cents INTEGER NOT NULL CHECK (refunded_cents > 0),
    -- Credits that were taken back for them, from the balance or as a debt.
    credits        INTEGER NOT NULL CHECK (credits >= 0),
    updated_at_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Disputes of a charge: each is opened once and closed once.
CREATE TABLE dispute_facts (
    dispute_id      TEXT PRIMARY KEY,
    intent_id       TEXT NOT NULL REFERENCES intents (id),
    amount_cents    INTEGER NOT NULL CHECK (amount_cents >= 0),
    state           TEXT NOT NULL CHECK (state IN ('open', 'won', 'lost')),
    -- Taken from the balance, and what was spent already and became a debt.
    credits_clawed  INTEGER NOT NULL CHECK (credits_clawed >= 0),
    credits_owed    INTEGER NOT NULL CHECK (credits_owed >= 0),
    -- The money that stood behind the credits taken from the balance.
    backing_cents   INTEGER NOT NULL CHECK (backing_cents >= 0),
    opened_at_ms    INTEGER NOT NULL,
    closed_at_ms    INTEGER,
    CHECK ((state = 'open') = (closed_at_ms IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX dispute_facts_of_intent ON dispute_facts (intent_id);

-- Events of the card processor, each carried out once.
CREATE TABLE webhook_inbox (
    event_id      TEXT PRIMARY KEY,
    kind          TEXT NOT NULL,
    arrived_at_ms INTEGER NOT NULL,
    done_at_ms    INTEGER
) STRICT, WITHOUT ROWID;

ALTER TABLE credit_accounts ADD COLUMN debt INTEGER NOT NULL DEFAULT 0 CHECK (debt >= 0);
ALTER TABLE credit_accounts ADD COLUMN backing_cents INTEGER NOT NULL DEFAULT 0 CHECK (backing_cents >= 0);

DROP VIEW audit_credit_entries;
CREATE TABLE credit_entries_new (
    seq           INTEGER PRIMARY KEY,
    payer         TEXT NOT NULL REFERENCES credit_accounts (payer),
    delta         INTEGER NOT NULL CHECK (delta <> 0),
    kind          TEXT NOT NULL CHECK (kind IN ('grant', 'deduct', 'refund', 'compensation', 'claw_back', 'restore', 'manual_grant', 'void')),
    intent_id     TEXT,
    ref           TEXT,
    -- The balance once this entry counts: the sum of the payer's entries up to it.
    balance_after INTEGER NOT NULL CHECK (balance_after >= 0),
    at_ms         INTEGER NOT NULL
) STRICT;
INSERT INTO credit_entries_new (seq, payer, delta, kind, intent_id, ref, balance_after, at_ms)
SELECT seq, payer, delta, kind, intent_id, ref, sum(delta) OVER (PARTITION BY payer ORDER BY seq), 0 FROM credit_entries;
DROP TABLE credit_entries;
ALTER TABLE credit_entries_new RENAME TO credit_entries;
-- Each fact changes a balance once.
CREATE UNIQUE INDEX credit_entries_once ON credit_entries (intent_id, kind, coalesce(ref, ''));
CREATE INDEX credit_entries_of_payer ON credit_entries (payer, seq);

-- A balance is the sum of its entries. An entry names the balance that it makes, the account follows, and nothing else changes either.
CREATE TRIGGER credit_entry_adds_up BEFORE INSERT ON credit_entries
BEGIN
    -- INSERT OR REPLACE deletes without asking the delete trigger.
    SELECT RAISE(ABORT, 'the entry is there already') WHERE EXISTS (SELECT 1 FROM credit_entries WHERE seq = NEW.seq)
        OR EXISTS (SELECT 1 FROM credit_entries
                   WHERE intent_id = NEW.intent_id AND kind = NEW.kind AND coalesce(ref, '') = coalesce(NEW.ref, ''));
    SELECT RAISE(ABORT, 'the entry does not add up')
    WHERE NEW.balance_after <> coalesce((SELECT balance FROM credit_accounts WHERE payer = NEW.payer), 0) + NEW.delta;
END;
CREATE TRIGGER credit_entry_counts AFTER INSERT ON credit_entries
BEGIN UPDATE credit_accounts SET balance = NEW.balance_after WHERE payer = NEW.payer; END;
CREATE TRIGGER credit_entry_no_update BEFORE UPDATE ON credit_entries
BEGIN SELECT RAISE(ABORT, 'entries of credits are never changed'); END;
CREATE TRIGGER credit_entry_no_delete BEFORE DELETE ON credit_entries
BEGIN SELECT RAISE(ABORT, 'entries of credits are never changed'); END;
CREATE TRIGGER credit_account_starts_empty BEFORE INSERT ON credit_accounts
WHEN NEW.balance <> 0 OR EXISTS (SELECT 1 FROM credit_accounts WHERE payer = NEW.payer)
BEGIN SELECT RAISE(ABORT, 'a balance comes from entries'); END;
CREATE TRIGGER credit_account_follows_entries BEFORE UPDATE OF payer, balance ON credit_accounts
WHEN NEW.payer <> OLD.payer
    OR NEW.balance <> coalesce((SELECT balance_after FROM credit_entries WHERE payer = NEW.payer ORDER BY seq DESC LIMIT 1), 0)
BEGIN SELECT RAISE(ABORT, 'a balance comes from entries'); END;
CREATE TRIGGER credit_account_stays BEFORE DELETE ON credit_accounts
BEGIN SELECT RAISE(ABORT, 'an account stays'); END;

CREATE VIEW audit_credit_entries AS SELECT payer, delta, kind, intent_id, ref FROM credit_entries;

DROP VIEW audit_attempts;
CREATE VIEW audit_attempts AS
SELECT intent_id, kind, signer, eoa_nonce, tx_hash, stripe_key,
       strftime('%Y-%m-%dT%H:%M:%S', at_ms / 1000, 'unixepoch') || printf('.%03dZ', at_ms % 1000) AS sent_at
FROM (
    SELECT intent_id, kind, signer, eoa_nonce, tx_hash, NULL AS stripe_key, saved_at_ms AS at_ms FROM attempts
    UNION ALL SELECT intent_id, 'charge', NULL, NULL, NULL, stripe_key, saved_at_ms FROM charges
    UNION ALL SELECT intent_id, 'refund', NULL, NULL, NULL, stripe_key, approved_at_ms FROM refunds
);

CREATE TABLE lost_references (broken INTEGER NOT NULL CHECK (broken = 0)) STRICT;
INSERT INTO lost_references SELECT count(*) FROM pragma_foreign_key_check;
DROP TABLE lost_references;
