//! `turnpike refund approve` of a debt in USDC, where a refund wallet is configured.

use payments::{
    ports::RefundApproval,
    usdc_refunds::{UsdcRefundError, approve_usdc_refund},
};

use super::{
    exit::{Exit, Failure},
    output::{self, Format},
    refund::{refused, sent_by},
};
use crate::{app, config::Config, operator::shape};

/// Signs and saves it here; the running gateway sends it.
pub(super) async fn approve(
    config: &Config,
    served: bool,
    approval: &RefundApproval,
    format: Format,
) -> Result<Exit, Failure> {
    let id = approval.intent;
    let unusable = |error| Failure::from_error(Exit::Failed, &error);
    let wallet = app::usdc_refunds(config).await.map_err(unusable)?;
    let wallet = wallet.ok_or_else(|| {
        Failure::new(Exit::Failed, format!("{id}: no chain is there for the refund wallet yet"))
    })?;
    let refund = approve_usdc_refund(&wallet, approval).await.map_err(|error| match error {
        UsdcRefundError::Refused(refusal) => refused(id, None, &refusal),
        UsdcRefundError::Rail(error) => Failure::from_error(Exit::Failed, &error),
    })?;
    let next = sent_by(approval.dry_run, served);
    match format {
        Format::Json => {
            let mut all = shape::usdc_refund(&refund, approval);
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
    Ok(if approval.dry_run { Exit::DryRun } else { Exit::Done })
}
