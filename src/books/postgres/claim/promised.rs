//! A balance is promised once. The look at the facts adds up what other payments may still take;
//! the statement that writes the claim meets those of other processes at one row per wallet, which
//! counts all that was ever claimed: what was claimed since the look counts as open.

use payments::ports::{NewClaim, TransferPayment};

use super::{
    super::{batch::Batch, promised, rows},
    facts::Facts,
};

/// The columns `promised` and `claimed` of the look.
pub(super) fn select(batch: &mut Batch, claim: &NewClaim<'_>, payer: &str) -> String {
    let Some(TransferPayment { transfer, .. }) = claim.payment.transfer() else {
        return String::from("0::bigint AS promised, 0::bigint AS claimed");
    };
    let (chain_id, token) =
        (batch.bind(rows::chain_id(&transfer.key)), batch.bind(transfer.key.token.to_string()));
    let (from, block) = (
        batch.bind(transfer.key.from.to_string()),
        batch.bind(rows::integer(transfer.claimed_at_block)),
    );
    let names =
        promised::Names { payer, from: &from, chain_id: &chain_id, token: &token, block: &block };
    format!(
        "{} AS promised, (SELECT claimed_minor FROM wallet_claims WHERE chain_id = {chain_id} AND asset = {token} AND wallet = {from}) AS claimed",
        promised::select(&names)
    )
}

/// Counts the claim into its wallet's row, if the balance bears it beside what was claimed since
/// the look. Leaves one row then.
pub(super) fn count(
    batch: &mut Batch,
    claim: &NewClaim<'_>,
    transfer: &TransferPayment<'_>,
    facts: &Facts,
) {
    let key = &transfer.transfer.key;
    let (chain_id, token) = (batch.bind(rows::chain_id(key)), batch.bind(key.token.to_string()));
    let (from, price) = (
        batch.bind(key.from.to_string()),
        batch.bind(rows::integer(transfer.transfer.value.get())),
    );
    let left = claim.pay_terms.beside_price_units.saturating_sub(facts.available.promised_units);
    let (seen, left) =
        (batch.bind(facts.claimed_minor), batch.bind(i64::try_from(left).unwrap_or(i64::MAX)));
    let counted = format!(
        "INSERT INTO wallet_claims (chain_id, asset, wallet, claimed_minor) VALUES ({chain_id}, {token}, {from}, {price})
         ON CONFLICT (chain_id, asset, wallet) DO UPDATE SET claimed_minor = wallet_claims.claimed_minor + excluded.claimed_minor
         WHERE wallet_claims.claimed_minor - {seen} <= {left} RETURNING 1"
    );
    batch.part("promised", &counted);
}
