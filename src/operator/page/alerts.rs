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

/// What the figures of the first page say that an operator should look at.
pub(super) fn alerts(read: &Overview, low_on_gas: bool) -> Vec<Alert> {
    let mut all = Vec::new();
    let mut say = |tone, href, text| all.push(Alert { tone, href, text });
    if read.unknown > 0 {
        let age = read
            .oldest_unknown_at
            .as_deref()
            .map(|then| show::ago(&read.at, then))
            .unwrap_or_default();
        say(
            "warn",
            "/operator/attention#unknown",
            counted(read.unknown, "payment", "payments")
                + &format!(" with an unknown outcome, the oldest for {age}"),
        );
    }
    if read.refunds_due > 0 {
        say(
            "warn",
            "/operator/attention#owed",
            counted(read.refunds_due, "refund waits", "refunds wait"),
        );
    }
    if read.disputes_open > 0 {
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
        say(tone, "/operator/attention#disputes", text);
    }
    if read.blocked_accounts > 0 {
        let text = counted(read.blocked_accounts, "account", "accounts")
            + " may not buy after a chargeback or a fraud warning";
        say("warn", "/operator/attention#blocked", text);
    }
    if read.open_findings > 0 {
        say(
            "bad",
            "/operator/attention#findings",
            counted(read.open_findings, "difference", "differences")
                + " between the books and the world",
        );
    }
    if low_on_gas {
        say("bad", "/operator#gas", String::from("a signer is running out of gas"));
    }
    let age_s = |then: &str| {
        Some(UnixMs::parse_rfc3339(&read.at)?.unix_s() - UnixMs::parse_rfc3339(then)?.unix_s())
    };
    match read.reconciled_at.as_deref() {
        None => say(
            "warn",
            "/operator/reconciliation",
            String::from("the books were never compared with the world"),
        ),
        Some(then) if age_s(then).is_some_and(|age| age > STALE_S) => {
            say(
                "warn",
                "/operator/reconciliation",
                format!("the last comparison ended {} ago", show::ago(&read.at, then)),
            );
        }
        Some(_) => {}
    }
    if !read.not_compared.is_empty() {
        say(
            "warn",
            "/operator/reconciliation",
            format!("could not be compared: {}", read.not_compared.join(", ")),
        );
    }
    all
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
            ("2 refunds wait", "3 differences between the books and the world")
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
