-- How many looks at a settled charge were booked: one that another overtook books nothing.
CREATE TABLE charge_looks (
    intent_id word PRIMARY KEY REFERENCES intents (id),
    looks     BIGINT NOT NULL CHECK (looks > 0)
);
