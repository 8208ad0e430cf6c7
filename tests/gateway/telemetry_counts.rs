//! Counters after calls on both rails.
#![allow(clippy::float_arithmetic, reason = "Prometheus' values are floats")]

use crate::{
    credits::{bought, on_credit},
    support::{Card, Setup, card::unpaid, fake_core::Behaviour, metrics::Metrics, world::launch},
    telemetry::{names_nobody, shows},
};

#[tokio::test(flavor = "multi_thread")]
async fn counts_follow_what_happened_on_both_rails() {
    let world = Setup::new().cards().start().await;
    let wallet = world.agent().await;
    for _ in 0..3 {
        world.send(unpaid("asked")).await.must(402);
    }
    for at in 0..5 {
        world.launch(&wallet, &format!("free {at}")).await.must(201);
    }
    let paid = world.proof(&wallet).v2();
    world.create(&paid, &launch("paid")).await.must(201);
    world.create(&paid, &launch("paid")).await.must(201);
    let mut forged = world.proof(&wallet);
    forged.signature[8] ^= 1;
    world.create(&forged.v2(), &launch("forged")).await.must(402);
    world.core().behave_next([Behaviour::Reject]);
    world.launch(&wallet, "refused").await.must(400);
    world.pay(&Card::new(), &unpaid("by card")).await.must(201);
    world.pay(&Card::of("pm_card_chargeDeclined"), &unpaid("declined")).await.must(402);
    let token = bought(&world, &Card::new()).await;
    world.send(on_credit(&token, "credit")).await.must(201);
    world.core().behave_next([Behaviour::Reject]);
    world.send(on_credit(&token, "refused credit")).await.must(400);

    let now = Metrics::of(&world).await;
    counted(&now);
    names_nobody(&world, &now).await;
    shows(&world, "gateway_reconcile_mismatches", &[], 0.0).await;
    let processes = if world.others.is_empty() { 1.0 } else { 2.0 };
    shows(&world, "gateway_credit_liability_usd_micros", &[], 11_400_000.0 * processes).await;
    shows(&world, "gateway_cache_up", &[], processes).await;
}

/// What the calls above come to.
fn counted(now: &Metrics) {
    let is = |name: &str, labels: &[(&str, &str)], expected: f64| {
        assert!(
            (now.sum(name, labels) - expected).abs() < 1e-9,
            "{name} {labels:?} is {}, not {expected}",
            now.sum(name, labels)
        );
    };
    let settled = |rail, state, count| {
        is("gateway_settlements_total", &[("rail", rail), ("state", state)], count)
    };
    settled("x402", "settled", 2.0);
    settled("mpp", "settled", 2.0);
    settled("mpp", "failed", 1.0);
    is("gateway_settled_usd_micros_total", &[("rail", "x402"), ("mode", "test")], 1_100_000.0);
    is("gateway_settled_usd_micros_total", &[("rail", "mpp"), ("mode", "test")], 12_600_000.0);
    is("gateway_settled_usd_micros_total", &[("mode", "live")], 0.0);
    is("gateway_free_launches_total", &[], 5.0);
    for (op, count) in [("sold", 20.0), ("spent", 1.0), ("returned", 1.0), ("given", 0.0)] {
        is("gateway_credits_total", &[("op", op)], count);
    }
    // Three strangers, and the three whose challenge was then paid by card.
    let asked = [("route", "POST /launches"), ("reason", "no_credential"), ("rail", "none")];
    is("gateway_challenges_total", &asked, 5.0);
    is(
        "gateway_challenges_total",
        &[("reason", "invalid_exact_evm_payload_signature"), ("rail", "x402")],
        1.0,
    );
    is("gateway_verifications_total", &[("rail", "x402"), ("result", "valid")], 8.0);
    is(
        "gateway_verifications_total",
        &[
            ("rail", "x402"),
            ("result", "refused"),
            ("reason", "invalid_exact_evm_payload_signature"),
        ],
        1.0,
    );
    is("gateway_verify_duration_seconds_count", &[("rail", "x402")], 9.0);
    is("gateway_verify_duration_seconds_count", &[("rail", "mpp")], 3.0);
    is("gateway_settlement_duration_seconds_count", &[("rail", "x402"), ("step", "settle")], 2.0);
    is("gateway_upstream_duration_seconds_count", &[("status", "201")], 8.0);
    let answered = [
        ("http_route", "/launches"),
        ("http_request_method", "POST"),
        ("http_response_status_code", "201"),
    ];
    is("http_server_request_duration_seconds_count", &answered, 9.0);
}
