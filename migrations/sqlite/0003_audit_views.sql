-- What auditors, tests and operators' tools read. The names and columns are a contract; the tables behind them are not.

CREATE VIEW audit_intents AS
SELECT id, payer, rail, funding, state, price_minor, currency, core_key, launch_id,
       strftime('%Y-%m-%dT%H:%M:%S', created_at_ms / 1000, 'unixepoch') || printf('.%03dZ', created_at_ms % 1000) AS created_at,
       strftime('%Y-%m-%dT%H:%M:%S', updated_at_ms / 1000, 'unixepoch') || printf('.%03dZ', updated_at_ms % 1000) AS updated_at
FROM intents;

CREATE VIEW audit_settlements AS
SELECT intent_id, rail, chain_id, asset, from_addr, nonce, tx_hash, log_index, stripe_pi, amount_minor, 1 AS final
FROM settlements;

CREATE VIEW audit_attempts AS
SELECT intent_id, kind, signer, eoa_nonce, tx_hash, NULL AS stripe_key,
       strftime('%Y-%m-%dT%H:%M:%S', saved_at_ms / 1000, 'unixepoch') || printf('.%03dZ', saved_at_ms % 1000) AS sent_at
FROM attempts;

CREATE VIEW audit_credits AS SELECT payer, balance FROM credit_accounts;
CREATE VIEW audit_credit_entries AS SELECT payer, delta, kind, intent_id, ref FROM credit_entries;
CREATE VIEW audit_free_slots AS SELECT wallet, month, slot, intent_id FROM free_slots;
CREATE VIEW audit_journal AS SELECT txn_id, account, currency, amount FROM journal_lines;
CREATE VIEW audit_obligations AS SELECT intent_id, payer, amount_minor, currency, state FROM obligations;

CREATE VIEW audit_findings AS
SELECT kind, key,
       strftime('%Y-%m-%dT%H:%M:%S', opened_at_ms / 1000, 'unixepoch') || printf('.%03dZ', opened_at_ms % 1000) AS opened_at,
       strftime('%Y-%m-%dT%H:%M:%S', closed_at_ms / 1000, 'unixepoch') || printf('.%03dZ', closed_at_ms % 1000) AS closed_at
FROM findings;
