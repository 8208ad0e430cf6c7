//! The rules that hold in the books at any time, each as a query that finds what breaks it.

use payments::obligation_word;

use super::super::desk::{family, of_a_payer};

/// The rules: a word, what holds, and a query for what does not. Each row has one text.
pub(super) const RULES: [(&str, &str, &str); 26] = [
    (
        "journal_zero",
        "every transaction sums to zero in each currency",
        "SELECT txn_id || ' is off by ' || sum(amount) || ' ' || currency FROM journal_lines GROUP BY txn_id, currency HAVING sum(amount) <> 0",
    ),
    (
        "journal_whole",
        "every line has its header, and every header its lines",
        "SELECT l.txn_id || ' has lines and no header' FROM journal_lines l LEFT JOIN journal_headers h USING (txn_id) WHERE h.txn_id IS NULL
         UNION SELECT h.txn_id || ' has no lines' FROM journal_headers h LEFT JOIN journal_lines l USING (txn_id) WHERE l.txn_id IS NULL",
    ),
    (
        "folded_sums",
        "the sums that overviews are made of are those of the journal, up to their mark",
        concat!(
            "SELECT account || ' (' || kind || ') is off by ' || sum(amount) || ' ' || currency || ' and ' || sum(postings) || ' postings' FROM (
               SELECT account, kind, currency, amount, postings FROM posted_totals
               UNION ALL SELECT account, kind, currency, -sum(amount), -count(DISTINCT txn_id) FROM (
                 SELECT ", family!(), " AS account, h.kind, l.currency, l.amount, h.txn_id FROM journal_headers h JOIN journal_lines l ON l.txn_id = h.txn_id
                 WHERE h.rowid <= (SELECT folded FROM fold_mark WHERE name = 'journal')) AS folded GROUP BY account, kind, currency
             ) AS each GROUP BY account, kind, currency HAVING sum(amount) <> 0 OR sum(postings) <> 0"
        ),
    ),
    (
        "folded_days",
        "the sums of the days come to the sums of all time",
        "SELECT account || ' (' || kind || ') is off by ' || sum(amount) || ' ' || currency FROM (
           SELECT account, kind, currency, amount, postings FROM posted_totals
           UNION ALL SELECT account, kind, currency, -amount, -postings FROM posted_days
         ) AS each GROUP BY account, kind, currency HAVING sum(amount) <> 0 OR sum(postings) <> 0",
    ),
    (
        "folded_statements",
        "the lines of statements are those of the journal, up to their mark, and each has the balance that they come to",
        concat!(
            "SELECT account || ' is told ' || balance || ' ' || currency || ' after ' || place || ', it is ' || told FROM (
           SELECT account, currency, place, balance, sum(amount) OVER (PARTITION BY account, currency ORDER BY place) AS told FROM statement_lines
         ) AS each WHERE balance <> told
         UNION ALL SELECT account || ' is off by ' || sum(amount) || ' ' || currency FROM (
           SELECT account, currency, amount FROM statement_lines
           UNION ALL SELECT l.account, l.currency, -l.amount FROM journal_headers h JOIN journal_lines l ON l.txn_id = h.txn_id
           WHERE h.rowid <= (SELECT folded FROM fold_mark WHERE name = 'statements')
             AND ", of_a_payer!(), "
         ) AS told GROUP BY account, currency HAVING sum(amount) <> 0"
        ),
    ),
    (
        "settlement_posted",
        "every settlement has its posting, with the same amount",
        "SELECT s.intent_id || ' was settled and is not booked as such' FROM settlements s WHERE NOT EXISTS (SELECT 1 FROM journal_lines l
           WHERE l.txn_id = s.intent_id || ':settled'
           AND l.account = CASE s.rail WHEN 'mpp' THEN 'asset:stripe_clearing' ELSE 'asset:usdc_hot' END AND l.amount = s.amount_minor AND l.currency = s.currency)",
    ),
    (
        "posting_settled",
        "every booked settlement is one",
        "SELECT h.txn_id || ' is booked without a settlement' FROM journal_headers h
         WHERE h.kind = 'settled' AND NOT EXISTS (SELECT 1 FROM settlements s WHERE s.intent_id = h.intent_id)",
    ),
    (
        "created_launch",
        "every created intent has one launch of its own",
        "SELECT id || ' is created without a launch' FROM intents WHERE state = 'created' AND coalesce(launch_id, '') = '' AND ended_by IS NULL
         UNION SELECT 'launch ' || launch_id || ' belongs to ' || count(*) || ' intents' FROM intents WHERE launch_id <> ''
           GROUP BY launch_id HAVING count(*) > 1",
    ),
    (
        "created_funded",
        "every created intent is funded by what it says",
        concat!("SELECT i.id || ' is created and has no ' || i.funding FROM intents i WHERE i.state = 'created' AND NOT CASE i.funding
           WHEN 'free' THEN EXISTS (SELECT 1 FROM free_slots f WHERE f.intent_id = i.id)
           WHEN 'x402' THEN EXISTS (SELECT 1 FROM settlements s WHERE s.intent_id = i.id)
           WHEN 'mpp_charge' THEN EXISTS (SELECT 1 FROM settlements s WHERE s.intent_id = i.id)
           WHEN 'credit' THEN EXISTS (SELECT 1 FROM credit_entries e WHERE e.intent_id = i.id AND e.kind = 'deduct')
           WHEN 'entitlement' THEN EXISTS (SELECT 1 FROM obligations o WHERE o.reserved_by = i.id AND o.state = '", obligation_word!(Used), "')
           ELSE 1 = 1 END"),
    ),
    (
        "created_earned",
        "every created intent that was paid is earned",
        "SELECT i.id || ' is created and not earned' FROM intents i WHERE i.state = 'created' AND i.funding <> 'free'
           AND NOT EXISTS (SELECT 1 FROM journal_headers h WHERE h.intent_id = i.id AND h.kind = 'earned')",
    ),
    (
        "slots_five",
        "no wallet has more than five free launches in a month",
        "SELECT wallet || ' has ' || count(*) || ' slots in ' || month FROM free_slots WHERE quota = 'launches' GROUP BY wallet, month
           HAVING count(*) > 5 OR max(slot) > 5 OR min(slot) < 1",
    ),
    (
        "slots_owned",
        "every slot belongs to an intent that holds or used it",
        "SELECT f.intent_id || ' has a slot in the state ' || coalesce(i.state, 'unknown') FROM free_slots f LEFT JOIN intents i ON i.id = f.intent_id
         WHERE i.id IS NULL OR i.funding <> 'free' OR i.state NOT IN ('forwarding', 'core_unknown', 'created')",
    ),
    (
        "owed_booked",
        "what is owed to each payer is what refund_due holds",
        concat!("SELECT who || ' is owed ' || sum(owed) || ' and booked ' || sum(booked) || ' ' || currency FROM (
           SELECT payer AS who, currency, amount_minor AS owed, 0 AS booked FROM obligations
             WHERE state NOT IN ('", obligation_word!(Reserved), "', '", obligation_word!(Used), "', '", obligation_word!(Refunded), "')
             AND currency IN ('USDC', 'USD')
           UNION ALL SELECT payer, 'USDC', amount_minor, 0 FROM receipts WHERE kind = 'unearned'
             AND NOT EXISTS (SELECT 1 FROM usdc_paid_back p WHERE p.owed_id = receipt_id)
             AND NOT EXISTS (SELECT 1 FROM usdc_refunds u WHERE u.owed_id = receipt_id AND u.state = 'refunded')
           UNION ALL SELECT substr(account, length('liab:refund_due:') + 1), currency, 0, -amount FROM journal_lines WHERE account LIKE 'liab:refund\\_due:%' ESCAPE '\\'
         ) AS each GROUP BY who, currency HAVING sum(owed) <> sum(booked)"),
    ),
    (
        "queue_whole",
        "what waits for a signer is in the queue, and nothing else is",
        "SELECT i.id || ' waits for a signer and is not in the queue' FROM intents i
         WHERE i.state = 'claimed' AND NOT EXISTS (SELECT 1 FROM settlement_queue q WHERE q.intent_id = i.id)
         UNION ALL SELECT q.intent_id || ' is in the queue and is ' || i.state FROM settlement_queue q JOIN intents i ON i.id = q.intent_id
         WHERE i.state <> 'claimed'",
    ),
    (
        "parts_whole",
        "what is owed in parts is together what was paid",
        "SELECT i.id || ' was paid with ' || i.price_minor || ', and its parts are ' || sum(o.amount_minor) FROM obligations o
           JOIN intents i ON i.id = coalesce(o.part_of, o.intent_id)
         WHERE EXISTS (SELECT 1 FROM obligations p WHERE p.part_of = i.id) GROUP BY i.id, i.price_minor
           HAVING sum(o.amount_minor) <> i.price_minor",
    ),
    (
        "unearned_open",
        "no USDC stays unearned for a payer without open work",
        "SELECT substr(account, length('liab:unearned:') + 1) || ' has ' || -sum(amount) || ' ' || currency || ' unearned' FROM journal_lines l
         WHERE account LIKE 'liab:unearned:%' AND currency = 'USDC' AND NOT EXISTS (SELECT 1 FROM intents i WHERE i.payer = substr(l.account, length('liab:unearned:') + 1)
           AND i.state IN ('forwarding', 'core_unknown'))
         GROUP BY account, currency HAVING sum(amount) <> 0",
    ),
    (
        "unearned_backs",
        "what is unearned in USD stands behind a payer's credits, open work and open disputes",
        "SELECT who || ' has ' || sum(booked) || ' USD unearned and ' || sum(behind) || ' behind' FROM (
           SELECT substr(account, length('liab:unearned:') + 1) AS who, -amount AS booked, 0 AS behind FROM journal_lines
             WHERE account LIKE 'liab:unearned:%' AND currency = 'USD'
           UNION ALL SELECT payer, 0, backing_cents FROM credit_accounts
           UNION ALL SELECT payer, 0, backing_cents FROM intents WHERE funding = 'credit' AND state IN ('forwarding', 'core_unknown')
           UNION ALL SELECT payer, 0, price_minor FROM intents WHERE funding = 'mpp_charge' AND state IN ('forwarding', 'core_unknown')
           UNION ALL SELECT payer, 0, price_minor FROM intents WHERE state = 'charged'
           UNION ALL SELECT i.payer, 0, c.held_cents FROM charge_credits c JOIN intents i ON i.id = c.intent_id
           UNION ALL SELECT i.payer, 0, d.backing_cents FROM dispute_facts d JOIN intents i ON i.id = d.intent_id WHERE d.state = 'open'
             AND NOT EXISTS (SELECT 1 FROM charge_credits c WHERE c.intent_id = d.intent_id)
         ) AS each GROUP BY who HAVING sum(booked) <> sum(behind)",
    ),
    (
        "credits_entered",
        "every balance of credits is the sum of its entries",
        "SELECT a.payer || ' has ' || a.balance || ' credits, and entries of ' || coalesce(sum(e.delta), 0) FROM credit_accounts a
           LEFT JOIN credit_entries e ON e.payer = a.payer GROUP BY a.payer HAVING a.balance <> coalesce(sum(e.delta), 0)",
    ),
    (
        "credits_booked",
        "the journal holds every balance of credits, and those held for open work",
        "SELECT who || ' has ' || sum(kept) || ' credits and ' || sum(booked) || ' in the journal' FROM (
           SELECT 'payer:' || payer AS who, balance AS kept, 0 AS booked FROM credit_accounts
           UNION ALL SELECT 'sys:held', coalesce(sum(price_minor), 0), 0 FROM intents WHERE funding = 'credit' AND state IN ('forwarding', 'core_unknown')
           UNION ALL SELECT account, 0, amount FROM journal_lines WHERE currency = 'CREDIT' AND (account LIKE 'payer:%' OR account = 'sys:held')
         ) AS each GROUP BY who HAVING sum(kept) <> sum(booked)",
    ),
    (
        "packs_granted",
        "every granted pack was paid for, and its credits are booked",
        "SELECT i.id || ' is granted without payment or credits' FROM intents i WHERE i.state = 'granted' AND NOT (
           EXISTS (SELECT 1 FROM settlements s WHERE s.intent_id = i.id)
           AND EXISTS (SELECT 1 FROM journal_headers h WHERE h.intent_id = i.id AND h.kind = 'credits_issued'))",
    ),
    (
        "refunds_owed",
        "every refund stands as its debt does",
        concat!("SELECT r.intent_id || ' has a refund that is ' || r.state || ' and a debt that is ' || coalesce(o.state, 'unknown') FROM refunds r
           LEFT JOIN obligations o ON o.intent_id = r.intent_id
         WHERE o.state IS NULL OR (r.state <> 'refund_failed' AND o.state <> r.state
             -- What was given back elsewhere beside it came back, and is due or became a credit.
             AND NOT (r.state = 'refunded' AND o.state IN ('", obligation_word!(RefundDue), "', '", obligation_word!(Used), "')
               AND EXISTS (SELECT 1 FROM charge_credits c WHERE c.intent_id = r.intent_id AND c.refund_falls > 0)))
           OR (r.state = 'refund_failed' AND o.state NOT IN ('", obligation_word!(RefundDue), "', '", obligation_word!(Refunded), "', '", obligation_word!(Used), "'))"),
    ),
    (
        "usdc_refunds_owed",
        "every refund in USDC stands as its debt does, and every debt in USDC that is on its way back has one",
        concat!("SELECT u.refund_key || ' is ' || u.state || ' and its debt is ' || coalesce(o.state, 'unknown') FROM usdc_refunds u
           LEFT JOIN obligations o ON o.intent_id = u.owed_id
         WHERE u.state <> 'refund_failed' AND coalesce(o.state, '') <> u.state
           AND NOT EXISTS (SELECT 1 FROM receipts r WHERE r.receipt_id = u.owed_id)
         UNION ALL SELECT o.intent_id || ' is on its way back, and nothing is signed for it' FROM obligations o
         WHERE o.state = '", obligation_word!(RefundSent), "' AND o.currency = 'USDC'
           AND NOT EXISTS (SELECT 1 FROM usdc_refunds u WHERE u.owed_id = o.intent_id AND u.state = 'refund_sent')"),
    ),
    (
        "rejected_owed",
        "every paid and refused intent left a debt",
        "SELECT i.id || ' was paid and refused, and nothing is owed' FROM intents i
         WHERE i.state = 'rejected' AND NOT EXISTS (SELECT 1 FROM obligations o WHERE o.intent_id = i.id)",
    ),
    (
        "sealed_wiped",
        "signed transactions and sealed charges of finished intents are wiped once nothing can take their settlement back",
        "SELECT a.intent_id || ' is ' || i.state || ' and still holds a signed ' || a.kind FROM attempts a JOIN intents i ON i.id = a.intent_id
         WHERE length(a.sealed_tx) > 0 AND i.state IN ('created', 'rejected', 'released', 'pay_failed') AND (a.kind = 'transfer' OR a.nonce_closed = 1)
           AND NOT EXISTS (SELECT 1 FROM settlements s WHERE s.intent_id = i.id AND s.final_at_ms IS NULL)
         UNION ALL SELECT 'nonce ' || f.eoa_nonce || ' of ' || f.signer || ' is used, and what filled it is kept' FROM nonce_fills f
         WHERE length(f.sealed_tx) > 0 AND f.nonce_closed = 1
         UNION ALL SELECT u.refund_key || ' is final and still holds a signed ' || a.kind FROM usdc_refund_attempts a
           JOIN usdc_refunds u ON u.refund_key = a.refund_key WHERE length(a.sealed_tx) > 0 AND u.final_at_ms IS NOT NULL
         UNION ALL SELECT c.intent_id || ' is ' || i.state || ' and still holds a sealed charge' FROM charges c JOIN intents i ON i.id = c.intent_id
         WHERE length(c.sealed_params) > 0 AND i.state IN ('created', 'rejected', 'pay_failed', 'granted')",
    ),
    (
        "timeline",
        "the newest event of every intent is its state",
        "SELECT i.id || ' is ' || i.state || ', its newest event is ' || coalesce(e.state, 'none') FROM intents i LEFT JOIN intent_events e
           ON e.intent_id = i.id AND e.version = (SELECT max(version) FROM intent_events WHERE intent_id = i.id)
         WHERE e.state IS NULL OR e.state <> i.state",
    ),
    (
        "proof_once",
        "every intent that money was asked for has its own proof",
        "SELECT i.id || ' has no claimed proof' FROM intents i
         WHERE CASE WHEN i.rail = 'x402' THEN NOT EXISTS (SELECT 1 FROM auths a WHERE a.intent_id = i.id)
           WHEN i.funding = 'credit' THEN 1 = 0 ELSE NOT EXISTS (SELECT 1 FROM challenges c WHERE c.intent_id = i.id AND c.purpose = 'pay') END",
    ),
];
