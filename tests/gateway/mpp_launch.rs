//! A launch paid by card: the challenge, the charge, and the same credential again.

use serde_json::json;

use crate::proofs;
use crate::support::card::{Challenge, p3, unpaid};
use crate::support::moment::now_unix_s;
use crate::support::world::Totals;
use crate::support::{Card, Setup, World};

/// Launches that a card was charged for, one charge each.
pub fn charged(launches: usize) -> Totals {
    Totals { settlements: launches, charges: launches, launches, ..Totals::default() }
}

pub async fn card_world() -> World {
    Setup::paid().cards().start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn r001_r062_no_credential_gets_both_halves_of_the_challenge() {
    let world = card_world().await;
    let (call, asked) = (unpaid("first"), world.stripe().calls().len());
    let reply = world.send(call.clone()).await.refused(402, "PAYMENT_001");
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(proofs::challenge(&reply)["accepts"][0]["amount"], "550000");
    let size =
        |(name, value): (&http::HeaderName, &http::HeaderValue)| name.as_str().len() + value.len();
    let both = ["payment-required", "www-authenticate"];
    let total: usize =
        reply.headers.iter().filter(|(name, _)| both.contains(&name.as_str())).map(size).sum();
    assert!(total <= 4096, "{total} bytes of challenge headers");
    let challenge = Challenge::of(&reply);
    let said = ["realm", "method", "intent"].map(|name| challenge.text(name));
    assert_eq!(said, [world.gateway.address.ip().to_string().as_str(), "stripe", "charge"]);
    let request = challenge.request();
    assert_eq!((&request["amount"], &request["currency"]), (&json!("60"), &json!("usd")));
    assert_eq!(request["methodDetails"]["networkId"], "profile_test_turnpike");
    assert_eq!(request["methodDetails"]["paymentMethodTypes"], json!(["card", "link"]));
    let expires = time::OffsetDateTime::parse(
        challenge.text("expires"),
        &time::format_description::well_known::Rfc3339,
    )
    .unwrap();
    let ahead = u64::try_from(expires.unix_timestamp()).unwrap() - now_unix_s();
    assert!((2_000..=2_100).contains(&ahead), "{ahead} s");
    assert!(challenge.text("digest").starts_with("sha-256="));
    let body = reply.json();
    assert_eq!(
        (&body["mpp"]["amount_cents"], &body["mpp"]["method"]),
        (&json!(60), &json!("stripe")),
        "{body}"
    );
    assert_eq!(body["type"], "https://paymentauth.org/problems/payment-required", "{body}");
    assert_ne!(
        world.challenge(&call).await.text("id"),
        challenge.text("id"),
        "each challenge is its own"
    );
    assert!(world.gateway.audit().view("intents").await.is_empty());
    assert_eq!(world.asked_since(asked), []);
    world.settles_at(Totals::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r067_the_same_credential_again_gets_the_same_answer() {
    let world = card_world().await;
    let (card, call) = (Card::new(), unpaid("once"));
    let paid = world.credential(&card, &call).await.on(&call);
    let first = world.send(paid.clone()).await.must(201);
    assert!(!first.replayed());
    assert!(first.charge().starts_with("0.60 USD; payment="), "{}", first.brief());
    assert!(first.header("payment-receipt").is_some());
    let asked = world.stripe().calls().len();
    for _ in 0..10 {
        let again = world.send(paid.clone()).await.must(201);
        assert!(again.replayed());
        assert_eq!(again.body, first.body);
        for name in ["payment-receipt", "x-agent-token", "x-charge", "x-payment-id"] {
            assert_eq!(again.header(name), first.header(name), "{name}");
        }
    }
    assert_eq!(world.stripe().calls().len(), asked, "a repeat asks Stripe nothing");
    world.settles_at(charged(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r068_a_challenge_is_paid_once() {
    let world = card_world().await;
    let (card, call) = (Card::new(), unpaid("once"));
    let challenge = world.challenge(&call).await;
    let paid = challenge.answered(&card.token(world.stripe(), 60)).on(&call);
    world.send(paid.clone()).await.must(201);
    for other in [card, Card::new()] {
        let again = challenge.answered(&other.token(world.stripe(), 60)).on(&call);
        let reply = world.send(again).await.refused(409, "SERVER_009");
        assert_eq!(reply.json()["reason"], "challenge_used");
    }
    assert!(world.send(paid).await.must(201).replayed());
    world.settles_at(charged(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r069_a_payment_token_pays_once() {
    let world = card_world().await;
    let (card, call) = (Card::new(), unpaid("once"));
    // Worth ten launches, and yet good for one.
    let token = card.token(world.stripe(), 600);
    let paid = world.challenge(&call).await.answered(&token).on(&call);
    world.send(paid).await.must(201);
    for title in ["once", "twice"] {
        let call = unpaid(title);
        let again = world.challenge(&call).await.answered(&token).on(&call);
        p3(world.send(again).await, "payment_token_used");
    }
    world.settles_at(charged(1)).await;
}

/// On one process; two replicas have one database each to share, and there is none in this build.
#[tokio::test(flavor = "multi_thread")]
async fn r070_thirty_identical_credentials_at_once_pay_once() {
    let world = card_world().await;
    let (card, call) = (Card::new(), unpaid("at once"));
    let paid = world.credential(&card, &call).await.on(&call);
    let replies = futures::future::join_all((0..30).map(|_| world.send(paid.clone()))).await;
    let replies: Vec<_> = replies.into_iter().map(|reply| reply.must(201)).collect();
    assert_eq!(replies.iter().filter(|reply| !reply.replayed()).count(), 1);
    assert!(replies.iter().all(|reply| reply.body == replies[0].body));
    assert_eq!(world.stripe().charges_sent(), 1);
    world.settles_at(charged(1)).await;
}

/// On one process.
#[tokio::test(flavor = "multi_thread")]
async fn r070_one_token_under_thirty_challenges_at_once_pays_once() {
    let world = card_world().await;
    let (card, call) = (Card::new(), unpaid("at once"));
    let token = card.token(world.stripe(), 6_000);
    let mut paid = Vec::new();
    for _ in 0..30 {
        paid.push(world.challenge(&call).await.answered(&token).on(&call));
    }
    let replies = futures::future::join_all(paid.into_iter().map(|call| world.send(call))).await;
    let (created, refused): (Vec<_>, Vec<_>) =
        replies.into_iter().partition(|reply| reply.status == 201);
    assert_eq!(
        created.len(),
        1,
        "{:?}",
        created.iter().map(crate::support::Reply::brief).collect::<Vec<_>>()
    );
    for reply in refused {
        // No challenge while the charge is open: it would be paid on top.
        match reply.status.as_u16() {
            409 => assert_eq!(reply.json()["reason"], "payment_token_in_use", "{}", reply.brief()),
            _ => drop(p3(reply, "payment_token_used")),
        }
    }
    assert_eq!(world.stripe().charges_sent(), 1);
    world.settles_at(charged(1)).await;
}
