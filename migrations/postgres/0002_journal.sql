-- Double entry, enforced here: lines come first, the header last; the header's insert refuses a sum that is not zero and a posting without
-- lines; nothing is added after the header, and nothing is ever changed or deleted. A correction is a new posting.

CREATE TABLE journal_headers (
    -- The order of postings, under the name that SQLite gives it by itself.
    rowid        BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE,
    txn_id       word PRIMARY KEY,
    kind         word NOT NULL,
    intent_id    word NOT NULL,
    posted_at_ms BIGINT NOT NULL
);
CREATE INDEX journal_headers_of_intent ON journal_headers (intent_id);

CREATE TABLE journal_lines (
    txn_id   word NOT NULL REFERENCES journal_headers (txn_id) DEFERRABLE INITIALLY DEFERRED,
    line_no  BIGINT NOT NULL,
    account  word NOT NULL,
    currency word NOT NULL,
    amount   BIGINT NOT NULL,
    PRIMARY KEY (txn_id, line_no)
);
CREATE INDEX journal_lines_of_account ON journal_lines (account, currency);

CREATE FUNCTION journal_header_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM journal_lines WHERE txn_id = NEW.txn_id) THEN
        RAISE EXCEPTION 'a posting needs lines';
    END IF;
    IF EXISTS (SELECT 1 FROM journal_lines WHERE txn_id = NEW.txn_id GROUP BY currency HAVING sum(amount) <> 0) THEN
        RAISE EXCEPTION 'the lines of a posting must sum to zero';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER journal_header_balances AFTER INSERT ON journal_headers FOR EACH ROW EXECUTE FUNCTION journal_header_balances();

CREATE FUNCTION journal_line_after_header() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM journal_headers WHERE txn_id = NEW.txn_id) THEN
        RAISE EXCEPTION 'the posting is closed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER journal_line_after_header BEFORE INSERT ON journal_lines FOR EACH ROW EXECUTE FUNCTION journal_line_after_header();

-- The same across transactions that do not see each other yet: at the commit of a line its header is one of this transaction.
CREATE FUNCTION journal_line_with_header() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM journal_headers WHERE txn_id = NEW.txn_id AND xmin = pg_current_xact_id()::xid) THEN
        RAISE EXCEPTION 'the posting is closed, or has no header';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER journal_line_with_header AFTER INSERT ON journal_lines DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION journal_line_with_header();

CREATE FUNCTION journal_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal only grows';
END $$;
CREATE TRIGGER journal_line_no_change BEFORE UPDATE OR DELETE ON journal_lines FOR EACH ROW EXECUTE FUNCTION journal_only_grows();
CREATE TRIGGER journal_header_no_change BEFORE UPDATE OR DELETE ON journal_headers FOR EACH ROW EXECUTE FUNCTION journal_only_grows();
CREATE TRIGGER journal_lines_no_truncate BEFORE TRUNCATE ON journal_lines FOR EACH STATEMENT EXECUTE FUNCTION journal_only_grows();
CREATE TRIGGER journal_headers_no_truncate BEFORE TRUNCATE ON journal_headers FOR EACH STATEMENT EXECUTE FUNCTION journal_only_grows();
