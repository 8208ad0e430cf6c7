//! The published Rust implementation as the judge: it reads what we write, we read what it writes,
//! and the ids are equal.
#![allow(clippy::unwrap_used)]

mod mpp_support;

use ::mpp::protocol::core::accept_payment;
use mpp_support::{NOW, REALM, SECRET, decode};
use payments::money::UsdCents;
use payments::mpp::accept;
use payments::mpp::client;
use payments::mpp::digest::BodyDigest;
use payments::mpp::secrets::Secrets;
use payments::mpp::stripe::offer::Offer;
use payments::mpp::stripe::token::PaymentToken;
use payments::mpp::stripe::verify::verify;
use payments::mpp::{receipt::ReceivedReceipt, stripe::receipt::Receipt};
use proptest::prelude::*;
use serde_json::json;

/// One of our offers, as their ranking wants to see it.
#[derive(Debug, PartialEq)]
struct Named(&'static str, &'static str);

impl accept_payment::HasMethodIntent for Named {
    fn method(&self) -> &str {
        self.0
    }

    fn intent(&self) -> &str {
        self.1
    }
}

proptest! {
    #[test]
    fn they_read_our_challenge_and_we_read_their_credential(
        realm in "[a-z0-9.:-]{1,40}",
        route in "[A-Z]{3,6} /[ -~]{0,60}",
        cents in 50_u64..1_000_000,
        nonce: [u8; 16],
        body in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..200)),
        token in "spt_[A-Za-z0-9_]{1,200}",
        source in proptest::option::of("[ -~]{1,40}"),
    ) {
        let secrets = Secrets::new([SECRET]).unwrap();
        let offer = Offer::new(&realm, &route, UsdCents::new(cents), "profile_test_x", &["card", "link"]).unwrap();
        let digest = body.as_ref().map(|body| BodyDigest::of(body));
        let ours = offer.challenge(&secrets, NOW.plus_s(1), digest.as_ref(), &nonce);

        let theirs = ::mpp::parse_www_authenticate(&ours.header_value()).unwrap();
        prop_assert_eq!(&theirs.id, &ours.id().to_string());
        prop_assert!(theirs.verify(SECRET));
        theirs.validate_for_charge("stripe").unwrap();
        let opaque = theirs.opaque.as_ref().unwrap().decode_value().unwrap();
        prop_assert_eq!(opaque, json!({"n": hex::encode(nonce), "r": route}));
        if let (Some(digest), Some(body)) = (&theirs.digest, &body) {
            prop_assert!(::mpp::body_digest::verify(digest, body));
        }

        let mut credential = ::mpp::PaymentCredential::new(theirs.to_echo(), json!({"spt": token}));
        credential.source = source.clone();
        let sent = decode(&::mpp::format_authorization(&credential).unwrap()).unwrap().unwrap();
        let live = verify(&sent, &secrets, &offer, digest.as_ref()).unwrap().in_window(NOW).unwrap();
        prop_assert_eq!(live.challenge_id(), ours.id());
        prop_assert_eq!((live.token().expose(), live.source(), live.amount()), (token.as_str(), source.as_deref(), offer.amount()));
    }

    #[test]
    fn we_read_their_challenge_and_they_read_our_credential(
        amount in 1_u64..1_000_000,
        description in proptest::option::of("[^\\p{C}]{0,40}"),
        external_id in proptest::option::of("[ -~]{1,30}"),
        with_opaque: bool,
        token in "spt_[A-Za-z0-9_]{1,200}",
    ) {
        let mut request = json!({"amount": amount.to_string(), "currency": "usd", "methodDetails": {"networkId": "profile_x"}});
        if let Some(external_id) = &external_id {
            request["externalId"] = json!(external_id);
        }
        let encoded = |value: &serde_json::Value| ::mpp::Base64UrlJson::from_value(value).unwrap();
        let opaque = with_opaque.then(|| encoded(&json!({"z": "1", "a": "é"})));
        let expires = NOW.rfc3339();
        let theirs = ::mpp::PaymentChallenge::with_secret_key_full(
            SECRET, REALM, "stripe", "charge", encoded(&request), Some(&expires), None, description.as_deref(), opaque, None,
        );
        let read = client::challenges(&theirs.to_header().unwrap());
        let [Ok(read)] = &read[..] else { panic!("{read:?}") };
        let terms = read.stripe_charge().unwrap();
        prop_assert_eq!((terms.amount_minor, terms.network_id, terms.expires), (amount, "profile_x", Some(NOW)));
        prop_assert_eq!(read.parameter("description"), description.as_deref());

        let sent = read.authorization(&PaymentToken::parse(&token).unwrap(), Some("did:example:a"));
        let credential = ::mpp::parse_authorization(&sent).unwrap();
        prop_assert_eq!(credential.source.as_deref(), Some("did:example:a"));
        prop_assert_eq!(&credential.payload["spt"], &json!(token));
        prop_assert_eq!(credential.payload["externalId"].as_str(), external_id.as_deref());
        let echo = serde_json::to_value(&credential.challenge).unwrap();
        prop_assert_eq!(echo, serde_json::to_value(theirs.to_echo()).unwrap());
    }

    #[test]
    fn receipts_go_both_ways(reference in "pi_[A-Za-z0-9]{1,30}", ms in 0_i64..4_000_000_000_000, external_id in proptest::option::of("[ -~]{1,20}")) {
        let settled_at = payments::time::UnixMs::new(ms);
        let ours = Receipt { settled_at, reference: &reference, external_id: external_id.as_deref(), challenge_id: None };
        let theirs = ::mpp::parse_receipt(&ours.header_value()).unwrap();
        prop_assert!(theirs.is_success());
        prop_assert_eq!((theirs.reference.as_str(), theirs.external_id.as_deref()), (reference.as_str(), external_id.as_deref()));
        prop_assert_eq!(payments::time::UnixMs::parse_rfc3339(&theirs.timestamp), Some(settled_at));
        let back = ReceivedReceipt::decode(&theirs.to_header().unwrap()).unwrap();
        prop_assert_eq!((back.reference, back.external_id), (theirs.reference, theirs.external_id));
    }

    #[test]
    fn preferences_are_ranked_alike(ranges in proptest::collection::vec(("stripe|evm|tempo|\\*", "charge|session|\\*", 0_u16..=10), 1..5)) {
        let offers = [("evm", "charge"), ("stripe", "charge"), ("stripe", "session")];
        let weight = |tenths: u16| format!("{}.{}", tenths / 10, tenths % 10);
        let header = ranges.iter().map(|(m, i, q)| format!("{m}/{i};q={}", weight(*q))).collect::<Vec<_>>().join(", ");
        let named = offers.map(|(method, intent)| Named(method, intent));
        let theirs = accept_payment::rank(&named, &accept_payment::parse(&header).unwrap());
        let ours: Vec<_> = accept::rank(&header, &offers).unwrap().into_iter().map(|place| &named[place]).collect();
        prop_assert_eq!(ours, theirs, "{}", header);
    }
}
