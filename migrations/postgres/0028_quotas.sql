-- Free calls by quota: its name stands beside the window, which `month` names: a month, or a day where the quota has one a day. Slots of before
-- are those of the quota `launches`, which never gives more than five.
ALTER TABLE free_slots ADD COLUMN quota word NOT NULL DEFAULT 'launches';
ALTER TABLE free_slots DROP CONSTRAINT free_slots_slot_check;
ALTER TABLE free_slots ADD CONSTRAINT free_slots_slot_check CHECK (slot BETWEEN 1 AND CASE quota WHEN 'launches' THEN 5 ELSE 1000 END);
ALTER TABLE free_slots DROP CONSTRAINT free_slots_pkey;
ALTER TABLE free_slots ADD CONSTRAINT free_slots_pkey PRIMARY KEY (wallet, quota, month, slot);
