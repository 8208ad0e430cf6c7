-- What a card's charge becomes when the upstream refuses the call: a credit, or a debt in money where no single credit pays for a call of its
-- route. Rows of before have none of both words: theirs is a credit.
ALTER TABLE intents ADD COLUMN if_refused TEXT CHECK (if_refused IS NULL OR (if_refused IN ('credit', 'owed') AND funding = 'mpp_charge'));
