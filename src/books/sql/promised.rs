//! What other payments of a wallet may still take of the balance that a claim saw: open ones, and
//! those whose block is after that look. A payment in a block that the look knew is in the balance
//! already.

/// How a statement names what is asked for.
pub(super) struct Names<'a> {
    pub(super) payer: &'a str,
    /// The payer's address on the chain.
    pub(super) from: &'a str,
    pub(super) chain_id: &'a str,
    pub(super) token: &'a str,
    /// The block of the look.
    pub(super) block: &'a str,
}

/// A value in minor units.
pub(super) fn select(names: &Names<'_>) -> String {
    let Names { payer, from, chain_id, token, block } = names;
    format!(
        "CAST(coalesce((SELECT sum(price_minor) FROM intents WHERE payer = {payer} AND state IN ('claimed', 'signed', 'submitted', 'submit_unknown')
                AND chain_id = {chain_id} AND asset = {token}), 0)
            + coalesce((SELECT sum(amount_minor) FROM settlements WHERE rail = 'x402' AND chain_id = {chain_id} AND asset = {token}
                AND from_addr = {from} AND block_number > {block}), 0) AS BIGINT)"
    )
}
