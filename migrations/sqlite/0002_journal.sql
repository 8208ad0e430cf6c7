-- Double entry, enforced here: lines come first, the header last; the header's insert refuses a sum that is not zero and a posting without
-- lines; nothing is added after the header, and nothing is ever changed or deleted. A correction is a new posting.

CREATE TABLE journal_headers (
    txn_id       TEXT PRIMARY KEY,
    kind         TEXT NOT NULL,
    intent_id    TEXT NOT NULL,
    posted_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX journal_headers_of_intent ON journal_headers (intent_id);

CREATE TABLE journal_lines (
    txn_id   TEXT NOT NULL REFERENCES journal_headers (txn_id) DEFERRABLE INITIALLY DEFERRED,
    line_no  INTEGER NOT NULL,
    account  TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount   INTEGER NOT NULL,
    PRIMARY KEY (txn_id, line_no)
) STRICT, WITHOUT ROWID;
CREATE INDEX journal_lines_of_account ON journal_lines (account, currency);

CREATE TRIGGER journal_header_balances BEFORE INSERT ON journal_headers
BEGIN
    -- INSERT OR REPLACE deletes without asking the delete trigger.
    SELECT RAISE(ABORT, 'the posting is closed') WHERE EXISTS (SELECT 1 FROM journal_headers WHERE txn_id = NEW.txn_id);
    SELECT RAISE(ABORT, 'a posting needs lines')
    WHERE NOT EXISTS (SELECT 1 FROM journal_lines WHERE txn_id = NEW.txn_id);
    SELECT RAISE(ABORT, 'the lines of a posting must sum to zero')
    WHERE EXISTS (SELECT 1 FROM journal_lines WHERE txn_id = NEW.txn_id GROUP BY currency HAVING sum(amount) <> 0);
END;

CREATE TRIGGER journal_line_after_header BEFORE INSERT ON journal_lines
WHEN EXISTS (SELECT 1 FROM journal_headers WHERE txn_id = NEW.txn_id)
BEGIN SELECT RAISE(ABORT, 'the posting is closed'); END;

CREATE TRIGGER journal_line_no_update BEFORE UPDATE ON journal_lines
BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;
CREATE TRIGGER journal_line_no_delete BEFORE DELETE ON journal_lines
BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;
CREATE TRIGGER journal_header_no_update BEFORE UPDATE ON journal_headers
BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;
CREATE TRIGGER journal_header_no_delete BEFORE DELETE ON journal_headers
BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;
