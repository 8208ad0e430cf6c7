-- Creations whose outcome the upstream never gave have an end, and wait for it without a driver.

-- The fence under which the upstream is known to have done nothing, each time the intent was sent. Worth nothing once another driver than the
-- next had the lease: one that does not know the column sends again without saying so.
ALTER TABLE intents ADD COLUMN not_done_fence INTEGER;
-- Nothing can be done for it before: the recovery loop leaves it alone.
ALTER TABLE intents ADD COLUMN parked_until_ms INTEGER NOT NULL DEFAULT 0;
-- What ended it, where that was no answer of the upstream: not_done, operator, policy.
ALTER TABLE intents ADD COLUMN ended_by TEXT;

-- Whether the upstream takes us: one row, shared by all processes on the same books.
CREATE TABLE upstream_way (
    one            INTEGER PRIMARY KEY CHECK (one = 1),
    -- Grows with every change.
    number         INTEGER NOT NULL,
    -- NULL while it is open.
    closed_detail  TEXT,
    closed_at_ms   INTEGER,
    -- Nothing may be sent before; NULL for none. refused: because of us, not of its own load.
    pause_until_ms INTEGER,
    pause_refused  INTEGER NOT NULL CHECK (pause_refused IN (0, 1)),
    -- When the oldest payment that it did not do may be sent again to see whether it is open.
    probe_at_ms    INTEGER NOT NULL,
    CHECK ((closed_detail IS NULL) = (closed_at_ms IS NULL))
) STRICT;
INSERT INTO upstream_way (one, number, pause_refused, probe_at_ms) VALUES (1, 1, 0, 0);

-- The oldest payment that the upstream is known not to have done.
CREATE INDEX intents_not_done ON intents (created_at_ms) WHERE state = 'core_unknown' AND not_done_fence IS NOT NULL;
