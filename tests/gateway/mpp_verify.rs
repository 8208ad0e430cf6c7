//! Credentials that do not hold: refused before Stripe is asked, with a fresh challenge, and
//! nothing is written.

use serde_json::{Value, json};

use crate::mpp_launch::{card_world, charged};
use crate::support::card::{Challenge, Credential, p3, purchase, unpaid};
use crate::support::world::{Totals, launch};
use crate::support::{Call, Card, Setup, World};

/// Refused for this reason, with a fresh challenge; Stripe was not asked, and nobody has more or
/// less than before.
async fn untouched(world: &World, call: &Call, credential: &Credential, reason: &str) -> Challenge {
    let (before, asked) = (world.standing().await, world.stripe().calls().len());
    let fresh = p3(world.send(credential.on(call)).await, reason);
    assert_eq!(world.asked_since(asked), [], "{reason}");
    assert_eq!(world.standing().await, before, "{reason}");
    assert_ne!(fresh.text("id"), credential.0["challenge"]["id"], "{reason}");
    fresh
}

#[tokio::test(flavor = "multi_thread")]
async fn r063_an_expired_challenge_pays_nothing() {
    let world = card_world().await;
    let call = unpaid("late");
    let token = Card::new().token(world.stripe(), 60);
    let fresh = world.challenge(&call).await;
    let secret = world.challenge_secret();
    let ours = |challenge: Challenge| challenge.signed_by(secret).answered(&token);
    for (expires, reason) in [
        ("2020-01-01T00:00:00Z", "challenge_expired"),
        ("1969-12-31T23:59:59Z", "challenge_expired"),
        ("tomorrow", "expires_unusable"),
        ("2099-13-01T00:00:00Z", "expires_unusable"),
        ("4102444800", "expires_unusable"),
    ] {
        // As only we could have made it, and as a client would write it.
        untouched(&world, &call, &ours(fresh.clone().with("expires", expires)), reason).await;
        untouched(
            &world,
            &call,
            &fresh.clone().with("expires", expires).answered(&token),
            "challenge_not_ours",
        )
        .await;
    }
    untouched(&world, &call, &ours(fresh.clone().without("expires")), "expires_unusable").await;
    untouched(
        &world,
        &call,
        &fresh.clone().without("expires").answered(&token),
        "challenge_not_ours",
    )
    .await;
    untouched(
        &world,
        &call,
        &fresh.clone().with("expires", 1).answered(&token),
        "malformed_credential",
    )
    .await;
    // The one as it was still pays.
    world.send(fresh.answered(&token).on(&call)).await.must(201);
    world.settles_at(charged(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r063_a_challenge_ends_by_the_clock_and_a_paid_one_is_known_for_ever() {
    let world = Setup::paid().cards().set("mpp.challenge_ttl_s", "3").start().await;
    let (card, call, other) = (Card::new(), unpaid("in time"), unpaid("too late"));
    let late = world.credential(&card, &other).await;
    let paid = world.credential(&card, &call).await;
    let first = world.send(paid.on(&call)).await.must(201);
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    untouched(&world, &other, &late, "challenge_expired").await;
    let again = world.send(paid.on(&call)).await.must(201);
    assert!(again.replayed() && again.body == first.body);
    world.settles_at(charged(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r064_a_tampered_challenge_pays_nothing() {
    let world = card_world().await;
    let call = unpaid("tampered");
    let token = Card::new().token(world.stripe(), 6_000);
    let fresh = world.challenge(&call).await;
    let member = |name: &'static str, value: &'static str| {
        move |request: &mut Value| request[name] = json!(value)
    };
    let other_seller =
        |request: &mut Value| request["methodDetails"]["networkId"] = json!("profile_test_other");
    let tampered = [
        ("amount", fresh.clone().asking(member("amount", "1")), "terms_mismatch"),
        ("a pack's amount", fresh.clone().asking(member("amount", "1200")), "terms_mismatch"),
        ("currency", fresh.clone().asking(member("currency", "jpy")), "terms_mismatch"),
        ("networkId", fresh.clone().asking(other_seller), "terms_mismatch"),
        ("recipient", fresh.clone().asking(member("recipient", "acct_other")), "terms_mismatch"),
        ("realm", fresh.clone().with("realm", "api.example.com"), "realm_mismatch"),
        ("method", fresh.clone().with("method", "tempo"), "method_not_offered"),
        ("intent", fresh.clone().with("intent", "session"), "method_not_offered"),
        (
            "digest",
            fresh.clone().with("digest", "sha-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
            "body_mismatch",
        ),
        ("no digest", fresh.clone().without("digest"), "body_mismatch"),
        ("opaque", fresh.clone().with("opaque", "eyJyIjoiR0VUIC94In0"), "route_mismatch"),
        ("no opaque", fresh.clone().without("opaque"), "route_mismatch"),
    ];
    for (what, challenge, reason) in tampered {
        println!("{what}");
        untouched(&world, &call, &challenge.answered(&token), "challenge_not_ours").await;
        // Even one that our secret made is good for these terms on this route alone.
        untouched(
            &world,
            &call,
            &challenge.signed_by(world.challenge_secret()).answered(&token),
            reason,
        )
        .await;
    }
    let id = fresh.text("id").to_owned();
    for wrong in ["A".repeat(43), format!("{id}="), id[..42].to_owned(), id.to_lowercase()] {
        untouched(
            &world,
            &call,
            &fresh.clone().with("id", wrong).answered(&token),
            "challenge_not_ours",
        )
        .await;
    }
    world.settles_at(Totals::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r065_a_foreign_challenge_pays_nothing() {
    let world = card_world().await;
    let other = card_world().await;
    let call = unpaid("foreign");
    let token = Card::new().token(world.stripe(), 60);
    // The same host, terms and route, and another secret.
    let foreign = other.challenge(&call).await;
    assert_eq!(foreign.text("realm"), world.challenge(&call).await.text("realm"));
    assert_eq!(foreign.request(), world.challenge(&call).await.request());
    untouched(&world, &call, &foreign.answered(&token), "challenge_not_ours").await;
    let guessed = foreign.signed_by("a-secret-that-somebody-has-guessed-wrongly");
    untouched(&world, &call, &guessed.answered(&token), "challenge_not_ours").await;
    // The same secret in another protection space, and in another environment.
    let secret = world.challenge_secret().to_owned();
    let live =
        |request: &mut Value| request["methodDetails"]["networkId"] = json!("profile_turnpike");
    for (challenge, reason) in [
        (world.challenge(&call).await.with("realm", "staging.example.com"), "realm_mismatch"),
        (world.challenge(&call).await.asking(live), "terms_mismatch"),
    ] {
        untouched(&world, &call, &challenge.signed_by(&secret).answered(&token), reason).await;
    }
    world.settles_at(Totals::default()).await;
    other.settles_at(Totals::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r066_a_price_is_paid_on_its_own_route_only() {
    let world = card_world().await;
    let card = Card::new();
    let token = card.token(world.stripe(), 6_000);
    // Each challenge is asked for with the very body that it is then tried with.
    let (cheap, dear) = (unpaid("a launch"), purchase());
    let moved = |call: &Call, target: &str| Call { target: target.to_owned(), ..call.clone() };
    let launch_price = world.challenge(&moved(&dear, "/launches")).await;
    assert_eq!(launch_price.cents(), 60);
    untouched(&world, &dear, &launch_price.answered(&token), "route_mismatch").await;
    let pack_price = world.challenge(&moved(&cheap, "/credits/purchase")).await;
    assert_eq!(pack_price.cents(), 1_200);
    untouched(&world, &cheap, &pack_price.answered(&token), "route_mismatch").await;
    // A plain credential of the other route.
    let per_launch = world.credential(&card, &cheap).await;
    untouched(&world, &dear, &per_launch, "route_mismatch").await;
    let per_pack = world.credential(&card, &dear).await;
    untouched(&world, &cheap, &per_pack, "route_mismatch").await;
    world.settles_at(Totals::default()).await;
    // Neither is used up by the attempt.
    world.send(per_launch.on(&cheap)).await.must(201);
    let bought = world.send(per_pack.on(&dear)).await.must(200).json();
    assert_eq!(bought["data"]["credits_added"], 20, "{bought}");
    world
        .settles_at(Totals {
            settlements: 2,
            charges: 2,
            launches: 1,
            credits: 20,
            ..Totals::default()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r079_a_credential_pays_for_its_own_body_only() {
    let world = card_world().await;
    let (card, call) = (Card::new(), unpaid("body A"));
    let paid = world.credential(&card, &call).await;
    let spaced = Call { body: format!("{} ", launch("body A")).into(), ..call.clone() };
    for swapped in [unpaid("body B"), spaced] {
        let fresh = untouched(&world, &swapped, &paid, "body_mismatch").await;
        assert_ne!(fresh.text("digest"), paid.0["challenge"]["digest"].as_str().unwrap());
    }
    world.send(paid.on(&call)).await.must(201);
    // Used, it is another body's credential still.
    untouched(&world, &unpaid("body B"), &paid, "body_mismatch").await;
    world.settles_at(charged(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_cannot_be_read_pays_nothing() {
    let world = card_world().await;
    let (call, asked) = (unpaid("malformed"), world.stripe().calls().len());
    let fresh = world.challenge(&call).await;
    let good = fresh.answered(&Card::new().token(world.stripe(), 60));
    let without = |pointer: &str, name: &str| {
        let mut credential = good.clone();
        credential.0.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(name);
        credential
    };
    for (pointer, name, reason) in [
        ("", "payload", "malformed_credential"),
        ("", "challenge", "malformed_credential"),
        ("/challenge", "id", "malformed_credential"),
        ("/challenge", "request", "malformed_credential"),
        ("/payload", "spt", "invalid_payload"),
    ] {
        let credential = without(pointer, name);
        let reply = world.send(credential.on(&call)).await;
        p3(reply, reason);
    }
    for spt in ["", "spt_", "tok_visa", "spt_a&amount=1", "spt_a/../b", "spt_ä"] {
        untouched(&world, &call, &fresh.answered(spt), "invalid_payload").await;
    }
    for text in
        ["Payment", "Payment ", "Payment !!!", "Payment e30", "Payment bnVsbA", "Payment W10"]
    {
        let reply = world.send(call.clone().header("authorization", text)).await;
        assert_eq!(reply.status, 402, "{text}: {}", reply.brief());
        Challenge::of(&reply);
    }
    assert_eq!(world.asked_since(asked), []);
    world.settles_at(Totals::default()).await;
    world.send(good.on(&call)).await.must(201);
}
