WITH names AS MATERIALIZED (
    SELECT 'pay_' || replace(gen_random_uuid()::text, '-', '') AS id, replace(gen_random_uuid()::text, '-', '') AS one,
           replace(gen_random_uuid()::text, '-', '') AS two, (extract(epoch FROM now()) * 1000)::bigint AS at
), root AS (
    INSERT INTO intents (id, core_key, payer, rail, proof_version, funding, price_minor, currency, fingerprint, route, path_and_query, body,
        content_type, state, version, fence, lease_until_ms, attended_until_ms, created_at_ms, updated_at_ms)
    SELECT id, id, 'card:' || one, 'mpp', 0, 'mpp_charge', 60, 'USD', decode(one || two, 'hex'), 'POST /launches', '/launches',
        '{"title":"baseline"}'::bytea, 'application/json', 'signed', 1, 1, at + 30000, at + 30000, at, at
    FROM names RETURNING id
), event AS (
    INSERT INTO intent_events (intent_id, version, state, at_ms) SELECT root.id, 1, 'signed', at FROM root, names
), taken AS (
    INSERT INTO challenges (challenge_id, spt_sha256, purpose, fingerprint, intent_id, claimed_at_ms)
    SELECT one, decode(one || two, 'hex'), 'pay', decode(one || two, 'hex'), root.id, at FROM root, names
), charge AS (
    INSERT INTO charges (intent_id, stripe_key, challenge_id, spt_sha256, sealed_params, agent_token_sha256, saved_at_ms)
    SELECT root.id, 'tp_' || root.id, one, decode(one || two, 'hex'), decode(repeat(one, 12), 'hex'), decode(two || one, 'hex'), at
    FROM root, names
)
SELECT id FROM root;
