-- Cards: challenges and tokens that happen once, charges, agent tokens, refunds, credits, and what the card processor tells us.

-- One challenge, one payment token, one purpose, for ever. The token is kept as its hash only.
CREATE TABLE challenges (
    challenge_id  word PRIMARY KEY,
    spt_sha256    BYTEA NOT NULL UNIQUE CHECK (length(spt_sha256) = 32),
    purpose       word NOT NULL CHECK (purpose IN ('pay', 'credit', 'identity')),
    fingerprint   BYTEA NOT NULL CHECK (length(fingerprint) = 32),
    intent_id     word NOT NULL REFERENCES intents (id) DEFERRABLE INITIALLY DEFERRED,
    claimed_at_ms BIGINT NOT NULL
);
CREATE INDEX challenges_of_intent ON challenges (intent_id);

-- What is sent to the card processor, saved before. The parameters are sealed, and wiped when the intent is terminal.
CREATE TABLE charges (
    intent_id          word PRIMARY KEY REFERENCES intents (id),
    stripe_key         word NOT NULL UNIQUE,
    challenge_id       word NOT NULL UNIQUE REFERENCES challenges (challenge_id) DEFERRABLE INITIALLY DEFERRED,
    spt_sha256         BYTEA NOT NULL UNIQUE,
    sealed_params      BYTEA NOT NULL,
    agent_token_sha256 BYTEA NOT NULL CHECK (length(agent_token_sha256) = 32),
    saved_at_ms        BIGINT NOT NULL
);

ALTER TABLE settlements ADD COLUMN stripe_charge word;
ALTER TABLE settlements ADD COLUMN livemode BIGINT CHECK (livemode IN (0, 1));

CREATE TABLE agent_tokens (
    token_sha256  BYTEA PRIMARY KEY CHECK (length(token_sha256) = 32),
    payer         word NOT NULL,
    intent_id     word NOT NULL UNIQUE REFERENCES intents (id),
    created_at_ms BIGINT NOT NULL
);

-- Money on its way back to a card, saved before it is asked for.
CREATE TABLE refunds (
    intent_id      word PRIMARY KEY REFERENCES obligations (intent_id),
    payment_intent word NOT NULL,
    amount_minor   BIGINT NOT NULL CHECK (amount_minor > 0),
    currency       word NOT NULL,
    stripe_key     word NOT NULL UNIQUE,
    state          word NOT NULL CHECK (state IN ('refund_sent', 'refund_unknown', 'refunded', 'refund_failed')),
    reason         word NOT NULL,
    approved_at_ms BIGINT NOT NULL,
    updated_at_ms  BIGINT NOT NULL
);
CREATE INDEX refunds_open ON refunds (approved_at_ms) WHERE state IN ('refund_sent', 'refund_unknown');

-- Refunds of a charge that were not asked for by us, in all.
CREATE TABLE foreign_refunds (
    intent_id      word PRIMARY KEY REFERENCES intents (id),
    refunded_cents BIGINT NOT NULL CHECK (refunded_cents > 0),
    -- Credits that were taken back for them, from the balance or as a debt.
    credits        BIGINT NOT NULL CHECK (credits >= 0),
    updated_at_ms  BIGINT NOT NULL
);

-- Disputes of a charge: each is opened once and closed once.
CREATE TABLE dispute_facts (
    dispute_id      word PRIMARY KEY,
    intent_id       word NOT NULL REFERENCES intents (id),
    amount_cents    BIGINT NOT NULL CHECK (amount_cents >= 0),
    state           word NOT NULL CHECK (state IN ('open', 'won', 'lost')),
    -- Taken from the balance, and what was spent already and became a debt.
    credits_clawed  BIGINT NOT NULL CHECK (credits_clawed >= 0),
    credits_owed    BIGINT NOT NULL CHECK (credits_owed >= 0),
    -- The money that stood behind the credits taken from the balance.
    backing_cents   BIGINT NOT NULL CHECK (backing_cents >= 0),
    opened_at_ms    BIGINT NOT NULL,
    closed_at_ms    BIGINT,
    CHECK ((state = 'open') = (closed_at_ms IS NULL))
);
CREATE INDEX dispute_facts_of_intent ON dispute_facts (intent_id);

-- Events of the card processor, each carried out once.
CREATE TABLE webhook_inbox (
    event_id      word PRIMARY KEY,
    kind          word NOT NULL,
    arrived_at_ms BIGINT NOT NULL,
    done_at_ms    BIGINT
);

ALTER TABLE credit_accounts ADD COLUMN debt BIGINT NOT NULL DEFAULT 0 CHECK (debt >= 0);
ALTER TABLE credit_accounts ADD COLUMN backing_cents BIGINT NOT NULL DEFAULT 0 CHECK (backing_cents >= 0);

DROP VIEW audit_credit_entries;
ALTER TABLE credit_entries
    DROP CONSTRAINT credit_entries_intent_id_kind_key,
    ADD CHECK (delta <> 0),
    ADD CHECK (kind IN ('grant', 'deduct', 'refund', 'compensation', 'claw_back', 'restore', 'manual_grant', 'void')),
    -- The balance once this entry counts: the sum of the payer's entries up to it.
    ADD COLUMN balance_after BIGINT NOT NULL CHECK (balance_after >= 0),
    ADD COLUMN at_ms BIGINT NOT NULL;
-- Each fact changes a balance once.
CREATE UNIQUE INDEX credit_entries_once ON credit_entries (intent_id, kind, coalesce(ref, ''));
CREATE INDEX credit_entries_of_payer ON credit_entries (payer, seq);

-- A balance is the sum of its entries. An entry names the balance that it makes, the account follows, and nothing else changes either.
CREATE FUNCTION credit_entry_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before BIGINT;
BEGIN
    -- The account's row is held until the entry is committed: entries of one account come one after the other.
    SELECT balance INTO before FROM credit_accounts WHERE payer = NEW.payer FOR UPDATE;
    IF NEW.balance_after IS DISTINCT FROM coalesce(before, 0) + NEW.delta THEN
        RAISE EXCEPTION 'the entry does not add up';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER credit_entry_adds_up BEFORE INSERT ON credit_entries FOR EACH ROW EXECUTE FUNCTION credit_entry_adds_up();

CREATE FUNCTION credit_entry_counts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE credit_accounts SET balance = NEW.balance_after WHERE payer = NEW.payer;
    RETURN NULL;
END $$;
CREATE TRIGGER credit_entry_counts AFTER INSERT ON credit_entries FOR EACH ROW EXECUTE FUNCTION credit_entry_counts();

CREATE FUNCTION credit_entries_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'entries of credits are never changed';
END $$;
CREATE TRIGGER credit_entry_no_change BEFORE UPDATE OR DELETE ON credit_entries FOR EACH ROW EXECUTE FUNCTION credit_entries_stay();
CREATE TRIGGER credit_entries_no_truncate BEFORE TRUNCATE ON credit_entries FOR EACH STATEMENT EXECUTE FUNCTION credit_entries_stay();

CREATE FUNCTION credit_account_starts_empty() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.balance <> 0 THEN
        RAISE EXCEPTION 'a balance comes from entries';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER credit_account_starts_empty BEFORE INSERT ON credit_accounts FOR EACH ROW EXECUTE FUNCTION credit_account_starts_empty();

CREATE FUNCTION credit_account_follows_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.payer <> OLD.payer
        OR NEW.balance <> coalesce((SELECT balance_after FROM credit_entries WHERE payer = NEW.payer ORDER BY seq DESC LIMIT 1), 0)
    THEN
        RAISE EXCEPTION 'a balance comes from entries';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER credit_account_follows_entries BEFORE UPDATE OF payer, balance ON credit_accounts
    FOR EACH ROW EXECUTE FUNCTION credit_account_follows_entries();

CREATE FUNCTION credit_account_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an account stays';
END $$;
CREATE TRIGGER credit_account_stays BEFORE DELETE ON credit_accounts FOR EACH ROW EXECUTE FUNCTION credit_account_stays();

CREATE VIEW audit_credit_entries AS SELECT payer, delta, kind, intent_id, ref FROM credit_entries;

DROP VIEW audit_attempts;
CREATE VIEW audit_attempts AS
SELECT intent_id, kind, signer, eoa_nonce, tx_hash, stripe_key,
       rfc3339(at_ms) AS sent_at
FROM (
    SELECT intent_id, kind, signer, eoa_nonce, tx_hash, NULL::word AS stripe_key, saved_at_ms AS at_ms FROM attempts
    UNION ALL SELECT intent_id, 'charge', NULL, NULL, NULL, stripe_key, saved_at_ms FROM charges
    UNION ALL SELECT intent_id, 'refund', NULL, NULL, NULL, stripe_key, approved_at_ms FROM refunds
) AS sent;
