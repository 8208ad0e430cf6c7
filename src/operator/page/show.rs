//! How an operator reads a row: amounts with their unit, moments in UTC, short names, and what a
//! state means.

use payments::{
    gas::Gwei,
    money::{UsdCents, UsdcUnits},
    obligation::ObligationState,
    ports::desk::PaymentRow,
};

/// Characters of a hash or id that tell it from its neighbours.
const KEPT: usize = 6;
/// Names that are shown whole.
const SHORT: usize = 20;

/// An amount without its unit, `-0.55`; the sign is a minus that a screen reader says.
pub(super) fn decimal(minor: &i64, currency: &str) -> String {
    let sign = if *minor < 0 { "\u{2212}" } else { "" };
    let minor = minor.unsigned_abs();
    match currency {
        "USDC" => format!("{sign}{}", UsdcUnits::new(minor)),
        "USD" => format!("{sign}{}", UsdCents::new(minor)),
        Gwei::CURRENCY => format!("{sign}{}", Gwei::new(i64::try_from(minor).unwrap_or(i64::MAX))),
        _ => format!("{sign}{minor}"),
    }
}

/// Wei in the chain's own coin, every digit of them.
pub(super) fn ether(wei: u128) -> String {
    let digits = format!("{wei:0>19}");
    let (whole, part) = digits.split_at(digits.len() - 18);
    let part = part.trim_end_matches('0');
    if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") }
}

/// The unit beside an amount.
pub(super) fn unit(currency: &str) -> &str {
    if currency == "CREDIT" { "credits" } else { currency }
}

/// A moment as a person reads it, to the second in UTC: `2026-01-31 12:00:00`.
pub(super) fn moment(rfc3339: &str) -> String {
    match (rfc3339.get(..10), rfc3339.get(11..19)) {
        (Some(day), Some(time)) => format!("{day} {time}"),
        _ => rfc3339.to_owned(),
    }
}

/// A long name by its beginning and end: `wallet:0xf39f…2266`.
pub(super) fn short(name: &str) -> String {
    let count = name.chars().count();
    if count <= SHORT {
        return name.to_owned();
    }
    let head =
        name.find("0x").map_or_else(|| name.find([':', '_']).map_or(0, |at| at + 1), |at| at + 2);
    let head = name.get(..head).unwrap_or_default().chars().count() + KEPT - 2;
    let (start, end): (String, String) =
        (name.chars().take(head).collect(), name.chars().skip(count - KEPT + 2).collect());
    format!("{start}…{end}")
}

/// An account of the journal: its family, and its payer's name by beginning and end.
pub(super) fn account(name: &str) -> String {
    let of_payer = |family: &&str| Some(format!("{family}{}", short(name.strip_prefix(*family)?)));
    ["liab:unearned:", "liab:refund_due:", "payer:"]
        .iter()
        .find_map(of_payer)
        .unwrap_or_else(|| name.to_owned())
}

/// What was posted, out of the posting's id: `settled` of `pay_...:settled`.
pub(super) fn posted(txn_id: &str) -> &str {
    txn_id.split(':').nth(1).unwrap_or(txn_id)
}

/// Where a posting that is of no payment is told about: what an operator gave or took, and money
/// that nobody asked for.
pub(super) fn told_elsewhere(kind: &str) -> Option<(&'static str, &'static str)> {
    match kind {
        "manual_grant" | "void" => Some(("/operator/audit", "by an operator")),
        "paid_out" | "payout_failed" => Some(("/operator/journal?account=asset:bank", "a payout")),
        "gas" => Some(("/operator/journal?gas=true", "gas")),
        "receipt" => Some(("/operator/reconciliation?all=1", "a finding")),
        _ => None,
    }
}

/// What an answer said that it cost, in fewer words: the payment's name stands beside it.
pub(super) fn charge(header: &str) -> String {
    let parts = header.split(';').map(str::trim).filter(|part| !part.starts_with("payment="));
    parts.map(|part| part.strip_prefix("reason=").unwrap_or(part)).collect::<Vec<_>>().join("; ")
}

/// A rail as operators call it.
pub(super) fn rail(rail: &str) -> &str {
    if rail == "mpp" { "card" } else { rail }
}

/// What funded a payment, where its rail does not say it already.
pub(super) fn funding(funding: &str) -> &str {
    match funding {
        "x402" | "mpp_charge" => "",
        "mpp_pack" => "pack",
        other => other,
    }
}

/// How a state is coloured: `ok`, `busy`, `warn`, `bad` or `mute`. The word stands beside it
/// always.
pub(super) fn tone(state: &str) -> &'static str {
    match state {
        "created" | "granted" | "refunded" | "won" | "checked" | "settled" => "ok",
        "claimed" | "signed" | "submitted" | "forwarding" | "charged" | "open" | "reserved"
        | "refund_sent" | "sent" => "busy",
        "submit_unknown" | "core_unknown" | "unrecognised" | "inquiry" | "refund_due"
        | "refund_unknown" | "unknown" | "could_not_check" => "warn",
        "rejected" | "failed" | "refund_failed" | "lost" => "bad",
        _ => "mute",
    }
}

/// What a payment's state means for an operator.
pub(super) fn state_says(state: &str) -> &'static str {
    match state {
        "claimed" => {
            "the proof is accepted; the settlement waits for a signer, and nothing was sent"
        }
        "signed" => "the settlement is signed and saved; it may have been sent",
        "submitted" => "the settlement was sent and accepted; its outcome is not proven yet",
        "submit_unknown" => {
            "the settlement was sent and its outcome is unknown; the gateway keeps retrying"
        }
        "pay_failed" => "proven: nothing was paid and nothing will be",
        "forwarding" => "funded and booked; the launch is being created",
        "core_unknown" => "the upstream gave no definitive answer; the gateway keeps retrying",
        "created" => "the launch exists and its answer is stored",
        "rejected" => "paid, rejected upstream: the payer is owed",
        "released" => "rejected upstream, not charged",
        "charged" => "the pack is paid; its credits are not there yet",
        "granted" => "the pack's credits are on the account",
        _ => "",
    }
}

/// What a kind of finding means, and what helps.
pub(super) fn finding_says(kind: &str) -> &'static str {
    match kind {
        "unearned_receipt" => {
            "An identity proof was settled, or a payment arrived late. Refund it."
        }
        "unmatched_receipt" => "A transfer that matches no payment. Identify the sender.",
        "settlement_lost" => {
            "A settlement is no longer on the chain. The launch was served unpaid."
        }
        "phantom_settlement" => "The books name a settlement that the other side does not have.",
        "amount_mismatch" => "Both sides have it, with different amounts.",
        "missing_launch" => "The books name a launch that the core does not have.",
        "late_result" => "The core made a launch for a payment that was ended as not done.",
        "extra_launch" => "The core has a launch that the books do not.",
        "fraud_warning" => "Refund the payment before a chargeback, or unblock the account.",
        "unknown_state" => {
            "Look at it in Stripe's dashboard; nothing of it is booked. A newer version of this program may know the word."
        }
        "stuck" => "It is past its deadline. See its payment.",
        "refund_failed" => {
            "A refund failed, perhaps after it had succeeded. Its amount is due again: approve it again, or issue a credit instead."
        }
        "refund_differs" => {
            "A part was refunded elsewhere after the approval. The rest is being refunded."
        }
        "unassigned_payout" => {
            "A manual payout in Stripe's dashboard. Assign the part earned here; it is booked as in the bank."
        }
        "foreign_entry" => {
            "stripe.exclusive is set, but this entry belongs to no payment. Investigate, then close."
        }
        "could_not_check" => {
            "The source was unavailable. This closes by itself after a complete run."
        }
        _ => "",
    }
}

/// What comes of a debt, or what an operator can do about it.
pub(super) fn owed_says(state: &str, currency: &str, refund_wallet: bool) -> &'static str {
    ObligationState::from_word(state).map_or("", |state| state.outlook(currency, refund_wallet))
}

/// Whether a transfer that was sent by hand may be booked as paying it.
pub(super) fn can_pay_back(state: &str, currency: &str) -> bool {
    currency == "USDC" && state == ObligationState::RefundDue.word()
}

/// Whether an approval of a refund can change something.
pub(super) fn can_refund(state: &str, currency: &str) -> bool {
    currency == "USD"
        && ObligationState::from_word(state).is_some_and(ObligationState::can_refund_card)
}

/// Whether it was real money, in a word.
pub(super) fn mode(live: Option<bool>) -> &'static str {
    match live {
        Some(true) => "live",
        Some(false) => "test",
        None => "",
    }
}

/// How long ago a moment was, in the largest unit that says something; both in RFC 3339.
pub(super) fn ago(now: &str, then: &str) -> String {
    use payments::time::UnixMs;
    let (Some(now), Some(then)) = (UnixMs::parse_rfc3339(now), UnixMs::parse_rfc3339(then)) else {
        return String::new();
    };
    let s = now.unix_s().saturating_sub(then.unix_s()).max(0);
    match s {
        0..=119 => format!("{s} s"),
        120..=7_199 => format!("{} min", s / 60),
        7_200..=172_799 => format!("{} h", s / 3_600),
        _ => format!("{} days", s / 86_400),
    }
}

/// What the row's amount is: what was settled, or the price where nothing was.
pub(super) fn taken(row: &PaymentRow) -> Option<(i64, &str)> {
    row.settled_minor.map(|minor| (minor, row.settled_currency.as_deref().unwrap_or(&row.currency)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_keep_every_unit_and_their_sign() {
        assert_eq!(decimal(&550_000, "USDC"), "0.55");
        assert_eq!(decimal(&-1, "USDC"), "\u{2212}0.000001");
        assert_eq!(decimal(&1_200, "USD"), "12.00");
        assert_eq!(decimal(&-20, "CREDIT"), "\u{2212}20");
        assert_eq!(decimal(&i64::MIN, "CREDIT"), "\u{2212}9223372036854775808");
        assert_eq!(decimal(&-1, "ETH"), "\u{2212}0.000000001");
        assert_eq!((unit("CREDIT"), unit("USDC")), ("credits", "USDC"));
    }

    #[test]
    fn wei_are_shown_to_the_last_digit() {
        assert_eq!((ether(0).as_str(), ether(150_960_000_000).as_str()), ("0", "0.00000015096"));
        assert_eq!(ether(123_000_000_000_000_000_001), "123.000000000000000001");
    }

    #[test]
    fn long_names_keep_what_tells_them_apart() {
        assert_eq!(
            short("wallet:0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"),
            "wallet:0xf39f…2266"
        );
        assert_eq!(short("pay_0193e4a2b7c87d1e8f6a5b4c3d2e1f00"), "pay_0193…1f00");
        assert_eq!(short("pi_123"), "pi_123");
        assert_eq!(short(&"ß".repeat(40)), "ßßßß…ßßßß");
    }

    #[test]
    fn accounts_and_postings_are_named_by_what_tells_them_apart() {
        assert_eq!(
            account("liab:unearned:wallet:0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"),
            "liab:unearned:wallet:0xf39f…2266"
        );
        assert_eq!(
            (account("liab:unearned").as_str(), account("rev:launch").as_str()),
            ("liab:unearned", "rev:launch")
        );
        assert_eq!(
            (posted("pay_7:refunded:refund_pay_7"), posted("pay_7:settled"), posted("?")),
            ("refunded", "settled", "?")
        );
        assert_eq!(
            charge("0.60 USD; payment=pay_7; credited=1 CREDIT"),
            "0.60 USD; credited=1 CREDIT"
        );
        assert_eq!(charge("none; reason=free_tier; remaining=4"), "none; free_tier; remaining=4");
    }

    #[test]
    fn a_moment_that_is_none_is_shown_as_it_is() {
        assert_eq!(moment("2026-01-31T12:00:00.123Z"), "2026-01-31 12:00:00");
        assert_eq!(moment("soon"), "soon");
        assert_eq!(ago("2026-01-31T12:00:00Z", "2026-01-31T11:58:00Z"), "2 min");
        assert_eq!(
            ago("2026-01-31T12:00:00Z", "2026-02-01T11:58:00Z"),
            "0 s",
            "a clock that went back"
        );
        assert_eq!(ago("2026-01-31T12:00:00Z", "2026-01-01T12:00:00Z"), "30 days");
        assert_eq!(ago("now", "then"), "");
    }
}
