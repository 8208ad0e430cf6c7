-- Free calls by quota: its name stands beside the window, which `month` names: a month, or a day where the quota has one a day. Slots of before
-- are those of the quota `launches`, which never gives more than five.
CREATE TABLE quota_slots (
    wallet    TEXT NOT NULL,
    month     TEXT NOT NULL,
    slot      INTEGER NOT NULL,
    day       TEXT NOT NULL,
    intent_id TEXT NOT NULL UNIQUE REFERENCES intents (id) DEFERRABLE INITIALLY DEFERRED,
    quota     TEXT NOT NULL DEFAULT 'launches',
    CHECK (slot BETWEEN 1 AND CASE quota WHEN 'launches' THEN 5 ELSE 1000 END),
    PRIMARY KEY (wallet, quota, month, slot)
) STRICT, WITHOUT ROWID;
INSERT INTO quota_slots (wallet, month, slot, day, intent_id) SELECT wallet, month, slot, day, intent_id FROM free_slots;
DROP VIEW audit_free_slots;
DROP TABLE free_slots;
ALTER TABLE quota_slots RENAME TO free_slots;
CREATE INDEX free_slots_of_day ON free_slots (day);
CREATE VIEW audit_free_slots AS SELECT wallet, month, slot, intent_id FROM free_slots;
