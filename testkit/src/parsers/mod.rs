//! What every parser of foreign bytes must keep, whatever the bytes are. The same functions run
//! under a coverage-guided fuzzer (`fuzz/`) and as seeded mutations with the other tests.

pub mod mpp;

use std::{fmt::Display, str::FromStr, sync::LazyLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use payments::agent::{Payer, Wallet};
use payments::challenge::{
    ErrorShape, ErrorShapeSetting, MAX_CHALLENGE_BYTES, Prepared402, Problem, Render, ShapeHints,
};
use payments::ids::PaymentId;
use payments::money::{Credits, UsdCents, UsdcUnits};
use payments::proof::PaymentKey;
use payments::settlement::ChainHash;
use payments::x402::decode;
use payments::x402::offer::Requirements;
use payments::x402::verify::{Offers, SignedAuthorization, VerifiedTransfer, verify};
use serde_json::Value;

use crate::vectors;

/// A parser under test.
pub type Target = fn(&[u8]);

/// Every target, by the name that it has under the fuzzer.
pub const TARGETS: [(&str, Target); 7] = [
    ("x402_header", x402_header),
    ("x402_json", x402_json),
    ("texts", texts),
    ("challenge_402", challenge_402),
    ("mpp_header", mpp::mpp_header),
    ("mpp_json", mpp::mpp_json),
    ("mpp_texts", mpp::mpp_texts),
];

/// The offers of the vectors, and what their payers signed: nothing else may ever verify.
struct Signed {
    offers: Vec<Requirements>,
    authorizations: Vec<SignedAuthorization>,
}

static SIGNED: LazyLock<Signed> = LazyLock::new(|| {
    let entries = vectors::VECTORS["positive"].as_array().unwrap();
    let offers: Vec<_> = entries
        .iter()
        .map(|entry| vectors::requirements(&vectors::VECTORS, &entry["requirements"]))
        .collect();
    let prove = |(entry, offer): (&Value, &Requirements)| {
        let payment =
            decode::decode(vectors::text(entry, "headerValue").as_bytes()).unwrap().unwrap();
        verify(&payment, &Offers::exactly(offer)).unwrap().to_saved()
    };
    let authorizations = entries.iter().zip(&offers).map(prove).collect();
    Signed { offers, authorizations }
});

/// A value of `X-PAYMENT` or `PAYMENT-SIGNATURE`.
pub fn x402_header(bytes: &[u8]) {
    let Ok(Some(payment)) = decode::decode(bytes) else { return };
    for offer in &SIGNED.offers {
        let Ok(transfer) = verify(&payment, &Offers::exactly(offer)) else { continue };
        let saved = transfer.to_saved();
        let same = |signed: &SignedAuthorization| {
            SignedAuthorization { x402_version: saved.x402_version, ..signed.clone() } == saved
        };
        assert!(SIGNED.authorizations.iter().any(same), "nobody signed {saved:?}");
        assert_eq!(VerifiedTransfer::from_saved(saved.clone(), offer.token()).unwrap(), transfer);
        let kept: SignedAuthorization =
            serde_json::from_str(&serde_json::to_string(&saved).unwrap()).unwrap();
        assert_eq!(kept, saved, "what the books keep is what was signed");
        assert_eq!(transfer.key().to_string().parse(), Ok(transfer.key()));
    }
}

/// The JSON inside such a value: mutations there get past the base64.
pub fn x402_json(bytes: &[u8]) {
    x402_header(STANDARD.encode(bytes).as_bytes());
}

/// Addresses, ids, keys, hashes and amounts: what is read is written back, and read back the same.
pub fn texts(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for wallet in [Wallet::parse(text), Wallet::parse_any_case(text)].into_iter().flatten() {
        assert_eq!(Wallet::parse(&wallet.to_string()), Ok(wallet));
        assert_eq!(Wallet::parse(&wallet.checksummed()), Ok(wallet));
        assert!(text.eq_ignore_ascii_case(&wallet.to_string()));
    }
    canonical::<PaymentId>(text);
    canonical::<PaymentKey>(text);
    canonical::<Payer>(text);
    if let Some(hash) = ChainHash::parse(text) {
        assert_eq!(ChainHash::parse(&hash.to_string()), Some(hash));
    }
    amount::<UsdcUnits>(text);
    amount::<UsdCents>(text);
    amount::<Credits>(text);
}

/// One spelling and no other.
fn canonical<T: FromStr + Display>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string(), text);
    }
}

fn amount<T: FromStr + Display + PartialEq>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert!(
            text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'),
            "{text:?} is money"
        );
        assert!(value.to_string().parse::<T>().is_ok_and(|again| again == value), "{text:?}");
    }
}

/// The 402 for a URL, an error text and headers that a client chose.
pub fn challenge_402(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (url, message) =
        text.split_at(text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at));
    let prepared =
        Prepared402::new("POST /launches", "https://api.example.com/launches", &SIGNED.offers[0])
            .unwrap();
    let hints = ShapeHints {
        accept: Some(url),
        x402_version: Some(message),
        user_agent: Some(&text),
        speaks_newer: bytes.len().is_multiple_of(2),
    };
    for shape in [ErrorShape::Object, ErrorShape::String, ErrorShapeSetting::Auto.choose(&hints)] {
        let problem =
            Problem { code: "PAYMENT_001", message, got: Some(url), ..Problem::default() };
        let rendered = prepared.render(&Render { resource_url: url, problem, shape, card: None });
        assert!(rendered.header_payment_required.as_ref().unwrap().len() <= MAX_CHALLENGE_BYTES);
        let header: Value = serde_json::from_slice(
            &STANDARD.decode(rendered.header_payment_required.as_ref().unwrap()).unwrap(),
        )
        .unwrap();
        let body: Value = serde_json::from_slice(&rendered.body).unwrap();
        let amount = SIGNED.offers[0].amount().get().to_string();
        assert_eq!(
            (header["accepts"][0]["amount"].as_str(), header["x402Version"].as_u64()),
            (Some(amount.as_str()), Some(2))
        );
        assert_eq!(body["x402"]["amount"], SIGNED.offers[0].amount().to_string());
    }
}
