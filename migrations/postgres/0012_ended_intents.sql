-- What ended without a launch in a time: operators watch that none of it was paid and left without a debt.
CREATE INDEX intents_ended ON intents (updated_at_ms) WHERE state IN ('pay_failed', 'rejected', 'released', 'granted');
