//! What every reader of MPP must keep, whatever the bytes are.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use payments::money::UsdCents;
use payments::mpp::agent_token::AgentToken;
use payments::mpp::receipt::ReceivedReceipt;
use payments::mpp::secrets::{ChallengeId, Secrets};
use payments::mpp::stripe::offer::Offer;
use payments::mpp::stripe::token::PaymentToken;
use payments::mpp::stripe::verify::{present, verify};
use payments::mpp::{accept, client, decode};
use payments::time::UnixMs;

use super::canonical;

/// Routes, their challenges and what a client answered: no other challenge may ever verify.
pub struct Issued {
    secrets: Secrets,
    offers: Vec<Offer>,
    ids: Vec<ChallengeId>,
    /// Values of `WWW-Authenticate`.
    pub challenges: Vec<String>,
    /// The JSON inside the values of `Authorization`.
    pub credentials: Vec<String>,
}

/// What a gateway issued to these clients, signed once for all tests.
pub static ISSUED: LazyLock<Issued> = LazyLock::new(|| {
    let secrets = Secrets::new(["gateway-vector-secret-0123456789abcdef"]).unwrap();
    let offer = |route, cents| {
        Offer::new(
            "api.example.com",
            route,
            UsdCents::new(cents),
            "profile_test_x",
            &["card", "link"],
        )
        .unwrap()
    };
    let offers = vec![offer("POST /launches", 60), offer("POST /credits/purchase", 1200)];
    let issue = |offer: &Offer| {
        let challenge = offer.challenge(&secrets, UnixMs::from_s(4_000_000_000), None, &[7; 16]);
        (challenge.id(), challenge.header_value())
    };
    let (ids, challenges): (Vec<_>, Vec<_>) = offers.iter().map(issue).unzip();
    let pay = |challenge: &String| {
        let token = PaymentToken::parse("spt_1234").unwrap();
        let header = client::challenges(challenge)[0]
            .as_ref()
            .unwrap()
            .authorization(&token, Some("did:example:a"));
        String::from_utf8(URL_SAFE_NO_PAD.decode(header.strip_prefix("Payment ").unwrap()).unwrap())
            .unwrap()
    };
    let credentials = challenges.iter().map(pay).collect();
    Issued { secrets, offers, ids, challenges, credentials }
});

/// A value of `Authorization`.
pub fn mpp_header(bytes: &[u8]) {
    let credential = match decode::decode([bytes]) {
        Ok(Some(credential)) => credential,
        Ok(None) => return,
        Err(error) => return assert!(!error.to_string().contains("spt_1234"), "{error}"),
    };
    for (offer, id) in ISSUED.offers.iter().zip(&ISSUED.ids) {
        match verify(&credential, &ISSUED.secrets, offer, None) {
            Ok(verified) => {
                assert_eq!(
                    (verified.challenge_id(), verified.amount()),
                    (*id, offer.amount()),
                    "nobody was asked this"
                );
                assert_eq!(verified.expires_unix_s(), 4_000_000_000);
                assert_eq!(
                    present(&credential, &ISSUED.secrets, offer.realm()),
                    Ok(verified.presented())
                );
            }
            Err(error) => assert!(
                error.field == "challenge.expires" || !error.to_string().contains("spt_1234"),
                "{error}"
            ),
        }
    }
    if let Ok(presented) = present(&credential, &ISSUED.secrets, "api.example.com") {
        assert!(ISSUED.ids.contains(&presented.challenge_id()));
    }
}

/// The JSON inside such a value: mutations there get past the base64.
pub fn mpp_json(bytes: &[u8]) {
    mpp_header(format!("Payment {}", URL_SAFE_NO_PAD.encode(bytes)).as_bytes());
}

/// What a client reads, and the short texts.
pub fn mpp_texts(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for challenge in client::challenges(text).into_iter().flatten() {
        let paid = challenge.authorization(&PaymentToken::parse("spt_1").unwrap(), None);
        let sent = decode::decode([paid.as_bytes()]);
        // What we answer can be read, unless the server asked for more than a header holds.
        assert!(
            matches!(sent, Ok(Some(_))) || paid.len() > payments::mpp::MAX_CREDENTIAL_BYTES,
            "{text:?}"
        );
    }
    if let Ok(places) = accept::rank(text, &[("evm", "charge"), ("stripe", "charge")]) {
        assert!(places.len() <= 2 && (places.len() < 2 || places[0] != places[1]));
    }
    let _ = ReceivedReceipt::decode(text);
    canonical::<ChallengeId>(text);
    assert!(
        PaymentToken::parse(text).is_ok_and(|token| token.expose() == text)
            || PaymentToken::parse(text).is_err()
    );
    assert!(
        AgentToken::parse(text).is_ok_and(|token| token.expose() == text)
            || AgentToken::parse(text).is_err()
    );
}
