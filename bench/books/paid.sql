WITH names AS MATERIALIZED (
    SELECT 'pay_' || replace(gen_random_uuid()::text, '-', '') AS id, replace(gen_random_uuid()::text, '-', '') AS one,
           replace(gen_random_uuid()::text, '-', '') AS two, (extract(epoch FROM now()) * 1000)::bigint AS at
), held AS (
    UPDATE signers SET next_nonce = next_nonce + 1 WHERE addr = '0xbaseline' RETURNING next_nonce - 1 AS nonce
), root AS (
    INSERT INTO intents (id, core_key, payer, rail, proof_version, funding, price_minor, currency, fingerprint, route, path_and_query, body,
        content_type, state, version, fence, lease_until_ms, attended_until_ms, chain_id, asset, from_addr, nonce, pay_to, valid_before_unix_s,
        claimed_at_block, created_at_ms, updated_at_ms)
    SELECT id, id, 'wallet:0x' || one, 'x402', 2, 'x402', 550000, 'USDC', decode(one || two, 'hex'), 'POST /launches', '/launches',
        '{"title":"baseline"}'::bytea, 'application/json', 'signed', 1, 1, at + 30000, at + 30000, 84532,
        '0x036cbd53842c5426634e7929541ec2318f3dcf7e', '0x' || one, '0x' || one || two, '0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
        at / 1000 + 300, 100, at, at
    FROM names, held RETURNING id
), event AS (
    INSERT INTO intent_events (intent_id, version, state, at_ms) SELECT root.id, 1, 'signed', at FROM root, names
), taken AS (
    INSERT INTO auths (chain_id, asset, from_addr, nonce, purpose, fingerprint, intent_id, claimed_at_ms)
    SELECT 84532, '0x036cbd53842c5426634e7929541ec2318f3dcf7e', '0x' || one, '0x' || one || two, 'pay', decode(one || two, 'hex'), root.id, at
    FROM root, names
), attempt AS (
    INSERT INTO attempts (intent_id, kind, signer, eoa_nonce, tx_hash, max_fee_per_gas_wei, sealed_tx, saved_at_ms)
    SELECT root.id, 'transfer', '0xbaseline', nonce, '0x' || two || one, '1000', decode(repeat(one, 12), 'hex'), at FROM root, names, held
)
SELECT id FROM root;
