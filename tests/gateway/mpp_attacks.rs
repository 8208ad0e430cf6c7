//! Attacks on the accounts of cards: several credentials, a forged name, a foreign token. Each
//! leaves everybody's money where it was.

use crate::mpp_launch::{card_world, charged};
use crate::support::card::{p3, purchase, unpaid};
use crate::support::world::Totals;
use crate::support::{Call, Card, Reply, World};

/// An agent token that looks right and is nobody's.
fn nobodys_token() -> String {
    format!("tpk_{}", "aZ09_-Q".repeat(7).get(..43).unwrap())
}

/// A victim with a pack of credits, and its agent token.
async fn victim(world: &World) -> (Card, String) {
    let card = Card::new();
    let bought = world.pay(&card, &purchase()).await.must(200);
    (card, bought.header("x-agent-token").unwrap().to_owned())
}

fn refused_as_several(reply: Reply, what: &str) {
    assert_eq!(reply.status, 400, "{what}: {}", reply.brief());
    assert_eq!(reply.code(), "SERVER_002", "{what}: {}", reply.brief());
    assert!(!reply.headers.contains_key("www-authenticate"), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r014_a_card_beside_another_credential_is_refused() {
    let world = card_world().await;
    let (_, token) = victim(&world).await;
    let (wallet, call) = (world.agent().await, unpaid("two"));
    let card = Card::new();
    let paid = world.credential(&card, &call).await;
    let other = world.credential(&card, &call).await.authorization();
    let proof = world.proof(&wallet);
    let key = "Bearer ds_live_0123456789abcdef0123456789abcdef";
    let bearer = format!("Bearer {token}");
    let mine = paid.authorization();
    let mine = mine.as_str();
    let (v1, v2) = (proof.v1().1, proof.v2().1);
    let [authorization, x_payment, signature, agent] =
        ["authorization", "x-payment", "payment-signature", "x-agent-token"];
    let pairs = [
        vec![(authorization, mine), (x_payment, &v1)],
        vec![(authorization, mine), (signature, &v2)],
        vec![(authorization, mine), (authorization, key)],
        vec![(authorization, key), (authorization, mine)],
        vec![(authorization, mine), (authorization, &bearer)],
        vec![(authorization, mine), (authorization, &other)],
        vec![(authorization, mine), (authorization, mine)],
        vec![(authorization, mine), (authorization, key), (x_payment, &v1)],
        vec![(authorization, &bearer), (x_payment, &v1)],
        vec![(authorization, &bearer), (signature, &v2)],
        vec![(authorization, &bearer), (agent, &token)],
        vec![(authorization, key), (agent, &token)],
        vec![(x_payment, &v1), (agent, &token)],
        vec![(authorization, mine), (agent, &token), (agent, &token)],
    ];
    let joined =
        [[mine, &other], [mine, mine], [key, mine], [mine, key], [&bearer, mine], [mine, &bearer]]
            .map(|both| both.join(", "));
    let joined = joined.iter().map(|value| vec![(authorization, value.as_str())]);
    let pairs: Vec<_> = pairs.into_iter().chain(joined).collect();
    let (before, asked) = (world.standing().await, world.stripe().calls().len());
    let target = |target: &str| Call { target: target.to_owned(), ..call.clone() };
    for route in [
        call.clone(),
        purchase(),
        target("/v1/launches"),
        Call::get("/credits"),
        Call::get("/launches"),
    ] {
        for pair in &pairs {
            let with =
                pair.iter().fold(route.clone(), |call, (name, value)| call.header(name, value));
            let names: Vec<&str> = pair.iter().map(|(name, _)| *name).collect();
            refused_as_several(
                world.send(with).await,
                &format!("{} {} {names:?}", route.method, route.target),
            );
        }
    }
    assert_eq!(world.asked_since(asked), []);
    assert_eq!(world.standing().await, before);
    assert!(world.core().forwarded().is_empty());
    // None of it has used anything up; an agent token beside a payment says whose it is, and a
    // credit goes before the card.
    let reply = world.send(paid.on(&call).header("x-agent-token", &token)).await.must(201);
    assert!(reply.charge().starts_with("none; reason=credit"), "{}", reply.brief());
    world.create(&proof.v1(), &crate::support::world::launch("by wallet")).await.must(201);
    world
        .settles_at(Totals {
            settlements: 2,
            transactions: 1,
            charges: 1,
            launches: 2,
            credits: 19,
            ..Totals::default()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_source_opens_nothing() {
    let world = card_world().await;
    let (_, _) = victim(&world).await;
    let account =
        world.gateway.audit().view("credits").await[0]["payer"].as_str().unwrap().to_owned();
    let call = unpaid("on the victim");
    let attacker = Card::new();
    let sources =
        [account.as_str(), "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK", "agent", ""];
    let before = world.standing().await;
    for source in sources {
        // A challenge of ours without money behind it, and one that nobody made.
        let unfunded = world
            .challenge(&call)
            .await
            .answered("spt_nobodys0123456789abcdef")
            .with_source(source);
        p3(world.send(unfunded.on(&call)).await, "payment_token_unknown");
        let invented = world
            .challenge(&call)
            .await
            .signed_by("an-invented-secret-of-thirty-two-bytes")
            .answered("spt_any")
            .with_source(source);
        p3(world.send(invented.on(&call)).await, "challenge_not_ours");
        for target in ["/credits", "/usage", "/launches", "/quote?route=POST%20/launches"] {
            let read = world.credential(&attacker, &call).await.with_source(source);
            let reply = world.send(read.on(&Call::get(target))).await;
            assert_eq!(reply.status, 401, "{target} as {source:?}: {}", reply.brief());
            assert!(!reply.headers.contains_key("www-authenticate"), "{target}");
        }
    }
    assert_eq!(world.standing().await, before);
    // With money of its own the attacker pays by itself, whatever it calls itself.
    let own = world.credential(&attacker, &call).await.with_source(&account);
    let reply = world.send(own.on(&call)).await.must(201);
    assert!(reply.charge().starts_with("0.60 USD"), "{}", reply.brief());
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
async fn a_foreign_agent_token_opens_nothing() {
    let world = card_world().await;
    let elsewhere = card_world().await;
    let (_, token) = victim(&world).await;
    let (_, foreign) = victim(&elsewhere).await;
    let call = unpaid("with another's token");
    let paid = world.credential(&Card::new(), &call).await;
    let mut flipped = token.clone();
    let last = if flipped.pop() == Some('A') { 'Q' } else { 'A' };
    flipped.push(last);
    let (before, asked) = (world.standing().await, world.stripe().calls().len());
    for wrong in [nobodys_token(), foreign, flipped] {
        let bearer = format!("Bearer {wrong}");
        let spend = world.send(call.clone().header("authorization", &bearer)).await.must(401);
        assert!(!spend.headers.contains_key("www-authenticate"));
        world.send(Call::get("/credits").header("authorization", &bearer)).await.must(401);
        world.send(Call::get("/launches").header("x-agent-token", &wrong)).await.must(401);
        world.send(paid.on(&call).header("x-agent-token", &wrong)).await.must(401);
    }
    for no_token in ["tpk_short", "", "spt_0123456789abcdef"] {
        world
            .send(paid.on(&call).header("x-agent-token", no_token))
            .await
            .refused(400, "SERVER_002");
    }
    assert_eq!(world.asked_since(asked), []);
    assert_eq!(world.standing().await, before);
    // The payment beside them was never used.
    world.send(paid.on(&call)).await.must(201);
    let both = Totals { settlements: 2, charges: 2, launches: 1, credits: 20, ..Totals::default() };
    world.settles_at(both).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_payment_token_pays_nothing_anywhere() {
    let world = card_world().await;
    let (card, call) = (Card::new(), unpaid("once"));
    let token = card.token(world.stripe(), 6_000);
    world.send(world.challenge(&call).await.answered(&token).on(&call)).await.must(201);
    let (before, sent) = (world.standing().await, world.stripe().charges_sent());
    for call in [call, unpaid("another"), purchase()] {
        let again = world.challenge(&call).await.answered(&token);
        p3(world.send(again.on(&call)).await, "payment_token_used");
    }
    assert_eq!(world.stripe().charges_sent(), sent);
    assert_eq!(world.standing().await, before);
    world.settles_at(charged(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_token_that_is_worth_too_little_is_refused_before_anything_is_claimed() {
    let world = card_world().await;
    let (card, call) = (Card::new(), unpaid("worthless"));
    let stripe = world.stripe();
    let before = world.standing().await;
    let soon = (crate::support::moment::now_unix_s() + 1).to_string();
    let expiring = card.token_with(stripe, 60, &[("usage_limits[expires_at]", &soon)]);
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let euro = card.token_with(stripe, 60, &[("usage_limits[currency]", "eur")]);
    for (token, reason) in [
        (card.token(stripe, 59), "payment_token_limit"),
        (euro, "payment_token_currency"),
        (expiring, "payment_token_expired"),
        ("spt_never0granted".to_owned(), "payment_token_unknown"),
    ] {
        let worthless = world.challenge(&call).await.answered(&token);
        p3(world.send(worthless.on(&call)).await, reason);
    }
    assert_eq!(stripe.charges_sent(), 0);
    assert_eq!(world.standing().await, before);
    // Only the charge itself shows that a token was lent to another seller.
    let others =
        card.token_with(stripe, 60, &[("seller_details[network_id]", "profile_test_other")]);
    let foreign = world.challenge(&call).await.answered(&others);
    p3(world.send(foreign.on(&call)).await, "payment_token_for_another_seller");
    assert!(stripe.intents().is_empty());
    world.settles_at(Totals::default()).await;
}
