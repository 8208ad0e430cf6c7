//! The promises of [`payments::ports::AgentLimiter`] and [`payments::ports::ProofMemory`], one
//! function each. Every backend passes all of them.
//!
//! ```text
//! fn block_on<F: Future>(future: F) -> F::Output { ... }
//! async fn limiters(rate: Rate) -> ([Arc<RedisLimiter>; 2], StopsItsServer) { ... }
//! testkit::limiter_suite!(block_on, limiters);
//! ```
//!
//! `$make` gives two ways to the same state, as two processes have them, and what must outlive
//! them.

mod limiter;
mod proofs;

pub use limiter::*;
pub use proofs::*;

/// Makes a test of every promise of a limiter.
#[macro_export]
macro_rules! limiter_suite {
    ($block_on:path, $make:path) => {
        $crate::limiter_suite! { @each $block_on, $make,
            the_burst_passes_and_the_next_request_waits
            exactly_the_burst_passes_when_all_come_at_once
            an_agent_empties_nobody_elses_bucket
            a_place_comes_back_and_a_refused_request_costs_none
        }
    };
    (@each $block_on:path, $make:path, $($promise:ident)+) => {
        $(
            #[test]
            fn $promise() {
                $block_on(async {
                    let (limiters, _keep) = $make($crate::cache_suite::rate_of(stringify!($promise))).await;
                    $crate::cache_suite::$promise([&*limiters[0], &*limiters[1]]).await;
                });
            }
        )+
    };
}

/// Makes a test of every promise of a memory of proofs.
#[macro_export]
macro_rules! proofs_suite {
    ($block_on:path, $make:path) => {
        $crate::proofs_suite! { @each $block_on, $make,
            a_proof_serves_one_purpose
            a_proof_is_taken_once_by_many_at_once
            a_proof_that_pays_may_come_again
        }
    };
    (@each $block_on:path, $make:path, $($promise:ident)+) => {
        $(
            #[test]
            fn $promise() {
                $block_on(async {
                    let (proofs, _keep) = $make().await;
                    $crate::cache_suite::$promise([&*proofs[0], &*proofs[1]]).await;
                });
            }
        )+
    };
}
