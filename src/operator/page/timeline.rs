//! Everything that happened to a payment, oldest first.

use payments::{
    ports::{
        Evidence, Finding,
        desk::{DisputeRow, Dossier, RefundRow, RequestRow},
    },
    time::UnixMs,
};

use super::show;

/// Something that happened.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) at: String,
    pub(super) what: String,
    /// Its raw reason.
    pub(super) more: String,
    pub(super) tone: &'static str,
}

// === impl Step ===

impl Step {
    fn new(at: &str, what: String, more: &str, tone: &'static str) -> Self {
        Self { at: at.to_owned(), what, more: more.to_owned(), tone }
    }
}

/// Everything with a moment: states, attempts, requests, refunds, disputes, findings, operators.
pub(super) fn steps(evidence: &Evidence, dossier: &Dossier) -> Vec<Step> {
    let mut all = states(evidence, dossier);
    all.extend(dossier.attempts.iter().map(|attempt| {
        let named =
            attempt.tx_hash.as_deref().or(attempt.stripe_key.as_deref()).unwrap_or_default();
        Step::new(&attempt.saved_at, format!("{} saved", attempt.kind), named, "mute")
    }));
    all.extend(dossier.requests.iter().map(answered));
    all.extend(dossier.refund.iter().flat_map(refunded));
    all.extend(dossier.disputes.iter().flat_map(disputed));
    all.extend(evidence.findings.iter().flat_map(found));
    all.extend(dossier.actions.iter().map(|action| {
        let what = format!("operator: {} by {}", action.action, action.via);
        Step::new(&action.at, what, &action.reason, "mute")
    }));
    // Moments of one length sort as text.
    all.sort_by(|one, other| one.at.cmp(&other.at));
    all
}

fn states(evidence: &Evidence, dossier: &Dossier) -> Vec<Step> {
    let step = |(state, at): &(String, _)| {
        let failure =
            dossier.payment.failure.as_deref().filter(|_| *state == dossier.payment.state);
        let more = failure.unwrap_or_else(|| show::state_says(state));
        Step::new(&UnixMs::rfc3339(*at), state.clone(), more, show::tone(state))
    };
    evidence.timeline.iter().map(step).collect()
}

fn answered(request: &RequestRow) -> Step {
    let charge = show::charge(&request.charge);
    let why = [request.code.as_deref(), request.reason.as_deref(), Some(charge.as_str())];
    let more = why.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    Step::new(&request.at, format!("response {}", request.status), &more, "mute")
}

fn refunded(refund: &RefundRow) -> Vec<Step> {
    let approved = String::from("refund approved");
    let mut all = vec![Step::new(&refund.approved_at, approved, &refund.reason, "busy")];
    if refund.updated_at != refund.approved_at {
        let (what, tone) = (format!("refund {}", refund.state), show::tone(&refund.state));
        all.push(Step::new(&refund.updated_at, what, &refund.payment_intent, tone));
    }
    all
}

fn disputed(dispute: &DisputeRow) -> Vec<Step> {
    let words =
        [Some(dispute.dispute_id.as_str()), dispute.reason.as_deref(), dispute.status.as_deref()];
    let mut more = words.into_iter().flatten().collect::<Vec<_>>().join(" ");
    if let Some(due) = &dispute.due_by {
        more.push_str(&format!(", answer by {due}"));
    }
    let what = if dispute.state == "inquiry" { "inquiry by a bank" } else { "disputed" };
    let mut all = vec![Step::new(&dispute.opened_at, String::from(what), &more, "bad")];
    if let Some(at) = &dispute.closed_at {
        let (what, tone) = (format!("dispute {}", dispute.state), show::tone(&dispute.state));
        all.push(Step::new(at, what, &dispute.dispute_id, tone));
    }
    all
}

fn found(finding: &Finding) -> Vec<Step> {
    let what = format!("found: {}", finding.kind);
    let mut all = vec![Step::new(&finding.opened_at, what, &finding.detail, "bad")];
    if let Some(at) = &finding.closed_at {
        let why = finding.closed_reason.as_deref().unwrap_or_default();
        all.push(Step::new(at, format!("closed: {}", finding.kind), why, "ok"));
    }
    all
}
