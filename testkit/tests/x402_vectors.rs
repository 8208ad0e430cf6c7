//! Every entry of `tests/vectors/x402.json` that concerns `exact` with EIP-3009. The vectors were
//! made by the published clients with a frozen clock; each runs at its own `verifyAt`.
#![allow(clippy::unwrap_used)]

use alloy_primitives::U256;
use payments::error::{ProofError, Reason};
use payments::x402::offer::Requirements;
use payments::x402::verify::{LiveTransfer, Offers, VerifiedTransfer, check_chain_state, verify};
use payments::x402::{X402Version, decode, eip712};
use serde_json::Value;
use testkit::vectors::{self, bytes32, text};

const MAX_WINDOW_S: u64 = 3900;

/// Entries that leave the answer to the implementation: ours (`None` is accepted), and why.
const CHOICES: [(&str, Option<Reason>, &str); 10] = [
    (
        "v1-valid-after-equals-now",
        Some(Reason::ValidAfter),
        "the token is strict: validAfter < block time",
    ),
    (
        "v2-valid-after-equals-now",
        Some(Reason::ValidAfter),
        "the token is strict: validAfter < block time",
    ),
    (
        "v1-v-0-or-1",
        None,
        "a parity byte is normalised to 27/28 before verification and settlement",
    ),
    (
        "v2-v-0-or-1",
        None,
        "a parity byte is normalised to 27/28 before verification and settlement",
    ),
    (
        "v1-value-as-json-number",
        Some(Reason::InvalidPayload),
        "the schema says string; numbers lose digits",
    ),
    (
        "v2-value-as-json-number",
        Some(Reason::InvalidPayload),
        "the schema says string; numbers lose digits",
    ),
    (
        "v1-caip2-network-name",
        Some(Reason::InvalidNetwork),
        "version 1 has its own names, and no client sends this",
    ),
    ("v2-valid-before-beyond-timeout", Some(Reason::ValidBefore), "the window is capped at 3900 s"),
    (
        "v2-accepted-extra-missing",
        None,
        "typed clients drop members; our own domain is used anyway",
    ),
    ("v2-resource-other-url", None, "resource is not signed, so it proves nothing either way"),
];

enum Verdict {
    Unpaid,
    Accepted(Box<LiveTransfer>),
    Refused(ProofError),
}

/// The whole way of one header: decode, verify, clock, chain.
fn judge(entry: &Value, offer: &Requirements) -> Verdict {
    let way = || -> Result<Option<LiveTransfer>, ProofError> {
        let Some(payment) = decode::decode(text(entry, "headerValue").as_bytes())? else {
            return Ok(None);
        };
        let transfer = verify(&payment, &Offers::exactly(offer))?;
        let live = transfer.within_window(entry["verifyAt"].as_u64().unwrap(), MAX_WINDOW_S)?;
        let chain = &entry["chainState"];
        let balance = chain["balance"].as_str().map_or(U256::MAX, |units| units.parse().unwrap());
        check_chain_state(&live, chain["authorizationUsed"] == true, balance)?;
        Ok(Some(live))
    };
    match way() {
        Ok(None) => Verdict::Unpaid,
        Ok(Some(live)) => Verdict::Accepted(Box::new(live)),
        Err(error) => Verdict::Refused(error),
    }
}

fn expected_code(entry: &Value) -> Option<&str> {
    if entry["expect"] != "implementation_choice" {
        return entry["gatewayReason"].as_str();
    }
    let id = text(entry, "id");
    let (_, reason, _) = CHOICES
        .iter()
        .find(|(choice, ..)| *choice == id)
        .unwrap_or_else(|| panic!("undecided: {id}"));
    reason.map(Reason::code)
}

#[test]
fn every_case_gets_its_verdict() {
    let vectors = vectors::load();
    let cases = vectors["cases"].as_array().unwrap();
    let (mut failures, mut accepted, mut refused, mut choices) = (Vec::new(), 0, 0, 0);
    for entry in cases {
        let offer = vectors::requirements(&vectors, &entry["requirements"]);
        choices += usize::from(entry["expect"] == "implementation_choice");
        let got = match judge(entry, &offer) {
            Verdict::Unpaid => Some("treat_as_unpaid"),
            Verdict::Accepted(_) => None,
            Verdict::Refused(error) => {
                let useful = !error.expected.is_empty()
                    && !error.got.is_empty()
                    && error.status_hint() == 402;
                if !useful {
                    failures.push(format!(
                        "{}: the refusal explains nothing: {error}",
                        text(entry, "id")
                    ));
                }
                Some(error.reason.code())
            }
        };
        let expected = expected_code(entry);
        if got != expected {
            failures.push(format!("{}: expected {expected:?}, got {got:?}", text(entry, "id")));
        }
        if got.is_none() { accepted += 1 } else { refused += 1 }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    // 13 plain accepts and 4 of the choices; nothing was skipped.
    assert_eq!((cases.len(), accepted, refused, choices), (105, 17, 88, CHOICES.len()));
}

#[test]
fn every_real_client_is_verified() {
    let vectors = vectors::load();
    let positives = vectors["positive"].as_array().unwrap();
    let mut failures = Vec::new();
    for entry in positives {
        let offer = vectors::requirements(&vectors, &entry["requirements"]);
        match judge(entry, &offer) {
            Verdict::Accepted(live) => check_positive(entry, &offer, &live),
            Verdict::Refused(error) => failures.push(format!("{}: {error}", text(entry, "id"))),
            Verdict::Unpaid => failures.push(format!("{}: unpaid", text(entry, "id"))),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(positives.len(), 14);
}

fn check_positive(entry: &Value, offer: &Requirements, live: &LiveTransfer) {
    let (id, typed, key) = (text(entry, "id"), &entry["eip712"], live.key());
    let message = eip712::TransferMessage {
        from: *live.from(),
        to: *live.pay_to(),
        value: U256::from(live.value().get()),
        valid_after: U256::from(live.valid_after_unix_s()),
        valid_before: U256::from(live.valid_before_unix_s()),
        nonce: *live.nonce(),
    };
    let separator = offer.token().domain_separator();
    assert_eq!(separator.0, bytes32(text(typed, "domainSeparator")), "{id}");
    assert_eq!(eip712::struct_hash(&message).0, bytes32(text(typed, "structHash")), "{id}");
    assert_eq!(eip712::digest(separator, &message).0, bytes32(text(typed, "digest")), "{id}");
    assert_eq!(
        (live.r().0, live.s().0),
        (bytes32(text(typed, "r")), bytes32(text(typed, "s"))),
        "{id}"
    );
    assert_eq!(u64::from(live.v()), typed["v"].as_u64().unwrap(), "{id}");
    assert_eq!(live.from().checksummed(), text(entry, "payer"), "{id}");
    assert_eq!(
        u64::from(u8::from(live.x402_version())),
        entry["x402Version"].as_u64().unwrap(),
        "{id}"
    );
    let wanted = &entry["paymentKey"];
    let parts = ["network", "asset", "from", "nonce"].map(|part| text(wanted, part));
    assert_eq!(key.to_string(), parts.join("/"), "{id}");
    let saved = serde_json::to_string(&live.to_saved()).unwrap();
    let again = VerifiedTransfer::from_saved(serde_json::from_str(&saved).unwrap(), offer.token());
    assert_eq!(again.as_ref(), Ok(&**live), "{id}");
    check_offer_element(entry, offer, live.x402_version());
}

/// Our serialisers give the very object that this client was asked with.
fn check_offer_element(entry: &Value, offer: &Requirements, version: X402Version) {
    let element = match version {
        X402Version::V1 => offer.v1_element("https://api.example.com/launches").unwrap(),
        X402Version::V2 => offer.v2_element(),
    };
    let element: Value = serde_json::from_str(&element).unwrap();
    assert_eq!(element, entry["requirements"], "{}", text(entry, "id"));
}

#[test]
fn other_payload_types_are_refused_cleanly() {
    let vectors = vectors::load();
    for name in ["permit2Exact", "upto"] {
        let error = decode::decode(text(&vectors[name], "headerValue").as_bytes()).unwrap_err();
        assert_eq!(error.reason, Reason::UnsupportedPayloadType, "{name}");
    }
}

/// What the rail needs for its call is all in the live transfer.
#[test]
fn a_live_transfer_fills_the_settlement_call() {
    let vectors = vectors::load();
    let onchain = &vectors["onchain"];
    let positives = vectors["positive"].as_array().unwrap();
    let entry = positives.iter().find(|entry| entry["id"] == onchain["forVector"]).unwrap();
    let Verdict::Accepted(live) =
        judge(entry, &vectors::requirements(&vectors, &entry["requirements"]))
    else {
        panic!("not accepted")
    };
    let number = |n: u64| hex::encode(U256::from(n).to_be_bytes::<32>());
    let address =
        |wallet: &payments::agent::Wallet| format!("{:0>64}", hex::encode(wallet.as_bytes()));
    let words = [
        address(live.from()),
        address(live.pay_to()),
        number(live.value().get()),
        number(live.valid_after_unix_s()),
        number(live.valid_before_unix_s()),
        hex::encode(live.nonce()),
        number(u64::from(live.v())),
        hex::encode(live.r()),
        hex::encode(live.s()),
    ];
    assert_eq!(
        format!("0xe3ee160e{}", words.concat()),
        text(onchain, "transferWithAuthorization_vrs")
    );
}
