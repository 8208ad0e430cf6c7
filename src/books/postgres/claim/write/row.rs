//! The row of the intent, which everything else hangs on.

use payments::{funding::Funding, ports::NewClaim};

use super::super::{
    super::{PostgresBooks, batch::Batch, rows},
    corrupt,
    made::{Funded, too_large},
};

pub(super) fn root(
    batch: &mut Batch,
    books: &PostgresBooks,
    claim: &NewClaim<'_>,
    funded: &Funded,
    id: &str,
    at: &str,
    held: &[String],
) -> Result<(), sqlx::Error> {
    let transfer = claim.payment.transfer().map(|payment| &payment.transfer);
    let minor = funded.price.minor().map_err(|_| corrupt(too_large(claim)))?;
    let lease_until = batch.bind(funded.lease_until(claim).ms());
    let attended_until = batch.bind(claim.lease_until.ms());
    let source = match &funded.funding {
        Funding::Entitlement { source } => Some(source.to_string()),
        _ => None,
    };
    let (credits, backing, if_refused) = match &funded.funding {
        Funding::MppPack { credits } => (Some(rows::integer(credits.get())), None, None),
        Funding::Credit { backing, .. } => (None, Some(rows::integer(backing.get())), None),
        Funding::MppCharge { if_refused } => (None, None, Some(if_refused.word())),
        Funding::Free | Funding::Entitlement { .. } | Funding::X402 => (None, None, None),
    };
    let forwarding =
        if funded.state() == payments::intent::State::Forwarding { at } else { "NULL::bigint" };
    let columns = [
        ("id", id.to_owned()),
        ("core_key", id.to_owned()),
        ("payer", batch.bind(claim.payer.to_string())),
        ("rail", batch.bind(claim.protocol.rail())),
        ("proof_version", batch.bind(i64::from(claim.protocol.number()))),
        ("funding", batch.bind(funded.funding.word())),
        ("entitlement_source", batch.bind(source)),
        ("price_minor", batch.bind(minor)),
        ("currency", batch.bind(funded.price.currency())),
        ("fingerprint", batch.bind(claim.fingerprint.as_bytes().to_vec())),
        ("client_idem_key", batch.bind(claim.key.idempotency.as_ref().map(|(_, key)| key.clone()))),
        ("route", batch.bind(claim.request.route.clone())),
        ("path_and_query", batch.bind(claim.request.path_and_query.clone())),
        ("body", batch.bind(claim.request.body.to_vec())),
        ("content_type", batch.bind(claim.request.content_type.clone())),
        ("state", batch.bind(funded.state().word())),
        ("version", String::from("1")),
        ("fence", String::from("1")),
        ("lease_until_ms", lease_until),
        ("attended_until_ms", attended_until),
        ("lease_owner", batch.bind(books.instance())),
        ("chain_id", batch.bind(transfer.map(|terms| rows::chain_id(&terms.key)))),
        ("asset", batch.bind(transfer.map(|terms| terms.key.token.to_string()))),
        ("from_addr", batch.bind(transfer.map(|terms| terms.key.from.to_string()))),
        ("nonce", batch.bind(transfer.map(|terms| rows::nonce(&terms.key)))),
        ("pay_to", batch.bind(transfer.map(|terms| terms.pay_to.to_string()))),
        (
            "valid_before_unix_s",
            batch.bind(transfer.map(|terms| rows::integer(terms.valid_before_unix_s))),
        ),
        (
            "claimed_at_block",
            batch.bind(transfer.map(|terms| rows::integer(terms.claimed_at_block))),
        ),
        ("pack_credits", batch.bind(credits)),
        ("backing_cents", batch.bind(backing)),
        ("if_refused", batch.bind(if_refused)),
        ("forwarding_since_ms", forwarding.to_owned()),
        ("created_at_ms", at.to_owned()),
        ("updated_at_ms", at.to_owned()),
    ];
    batch.part("root", &insert_of(&columns, held));
    Ok(())
}

/// The statement that writes these columns where everything that must be held is.
fn insert_of(columns: &[(&str, String)], held: &[String]) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let values: Vec<&str> = columns.iter().map(|(_, value)| value.as_str()).collect();
    let held =
        if held.is_empty() { String::new() } else { format!(" WHERE {}", held.join(" AND ")) };
    format!(
        "INSERT INTO intents ({}) SELECT {}{held} RETURNING id",
        names.join(", "),
        values.join(", ")
    )
}
