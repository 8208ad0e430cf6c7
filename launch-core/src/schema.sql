-- The embedded launch core's own file. Times are unix milliseconds, ids are UUIDs in text.

-- One row for every creation, for ever: it outlives its launch, so that a key never makes a second one.
CREATE TABLE IF NOT EXISTS creations (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    idempotency_key TEXT NOT NULL UNIQUE,
    agent TEXT NOT NULL,
    body_sha256 BLOB NOT NULL CHECK (length(body_sha256) = 32),
    launch_id TEXT NOT NULL UNIQUE,
    answer_status INTEGER NOT NULL,
    answer_body TEXT NOT NULL,
    created_unix_ms INTEGER NOT NULL,
    deleted_unix_ms INTEGER
) STRICT;

CREATE TABLE IF NOT EXISTS launches (
    id TEXT PRIMARY KEY,
    agent TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    content TEXT NOT NULL,
    scheduled_unix_ms INTEGER,
    created_unix_ms INTEGER NOT NULL,
    updated_unix_ms INTEGER NOT NULL,
    started_unix_ms INTEGER,
    completed_unix_ms INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS launches_of_agent ON launches (agent, created_unix_ms DESC, id DESC);
CREATE INDEX IF NOT EXISTS launches_due ON launches (scheduled_unix_ms) WHERE status = 'scheduled';

-- The local feed: what publishing made.
CREATE TABLE IF NOT EXISTS posts (
    id TEXT PRIMARY KEY,
    launch_id TEXT NOT NULL REFERENCES launches (id) ON DELETE CASCADE,
    platform TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('success', 'failed')),
    content TEXT NOT NULL,
    post_url TEXT,
    error_code TEXT,
    error_message TEXT,
    attempt_count INTEGER NOT NULL,
    posted_unix_ms INTEGER,
    created_unix_ms INTEGER NOT NULL,
    UNIQUE (launch_id, platform)
) STRICT;

-- Files that came inline.
CREATE TABLE IF NOT EXISTS media (
    id TEXT PRIMARY KEY,
    launch_id TEXT NOT NULL REFERENCES launches (id) ON DELETE CASCADE,
    mime_type TEXT NOT NULL,
    bytes BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS media_of_launch ON media (launch_id);

PRAGMA user_version = 1;
