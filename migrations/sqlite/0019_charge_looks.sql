-- How many looks at a settled charge were booked: one that another overtook books nothing.
CREATE TABLE charge_looks (
    intent_id TEXT PRIMARY KEY REFERENCES intents (id),
    looks     INTEGER NOT NULL CHECK (looks > 0)
) STRICT, WITHOUT ROWID;
