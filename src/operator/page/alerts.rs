//! What an operator should look at first, said in a line each.

use payments::{ports::desk::Overview, time::UnixMs};

use super::show;

/// A comparison that is older than this, in seconds, is worth a look.
const STALE_S: i64 = 86_400;

/// Something to look at.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Alert {
    pub(super) tone: &'static str,
    pub(super) href: &'static str,
    pub(super) text: String,
}

// === impl Alert ===

impl Alert {
    fn new(tone: &'static str, href: &'static str, text: String) -> Self {
        Self { tone, href, text }
    }
}

/// What the figures of the first page say that an operator should look at.
pub(super) fn alerts(read: &Overview, low_on_gas: bool) -> Vec<Alert> {
    let gas = low_on_gas
        .then(|| Alert::new("bad", "/operator#gas", "a signer is running out of gas".to_owned()));
    let all = [unknown(read), refunds(read), disputes(read), blocked(read), findings(read), gas];
    all.into_iter().chain([comparison(read), not_compared(read)]).flatten().collect()
}

fn unknown(read: &Overview) -> Option<Alert> {
    let oldest = read.oldest_unknown_at.as_deref();
    let age = oldest.map(|then| show::ago(&read.at, then)).unwrap_or_default();
    let text = || {
        counted(read.unknown, "payment", "payments")
            + &format!(" with an unknown outcome, the oldest for {age}")
    };
    (read.unknown > 0).then(|| Alert::new("warn", "/operator/attention#unknown", text()))
}

fn refunds(read: &Overview) -> Option<Alert> {
    let text = || counted(read.refunds_due, "refund awaits approval", "refunds await approval");
    (read.refunds_due > 0).then(|| Alert::new("warn", "/operator/attention#owed", text()))
}

fn disputes(read: &Overview) -> Option<Alert> {
    if read.disputes_open == 0 {
        return None;
    }
    let due = read.next_dispute_due_by.as_deref();
    let by = due
        .and_then(|due| due.get(..10))
        .map(|day| format!(", the first to answer by {day}"))
        .unwrap_or_default();
    // Stripe takes no evidence after the date, and the money is lost without.
    let tone = if due.is_some_and(|due| is_soon(&read.at, due)) { "bad" } else { "warn" };
    let held = show::decimal(&read.disputed_cents, "USD");
    let text = counted(read.disputes_open, "dispute", "disputes")
        + &format!(" of {held} USD not decided{by}");
    Some(Alert::new(tone, "/operator/attention#disputes", text))
}

fn blocked(read: &Overview) -> Option<Alert> {
    let text = || {
        counted(read.blocked_accounts, "account", "accounts")
            + " blocked after a chargeback or a fraud warning"
    };
    (read.blocked_accounts > 0).then(|| Alert::new("warn", "/operator/attention#blocked", text()))
}

fn findings(read: &Overview) -> Option<Alert> {
    let text = || {
        counted(
            read.open_findings,
            "open reconciliation discrepancy",
            "open reconciliation discrepancies",
        )
    };
    (read.open_findings > 0).then(|| Alert::new("bad", "/operator/attention#findings", text()))
}

/// The last comparison is too old, or there was none.
fn comparison(read: &Overview) -> Option<Alert> {
    let text = match read.reconciled_at.as_deref() {
        None => String::from("reconciliation has never run"),
        Some(then) => {
            let (now, ended) = (UnixMs::parse_rfc3339(&read.at)?, UnixMs::parse_rfc3339(then)?);
            if now.unix_s() - ended.unix_s() <= STALE_S {
                return None;
            }
            format!("the last reconciliation run ended {} ago", show::ago(&read.at, then))
        }
    };
    Some(Alert::new("warn", "/operator/reconciliation", text))
}

fn not_compared(read: &Overview) -> Option<Alert> {
    let text = || format!("sources not checked: {}", read.not_compared.join(", "));
    (!read.not_compared.is_empty()).then(|| Alert::new("warn", "/operator/reconciliation", text()))
}

/// Within three days, or over.
fn is_soon(now: &str, then: &str) -> bool {
    let (now, then) = (UnixMs::parse_rfc3339(now), UnixMs::parse_rfc3339(then));
    now.zip(then).is_some_and(|(now, then)| then <= now.plus_s(3 * 86_400))
}

fn counted(count: u64, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_said_and_what_does_not_is_not() {
        let calm = Overview {
            at: String::from("2026-01-31T12:00:00Z"),
            reconciled_at: Some(String::from("2026-01-31T11:00:00Z")),
            ..Overview::default()
        };
        assert_eq!(alerts(&calm, false), []);
        let oldest_unknown_at = Some(String::from("2026-01-31T11:00:00Z"));
        let waits = Overview {
            unknown: 1,
            oldest_unknown_at,
            refunds_due: 2,
            open_findings: 3,
            reconciled_at: None,
            ..calm
        };
        let said = alerts(&waits, false);
        assert_eq!(said.len(), 4);
        assert_eq!(said[0].text, "1 payment with an unknown outcome, the oldest for 60 min");
        assert_eq!(
            (said[1].text.as_str(), said[2].text.as_str()),
            ("2 refunds await approval", "3 open reconciliation discrepancies")
        );
    }

    #[test]
    fn a_dispute_that_must_be_answered_soon_is_urgent() {
        let at = |due: &str| Overview {
            at: String::from("2026-01-31T12:00:00Z"),
            reconciled_at: Some(String::from("2026-01-31T11:00:00Z")),
            disputes_open: 1,
            disputed_cents: 300,
            next_dispute_due_by: Some(due.to_owned()),
            ..Overview::default()
        };
        let said = alerts(&at("2026-02-02T12:00:00Z"), false);
        assert_eq!(
            (said[0].tone, said[0].text.as_str()),
            ("bad", "1 dispute of 3.00 USD not decided, the first to answer by 2026-02-02")
        );
        assert_eq!(alerts(&at("2026-02-12T12:00:00Z"), false)[0].tone, "warn");
    }
}
