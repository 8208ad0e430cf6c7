//! The limit of one agent.

use std::num::NonZeroU32;

use crate::run::together;
use payments::{
    agent::{Payer, Wallet},
    ports::{AgentLimiter, Rate, Taken},
};

const BURST: u32 = 30;

/// The numbers that a promise is tried with.
pub fn rate_of(promise: &str) -> Rate {
    let (per_minute, burst) = match promise {
        // A place comes back after 20 ms.
        "a_place_comes_back_and_a_refused_request_costs_none" => (3_000, 1),
        // None comes back while the promise is tried.
        "exactly_the_burst_passes_when_all_come_at_once" => (1, BURST),
        _ => (BURST, BURST),
    };
    Rate {
        per_minute: NonZeroU32::new(per_minute).unwrap(),
        burst: NonZeroU32::new(burst).unwrap(),
    }
}

fn agent(number: u8) -> Payer {
    Payer::Wallet(Wallet::new([number; 20]))
}

/// Thirty at once, counted down; the next hears how long a place takes.
pub async fn the_burst_passes_and_the_next_request_waits(limiters: [&dyn AgentLimiter; 2]) {
    for left in (0..BURST).rev() {
        assert_eq!(limiters[0].take(&agent(1)).await, Taken::Passed { remaining: left });
    }
    match limiters[0].take(&agent(1)).await {
        Taken::Wait { wait_ms } => assert!((1..=2_000).contains(&wait_ms), "{wait_ms}"),
        passed => panic!("{passed:?}"),
    }
}

/// It does not matter which process is asked.
pub async fn exactly_the_burst_passes_when_all_come_at_once(limiters: [&dyn AgentLimiter; 2]) {
    let payer = agent(1);
    let taken = together((0..80).map(|number| limiters[number % 2].take(&payer))).await;
    let mut remaining: Vec<u32> = taken
        .iter()
        .filter_map(|taken| match taken {
            Taken::Passed { remaining } => Some(*remaining),
            Taken::Wait { .. } => None,
        })
        .collect();
    remaining.sort_unstable();
    assert_eq!(remaining, (0..BURST).collect::<Vec<_>>());
}

/// Buckets are one per agent.
pub async fn an_agent_empties_nobody_elses_bucket(limiters: [&dyn AgentLimiter; 2]) {
    for number in 0..=BURST {
        let taken = limiters[0].take(&agent(1)).await;
        assert_eq!(matches!(taken, Taken::Passed { .. }), number < BURST, "{number}: {taken:?}");
    }
    for limiter in limiters {
        assert!(matches!(limiter.take(&agent(2)).await, Taken::Passed { .. }));
        assert!(matches!(
            limiter.take(&Payer::Card(String::from("abc"))).await,
            Taken::Passed { .. }
        ));
    }
}

/// Whoever asks too often gets his place as early as whoever waits.
pub async fn a_place_comes_back_and_a_refused_request_costs_none(limiters: [&dyn AgentLimiter; 2]) {
    let payer = agent(1);
    for limiter in limiters {
        let mut refused = 0_u32;
        while let Taken::Wait { wait_ms } = limiter.take(&payer).await {
            assert!(wait_ms <= 20, "{wait_ms}");
            refused += 1;
            assert!(refused < 10_000_000, "no place came back");
        }
    }
}
