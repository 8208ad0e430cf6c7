//! `turnpike refund approve` of a debt in USDC, where a refund wallet is configured.

use payments::{
    ids::PaymentId,
    ports::{RefundApproval, UsdcRefund},
    usdc_refunds::UsdcRefunds,
};

use super::{
    exit::{Exit, Failure},
    output::{self, Format},
    refund::sent_by,
};
use crate::{app, config::Config, operator::shape};

/// What signs it here, where a key is configured; the running gateway sends it.
pub(super) async fn wallet(config: &Config, id: PaymentId) -> Result<Option<UsdcRefunds>, Failure> {
    if config.refunds.signer_key.is_empty() {
        return Ok(None);
    }
    let unusable = |error| Failure::from_error(Exit::Failed, &error);
    let no_chain =
        || Failure::new(Exit::Failed, format!("{id}: no chain is there for the refund wallet yet"));
    app::usdc_refunds(config).await.map_err(unusable)?.ok_or_else(no_chain).map(Some)
}

/// Says what was signed and saved.
pub(super) fn show(
    refund: &UsdcRefund,
    approval: &RefundApproval,
    served: bool,
    format: Format,
) -> Exit {
    let (id, next) = (approval.intent, sent_by(approval.dry_run, served));
    match format {
        Format::Json => {
            let mut all = shape::usdc_refund(refund, approval);
            all["next"] = next.into();
            output::json(&all);
        }
        Format::Readable => {
            let verb = if approval.dry_run { "would go" } else { "goes" };
            output::line(&format!(
                "{} USDC of {id} {verb} back to {} from {}: {next}",
                refund.amount, refund.to, refund.from
            ));
        }
    }
    if approval.dry_run { Exit::DryRun } else { Exit::Done }
}
