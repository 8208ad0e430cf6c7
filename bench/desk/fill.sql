-- Fills a fresh database of books for a measurement: `psql -v lines=10000000 -f bench/desk/fill.sql DATABASE`. Triggers and references are off
-- in this session only, as for a restore: postings balance by how they are made.
-- Of 20 payments 12 are settled on the chain and served, 4 by card, 1 is free, 1 failed, 1 was paid and refused, 1 buys a pack: 3.6 lines each.
-- Every payer has some 50 payments, but for one wallet that has a tenth of all, and one card that has a twentieth.
\set ON_ERROR_STOP on
SET session_replication_role = replica;
SET synchronous_commit = off;
SET maintenance_work_mem = '512MB';
SET work_mem = '128MB';

-- Keys are made once the rows are there.
CREATE TEMPORARY TABLE later AS SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
    AND tablename IN ('intents', 'settlements', 'journal_headers', 'journal_lines', 'intent_events', 'obligations', 'attempts', 'auths', 'challenges',
        'charges', 'free_slots', 'request_log', 'credit_entries')
    AND indexname NOT IN (SELECT conname FROM pg_constraint);
SELECT 'DROP INDEX ' || quote_ident(indexname) FROM later \gexec

CREATE TEMPORARY TABLE made AS
SELECT n, payments, at_ms, 'pay_' || lpad(to_hex(at_ms), 12, '0') || lpad(to_hex(n), 20, '0') AS id, payer, substr(payer, 8) AS wallet,
       CASE WHEN card THEN 'mpp' ELSE 'x402' END AS rail, funding, CASE WHEN card THEN 'USD' ELSE 'USDC' END AS currency,
       CASE WHEN funding = 'mpp_pack' THEN 1200 WHEN card THEN 60 ELSE 550000 END AS price,
       -- As many are open and unknown at every size.
       CASE WHEN kind = 0 AND n % (payments / 400 * 20) = 0 THEN 'submit_unknown'
            WHEN kind = 17 THEN 'pay_failed' WHEN kind = 18 THEN 'rejected' WHEN kind = 19 THEN 'granted' ELSE 'created' END AS state,
       '0x' || lpad(to_hex(n), 64, '0') AS word, decode(lpad(to_hex(n), 64, '0'), 'hex') AS bytes,
       funding IN ('x402', 'mpp_charge', 'mpp_pack') AND kind <> 17 AND NOT (kind = 0 AND n % (payments / 400 * 20) = 0) AS paid
FROM (SELECT n, n % 20 AS kind, n % 20 IN (12, 13, 14, 15, 19) AS card, payments,
          (extract(epoch FROM now()) * 1000)::bigint - 7776000000 + n * (7776000000 / payments) AS at_ms,
          CASE WHEN n % 20 IN (12, 13, 14, 15) THEN 'mpp_charge' WHEN n % 20 = 16 THEN 'free' WHEN n % 20 = 19 THEN 'mpp_pack' ELSE 'x402' END AS funding,
          CASE WHEN n % 20 = 12 THEN 'card:0' WHEN n % 20 IN (13, 14, 15, 19) THEN 'card:' || n * 7919 % (payments / 50) + 1
               WHEN n % 10 = 1 THEN 'wallet:0x' || repeat('f', 40)
               ELSE 'wallet:0x' || lpad(to_hex(n * 7919 % (payments / 50) + 1), 40, '0') END AS payer
      FROM (SELECT n::bigint, :lines::bigint * 10 / 36 AS payments FROM generate_series(1, :lines::bigint * 10 / 36) AS n) AS counted) AS numbered;

INSERT INTO intents (id, payer, rail, funding, pack_credits, price_minor, currency, fingerprint, core_key, client_idem_key, route, path_and_query,
    body, content_type, proof_version, state, version, fence, lease_until_ms, attended_until_ms, chain_id, asset, from_addr, nonce, pay_to,
    valid_before_unix_s, claimed_at_block, failure, answer_status, answer_headers, answer_body, launch_id, delivered_at_ms, granted_balance,
    created_at_ms, updated_at_ms)
SELECT id, payer, rail, funding, CASE WHEN funding = 'mpp_pack' THEN 20 END, price, currency, bytes, id,
    CASE WHEN n % 3 = 0 THEN 'order-' || n END, CASE funding WHEN 'mpp_pack' THEN 'POST /credits' ELSE 'POST /launches' END, '/launches',
    '\x7b7d', 'application/json', CASE rail WHEN 'mpp' THEN 0 ELSE 2 END, state, 4, 1, 0, 0,
    CASE rail WHEN 'x402' THEN 84532 END, CASE rail WHEN 'x402' THEN '0x0a' END, CASE rail WHEN 'x402' THEN wallet END,
    CASE rail WHEN 'x402' THEN word END, CASE rail WHEN 'x402' THEN '0x0b' END,
    CASE rail WHEN 'x402' THEN at_ms / 1000 + 300 END, CASE rail WHEN 'x402' THEN n END, CASE state WHEN 'pay_failed' THEN 'expired' END,
    CASE WHEN state IN ('created', 'rejected') THEN 201 END, CASE WHEN state IN ('created', 'rejected') THEN '[]' END,
    CASE WHEN state IN ('created', 'rejected') THEN '\x7b7d'::bytea END, CASE state WHEN 'created' THEN 'l' || n END, at_ms,
    CASE state WHEN 'granted' THEN 20 END, at_ms, at_ms + 2000
FROM made ORDER BY n;
INSERT INTO intent_events (intent_id, version, state, at_ms)
SELECT id, version, CASE version WHEN 1 THEN 'claimed' ELSE state END, at_ms + version * 500 FROM made CROSS JOIN generate_series(1, 2) AS version ORDER BY n;

INSERT INTO auths (chain_id, asset, from_addr, nonce, purpose, fingerprint, intent_id, claimed_at_ms)
SELECT 84532, '0x0a', wallet, word, CASE funding WHEN 'free' THEN 'free' ELSE 'pay' END, bytes, id, at_ms FROM made WHERE rail = 'x402' ORDER BY n;
INSERT INTO attempts (intent_id, kind, signer, eoa_nonce, tx_hash, max_fee_per_gas_wei, sealed_tx, nonce_closed, saved_at_ms, fee_wei)
SELECT id, 'transfer', '0x5', n, '0xb' || substr(word, 4), '1000000000', decode(repeat('ab', 200), 'hex'), CASE WHEN paid THEN 1 ELSE 0 END, at_ms, '1'
FROM made WHERE funding = 'x402' ORDER BY n;
INSERT INTO challenges (challenge_id, spt_sha256, purpose, fingerprint, intent_id, claimed_at_ms)
SELECT 'ch' || n, bytes, 'pay', bytes, id, at_ms FROM made WHERE rail = 'mpp' ORDER BY n;
INSERT INTO charges (intent_id, stripe_key, challenge_id, spt_sha256, sealed_params, agent_token_sha256, saved_at_ms)
SELECT id, 'key-' || n, 'ch' || n, bytes, decode(repeat('ab', 200), 'hex'), bytes, at_ms FROM made WHERE rail = 'mpp' ORDER BY n;
INSERT INTO free_slots (wallet, month, slot, day, intent_id)
SELECT wallet, month, slot, day, id FROM (
    SELECT wallet, month, row_number() OVER (PARTITION BY wallet, month ORDER BY n) AS slot, day, id
    FROM (SELECT n, wallet, id, to_char(to_timestamp(at_ms / 1000) AT TIME ZONE 'UTC', 'YYYY-MM') AS month,
              to_char(to_timestamp(at_ms / 1000) AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day FROM made WHERE funding = 'free') AS free) AS slots
WHERE slot <= 5;

INSERT INTO settlements (intent_id, rail, chain_id, asset, from_addr, nonce, tx_hash, log_index, block_number, block_hash, fee_wei, stripe_pi,
    stripe_charge, livemode, amount_minor, currency, settled_at_ms, final_at_ms)
SELECT id, rail, CASE rail WHEN 'x402' THEN 84532 END, CASE rail WHEN 'x402' THEN '0x0a' END, CASE rail WHEN 'x402' THEN wallet END,
    CASE rail WHEN 'x402' THEN word END, CASE rail WHEN 'x402' THEN '0xb' || substr(word, 4) END,
    CASE rail WHEN 'x402' THEN 0 END, CASE rail WHEN 'x402' THEN n END, CASE rail WHEN 'x402' THEN '0x0c' END, CASE rail WHEN 'x402' THEN '1' END,
    CASE rail WHEN 'mpp' THEN 'pi_' || n END, CASE rail WHEN 'mpp' THEN 'ch_' || n END, CASE rail WHEN 'mpp' THEN 0 END, price, currency,
    at_ms + 1000, at_ms + 9000
FROM made WHERE paid ORDER BY n;

INSERT INTO obligations (intent_id, payer, amount_minor, currency, state, entitled_until_ms, created_at_ms, updated_at_ms)
SELECT id, payer, price, currency, CASE WHEN n <= 2000 THEN 'refund_due' ELSE 'refunded' END, at_ms, at_ms, at_ms FROM made WHERE state = 'rejected';

INSERT INTO credit_entries (payer, delta, kind, intent_id, balance_after, at_ms)
SELECT payer, 20, 'grant', id, 20 * row_number() OVER (PARTITION BY payer ORDER BY n), at_ms FROM made WHERE state = 'granted' ORDER BY n;
INSERT INTO credit_accounts (payer, balance, backing_cents) SELECT payer, sum(delta), sum(delta) * 60 FROM credit_entries GROUP BY payer;

INSERT INTO request_log (request_id, at_ms, route, payer, status, code, payment_id, charge)
SELECT 'req-' || n, at_ms, 'POST /launches', payer, 201, NULL, id, 'settled' FROM made WHERE n > payments - payments * 7 / 90 ORDER BY n;
INSERT INTO challenge_days (day, route, challenges)
SELECT day, route, 1000 FROM generate_series(extract(epoch FROM now())::bigint / 86400 - 90, extract(epoch FROM now())::bigint / 86400) AS day,
    (VALUES ('POST /launches'), ('POST /credits')) AS routes (route);
INSERT INTO operator_actions (at_ms, action, subject, reason, via)
SELECT at_ms, 'refund_approved', id, 'asked by the payer', 'page' FROM made WHERE n % 1000 = 18 ORDER BY n;
INSERT INTO findings (kind, key, opened_at_ms, closed_at_ms, closed_reason, source, subject)
SELECT 'core_without_payment', id, at_ms, CASE WHEN n > 2000 THEN at_ms + 1 END, CASE WHEN n > 2000 THEN 'gone' END, 'core', id FROM made WHERE n % 200 = 0;
INSERT INTO reconcile_runs (run_id, scope, fence, started_at_ms, ended_at_ms)
SELECT 'run_' || lpad(to_hex(at_ms), 12, '0') || n, 'recent', n, at_ms, at_ms + 1000 FROM made WHERE n % 100 = 0;

CREATE TEMPORARY TABLE posted AS
SELECT n, id, at_ms, 1 AS step, 'settled' AS kind, price, currency,
    CASE rail WHEN 'mpp' THEN 'asset:stripe_clearing' ELSE 'asset:usdc_hot' END AS debit, 'liab:unearned:' || payer AS credit
FROM made WHERE paid
UNION ALL SELECT n, id, at_ms, 2, CASE state WHEN 'created' THEN 'earned' WHEN 'rejected' THEN 'owed' ELSE 'credits_issued' END,
    CASE state WHEN 'granted' THEN 20 ELSE price END, CASE state WHEN 'granted' THEN 'CREDIT' ELSE currency END,
    CASE state WHEN 'granted' THEN 'payer:' || payer ELSE 'liab:unearned:' || payer END,
    CASE state WHEN 'created' THEN 'rev:launch' WHEN 'rejected' THEN 'liab:refund_due:' || payer ELSE 'sys:issued' END
FROM made WHERE paid;

INSERT INTO journal_headers (txn_id, kind, intent_id, posted_at_ms) SELECT id || ':' || kind, kind, id, at_ms + step * 1000 FROM posted ORDER BY n, step;
INSERT INTO journal_lines (txn_id, line_no, account, currency, amount)
SELECT id || ':' || kind, line_no, CASE line_no WHEN 1 THEN debit ELSE credit END, currency, CASE line_no WHEN 1 THEN price ELSE -price END
FROM posted CROSS JOIN generate_series(1, 2) AS line_no ORDER BY n, step, line_no;

-- The worker's sums, but for what the last minute posted.
UPDATE fold_mark SET folded = (SELECT max(rowid) - 200 FROM journal_headers);
INSERT INTO posted_days
SELECT h.posted_at_ms / 86400000, CASE WHEN l.account LIKE 'liab:unearned:%' THEN 'liab:unearned' WHEN l.account LIKE 'liab:refund\_due:%'
    THEN 'liab:refund_due' WHEN l.account LIKE 'payer:%' THEN 'payer' ELSE l.account END, l.currency, h.kind, sum(l.amount), count(*)
FROM journal_headers h JOIN journal_lines l USING (txn_id) WHERE h.rowid <= (SELECT folded FROM fold_mark WHERE name = 'journal') GROUP BY 1, 2, 3, 4;
INSERT INTO posted_totals SELECT account, currency, kind, sum(amount), sum(postings) FROM posted_days GROUP BY 1, 2, 3;

INSERT INTO statement_lines
SELECT account, currency, place, amount, sum(amount) OVER (PARTITION BY account, currency ORDER BY place) FROM (
    SELECT l.account, l.currency, h.rowid AS place, sum(l.amount)::bigint AS amount FROM journal_headers h JOIN journal_lines l USING (txn_id)
    WHERE h.rowid <= (SELECT folded FROM fold_mark WHERE name = 'statements') AND l.account ~ '^(liab:unearned|liab:refund_due|payer):' GROUP BY 1, 2, 3) AS moved;
INSERT INTO posting_hours SELECT posted_at_ms / 3600000, min(rowid), max(rowid) FROM journal_headers
WHERE rowid <= (SELECT folded FROM fold_mark WHERE name = 'statements') GROUP BY 1;
INSERT INTO free_days SELECT day, count(*) FROM free_slots WHERE day < to_char((now() AT TIME ZONE 'UTC') - interval '3 days', 'YYYY-MM-DD') GROUP BY day;

SELECT indexdef FROM later \gexec
VACUUM ANALYZE;
SELECT count(*) AS lines FROM journal_lines;
