//! The chain as doctor sees it: the right one, the right token, gas, and the time.

use payments::ports::{RailError, Settler};

use super::{
    super::money::rail_beside,
    finding::{Finding, why},
};
use crate::{
    clock::SystemClock,
    config::{Config, X402Mode},
    rails::base::BaseRail,
};

/// Below this many settlements somebody should fill the signer up.
const FEW_SETTLEMENTS: u128 = 100;
/// A block may be this much older than now: quiet chains make none for a while.
const MAX_BEHIND_S: i64 = 120;
/// A block of the future means that our clock is wrong.
const MAX_AHEAD_S: i64 = 15;

/// What to do where the node does not answer.
const ASK_THE_NODE: &str = "see that x402.rpc_url answers from this machine";

/// Chain id and token, gas, limits, clock.
pub(super) async fn findings(config: &Config, clock: &SystemClock) -> Vec<Finding> {
    let sandbox = config.x402.mode == X402Mode::Sandbox;
    let rail = match rail_beside(config) {
        Ok(Some(rail)) => rail,
        Ok(None) => {
            return vec![Finding::ok(
                "chain",
                "a sandbox that was never started; its chain is made at the first start",
            )];
        }
        Err(error) => return vec![Finding::fail("chain", why(&error), "correct [x402]")],
    };
    match rail.start_up_check().await {
        Ok(()) => {}
        Err(RailError::WrongChain(what)) => {
            let todo = "point x402.rpc_url at a node of x402.chain_id, and x402.asset with its domain at its USDC";
            return vec![Finding::fail("chain", what, todo)];
        }
        Err(RailError::Unreachable(_)) if sandbox => {
            let says =
                format!("the sandbox's chain does not answer on {}", config.sandbox.chain_listen);
            return vec![Finding::warn(
                "chain",
                says,
                "start the gateway; its chain lives in the same process",
            )];
        }
        Err(error) => return vec![Finding::fail("chain", why(&error), ASK_THE_NODE)],
    }
    let says = format!(
        "chain {}, the token's domain and 6 decimals are as configured",
        config.x402.chain_id
    );
    let mut findings = vec![
        Finding::ok("chain", says),
        gas(&rail).await,
        limits(&rail).await,
        skew(&rail, clock).await,
    ];
    findings.extend(receiver(config));
    findings
}

/// Nobody can see from here who else has the address: it is said.
fn receiver(config: &Config) -> Option<Finding> {
    let address = config.x402.pay_to.0?;
    let says = format!(
        "{address} must be this gateway's alone (its replicas share it): two gateways with one address both serve for one payment; \
         what others settle is a finding unless its sender is in x402.known_relayers"
    );
    Some(Finding::ok("pay_to", says))
}

async fn gas(rail: &BaseRail) -> Finding {
    let todo = || format!("send ETH to {}", rail.signer());
    match rail.ready().await {
        Ok(()) => {}
        Err(error @ RailError::TokenPaused) => {
            return Finding::fail(
                "token",
                why(&error),
                "wait until its issuer takes transfers again; free launches go on",
            );
        }
        Err(error @ RailError::NotReady(_)) => return Finding::fail("gas", why(&error), todo()),
        Err(error) => return Finding::fail("gas", why(&error), ASK_THE_NODE),
    }
    match rail.gas_of(rail.signer()).await {
        Ok(gas) if gas.settlements < FEW_SETTLEMENTS => Finding::warn(
            "gas",
            format!("enough for {} settlements at today's fees", gas.settlements),
            todo(),
        ),
        Ok(_) => Finding::ok(
            "gas",
            format!("{} can pay for more than {FEW_SETTLEMENTS} settlements", rail.signer()),
        ),
        Err(error) => Finding::fail("gas", why(&error), ASK_THE_NODE),
    }
}

/// A large batch and a wide question for logs, as the service asks them.
async fn limits(rail: &BaseRail) -> Finding {
    const CHECK: &str = "node_limits";
    if let Err(error) = rail.try_limits().await {
        let todo = "use a node that lists logs: without them a payment that somebody else settled is never served";
        return Finding::fail(CHECK, why(&error), todo);
    }
    let learned = rail.learned_limits();
    let says = format!(
        "takes {} calls in one request, and lists the logs of {} blocks at once",
        learned.batch_calls, learned.log_blocks
    );
    if learned.refused.iter().all(|(_, count)| *count == 0) {
        Finding::ok(CHECK, says)
    } else {
        Finding::warn(
            CHECK,
            says,
            "nothing: larger questions are asked in parts. A node or plan without these limits answers sooner",
        )
    }
}

async fn skew(rail: &BaseRail, clock: &SystemClock) -> Finding {
    const CHECK: &str = "clock";
    let block_unix_s = match rail.newest_block_unix_s().await {
        Ok(unix_s) => i64::try_from(unix_s).unwrap_or(i64::MAX),
        Err(error) => return Finding::fail(CHECK, why(&error), ASK_THE_NODE),
    };
    let behind_s = clock.now_unix_s().saturating_sub(block_unix_s);
    let says = format!("the newest block is {behind_s} s old by this machine's clock");
    if behind_s < -MAX_AHEAD_S {
        return Finding::fail(
            CHECK,
            says,
            "set this machine's clock: authorizations would be refused or settled too late",
        );
    }
    if behind_s > MAX_BEHIND_S {
        return Finding::warn(
            CHECK,
            says,
            "either the node is behind or this machine's clock is ahead; compare it with another",
        );
    }
    Finding::ok(CHECK, says)
}
