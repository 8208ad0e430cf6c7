-- Fills a fresh database of books for a measurement: `psql -v lines=10000000 -f bench/desk.sql DATABASE`. Triggers and references are off
-- in this session only, as for a restore: the rows are balanced by how they are made, and `turnpike ledger verify` may look at them.
-- Of 20 payments 12 are settled on the chain and served, 4 by card, 1 is free, 1 failed, 1 was paid and refused, 1 buys a pack: 3.6 lines each.
\set ON_ERROR_STOP on
SET session_replication_role = replica;
SET synchronous_commit = off;
SET maintenance_work_mem = '512MB';
SET work_mem = '128MB';

-- Keys are made once the rows are there.
CREATE TEMPORARY TABLE later AS SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
    AND tablename IN ('intents', 'settlements', 'journal_headers', 'journal_lines', 'intent_events', 'obligations')
    AND indexname NOT IN (SELECT conname FROM pg_constraint);
SELECT 'DROP INDEX ' || quote_ident(indexname) FROM later \gexec

CREATE TEMPORARY TABLE made AS
SELECT n, n % 20 AS kind, :lines * 10 / 36 AS payments, at_ms,
       'pay_' || lpad(to_hex(at_ms), 12, '0') || lpad(to_hex(n), 20, '0') AS id,
       CASE WHEN n % 20 IN (12, 13, 14, 15, 19) THEN 'card:' || n / 50 ELSE 'wallet:0x' || lpad(to_hex(n / 50), 40, '0') END AS payer,
       CASE WHEN n % 20 IN (12, 13, 14, 15, 19) THEN 'mpp' ELSE 'x402' END AS rail,
       CASE n % 20 WHEN 12 THEN 'mpp_charge' WHEN 13 THEN 'mpp_charge' WHEN 14 THEN 'mpp_charge' WHEN 15 THEN 'mpp_charge'
            WHEN 16 THEN 'free' WHEN 19 THEN 'mpp_pack' ELSE 'x402' END AS funding,
       -- As many are open and unknown at every size.
       CASE WHEN n % 20 = 0 AND n % (:lines * 10 / 36 / 400 * 20) = 0 THEN 'submit_unknown'
            WHEN n % 20 = 17 THEN 'pay_failed' WHEN n % 20 = 18 THEN 'rejected' WHEN n % 20 = 19 THEN 'granted' ELSE 'created' END AS state,
       CASE WHEN n % 20 = 19 THEN 1200 WHEN n % 20 IN (12, 13, 14, 15) THEN 60 ELSE 550000 END AS price,
       CASE WHEN n % 20 IN (12, 13, 14, 15, 19) THEN 'USD' ELSE 'USDC' END AS currency
FROM (SELECT n, (extract(epoch FROM now()) * 1000)::bigint - 7776000000 + n * (7776000000 / (:lines * 10 / 36)) AS at_ms
      FROM generate_series(1, :lines * 10 / 36) AS n) AS numbered;

INSERT INTO intents (id, payer, rail, funding, pack_credits, price_minor, currency, fingerprint, core_key, client_idem_key, route, path_and_query,
    body, content_type, proof_version, state, version, fence, lease_until_ms, attended_until_ms, chain_id, asset, from_addr, nonce, pay_to,
    valid_before_unix_s, claimed_at_block, failure, answer_status, answer_headers, answer_body, launch_id, delivered_at_ms, granted_balance,
    created_at_ms, updated_at_ms)
SELECT id, payer, rail, funding, CASE WHEN funding = 'mpp_pack' THEN 20 END, price, currency, decode(lpad(to_hex(n), 64, '0'), 'hex'), id,
    CASE WHEN n % 3 = 0 THEN 'order-' || n END, CASE funding WHEN 'mpp_pack' THEN 'POST /credits' ELSE 'POST /launches' END, '/launches',
    '\x7b7d', 'application/json', CASE rail WHEN 'mpp' THEN 0 ELSE 2 END, state, 4, 1, 0, 0,
    CASE rail WHEN 'x402' THEN 84532 END, CASE rail WHEN 'x402' THEN '0x0a' END, CASE rail WHEN 'x402' THEN substr(payer, 8) END,
    CASE rail WHEN 'x402' THEN '0x' || lpad(to_hex(n), 64, '0') END, CASE rail WHEN 'x402' THEN '0x0b' END,
    CASE rail WHEN 'x402' THEN at_ms / 1000 + 300 END, CASE rail WHEN 'x402' THEN n END, CASE state WHEN 'pay_failed' THEN 'expired' END,
    CASE WHEN state IN ('created', 'rejected') THEN 201 END, CASE WHEN state IN ('created', 'rejected') THEN '[]' END,
    CASE WHEN state IN ('created', 'rejected') THEN '\x7b7d'::bytea END, CASE state WHEN 'created' THEN 'l' || n END, at_ms,
    CASE state WHEN 'granted' THEN 20 END, at_ms, at_ms + 2000
FROM made ORDER BY n;

INSERT INTO settlements (intent_id, rail, chain_id, asset, from_addr, nonce, tx_hash, log_index, block_number, block_hash, fee_wei, stripe_pi,
    stripe_charge, livemode, amount_minor, currency, settled_at_ms, final_at_ms)
SELECT id, rail, CASE rail WHEN 'x402' THEN 84532 END, CASE rail WHEN 'x402' THEN '0x0a' END, CASE rail WHEN 'x402' THEN substr(payer, 8) END,
    CASE rail WHEN 'x402' THEN '0x' || lpad(to_hex(n), 64, '0') END, CASE rail WHEN 'x402' THEN '0xb' || lpad(to_hex(n), 63, '0') END,
    CASE rail WHEN 'x402' THEN 0 END, CASE rail WHEN 'x402' THEN n END, CASE rail WHEN 'x402' THEN '0x0c' END, CASE rail WHEN 'x402' THEN '1' END,
    CASE rail WHEN 'mpp' THEN 'pi_' || n END, CASE rail WHEN 'mpp' THEN 'ch_' || n END, CASE rail WHEN 'mpp' THEN 0 END, price, currency,
    at_ms + 1000, at_ms + 9000
FROM made WHERE funding IN ('x402', 'mpp_charge', 'mpp_pack') AND state IN ('created', 'rejected', 'granted') ORDER BY n;

INSERT INTO obligations (intent_id, payer, amount_minor, currency, state, entitled_until_ms, created_at_ms, updated_at_ms)
SELECT id, payer, price, currency, CASE WHEN n <= 2000 THEN 'refund_due' ELSE 'refunded' END, at_ms, at_ms, at_ms FROM made WHERE state = 'rejected';

CREATE TEMPORARY TABLE posted AS
SELECT n, id, at_ms, 1 AS step, 'settled' AS kind, price, currency,
    CASE rail WHEN 'mpp' THEN 'asset:stripe_clearing' ELSE 'asset:usdc_hot' END AS debit, 'liab:unearned:' || payer AS credit
FROM made WHERE funding IN ('x402', 'mpp_charge', 'mpp_pack') AND state IN ('created', 'rejected', 'granted')
UNION ALL SELECT n, id, at_ms, 2, CASE state WHEN 'created' THEN 'earned' WHEN 'rejected' THEN 'owed' ELSE 'credits_issued' END,
    CASE state WHEN 'granted' THEN 20 ELSE price END, CASE state WHEN 'granted' THEN 'CREDIT' ELSE currency END,
    CASE state WHEN 'granted' THEN 'payer:' || payer ELSE 'liab:unearned:' || payer END,
    CASE state WHEN 'created' THEN 'rev:launch' WHEN 'rejected' THEN 'liab:refund_due:' || payer ELSE 'sys:issued' END
FROM made WHERE funding IN ('x402', 'mpp_charge', 'mpp_pack') AND state IN ('created', 'rejected', 'granted');

INSERT INTO journal_headers (txn_id, kind, intent_id, posted_at_ms) SELECT id || ':' || kind, kind, id, at_ms + step * 1000 FROM posted ORDER BY n, step;
INSERT INTO journal_lines (txn_id, line_no, account, currency, amount)
SELECT id || ':' || kind, line_no, CASE line_no WHEN 1 THEN debit ELSE credit END, currency, CASE line_no WHEN 1 THEN price ELSE -price END
FROM posted CROSS JOIN generate_series(1, 2) AS line_no ORDER BY n, step, line_no;

-- The worker's sums, but for what the last minute posted.
UPDATE fold_mark SET folded = (SELECT max(rowid) - 200 FROM journal_headers);
INSERT INTO posted_days
SELECT h.posted_at_ms / 86400000, CASE WHEN l.account LIKE 'liab:unearned:%' THEN 'liab:unearned' WHEN l.account LIKE 'liab:refund\_due:%'
    THEN 'liab:refund_due' WHEN l.account LIKE 'payer:%' THEN 'payer' ELSE l.account END, l.currency, h.kind, sum(l.amount), count(*)
FROM journal_headers h JOIN journal_lines l USING (txn_id) WHERE h.rowid <= (SELECT folded FROM fold_mark) GROUP BY 1, 2, 3, 4;
INSERT INTO posted_totals SELECT account, currency, kind, sum(amount), sum(postings) FROM posted_days GROUP BY 1, 2, 3;

SELECT indexdef FROM later \gexec
ANALYZE;
SELECT count(*) AS lines FROM journal_lines;
