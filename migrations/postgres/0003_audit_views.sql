-- What auditors, tests and operators' tools read. The names and columns are a contract; the tables behind them are not.

CREATE FUNCTION rfc3339(unix_ms BIGINT) RETURNS TEXT LANGUAGE sql IMMUTABLE STRICT
    RETURN to_char(to_timestamp(unix_ms / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

CREATE VIEW audit_intents AS
SELECT id, payer, rail, funding, state, price_minor, currency, core_key, launch_id,
       rfc3339(created_at_ms) AS created_at,
       rfc3339(updated_at_ms) AS updated_at
FROM intents;

CREATE VIEW audit_settlements AS
SELECT intent_id, rail, chain_id, asset, from_addr, nonce, tx_hash, log_index, stripe_pi, amount_minor, 1::BIGINT AS final
FROM settlements;

CREATE VIEW audit_attempts AS
SELECT intent_id, kind, signer, eoa_nonce, tx_hash, NULL::word AS stripe_key,
       rfc3339(saved_at_ms) AS sent_at
FROM attempts;

CREATE VIEW audit_credits AS SELECT payer, balance FROM credit_accounts;
CREATE VIEW audit_credit_entries AS SELECT payer, delta, kind, intent_id, ref FROM credit_entries;
CREATE VIEW audit_free_slots AS SELECT wallet, month, slot, intent_id FROM free_slots;
CREATE VIEW audit_journal AS SELECT txn_id, account, currency, amount FROM journal_lines;
CREATE VIEW audit_obligations AS SELECT intent_id, payer, amount_minor, currency, state FROM obligations;

CREATE VIEW audit_findings AS
SELECT kind, key,
       rfc3339(opened_at_ms) AS opened_at,
       rfc3339(closed_at_ms) AS closed_at
FROM findings;
