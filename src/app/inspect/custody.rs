//! The keys as doctor sees them: whether they open what is kept sealed, and can finish what each
//! signer began.

use payments::{
    agent::Wallet,
    money::UsdcUnits,
    ports::{Books, Clock, RefundRail, Settler},
    sequence::{self, SignerState},
};

use super::{
    super::{
        beside::books_beside,
        custody::{Custody, look},
        keys::SandboxKeys,
        money::{self, rail_beside},
        settings::clock,
    },
    finding::{Finding, why},
};
use crate::{clock::SystemClock, config::Config, rails::base::BaseRail};

/// Nothing where there are no books or no keys yet: other checks say so.
pub(super) async fn findings(config: &Config) -> Vec<Finding> {
    let Ok(Some(rail)) = rail_beside(config) else { return Vec::new() };
    let Ok(keys) = SandboxKeys::load(&config.sandbox.dir) else { return Vec::new() };
    let (Ok(terms), Ok(books)) = (money::terms(config, keys.as_ref()), books_beside(config).await)
    else {
        return Vec::new();
    };
    let custody = match look(&*books, &*terms.sealer).await {
        Ok(custody) => custody,
        Err(error) => return vec![Finding::fail("seal", why(&error), "see the database check")],
    };
    let mut findings = vec![seal(&custody)];
    findings.extend(sequences(&*books, &rail, &clock(config)).await);
    let known = rail.signers();
    let refund_wallet = rail.refund_wallet();
    if let Some(wallet) = refund_wallet {
        findings.push(refunds(&rail, wallet).await);
    }
    for signer in known.iter().skip(1).filter(|signer| Some(**signer) != refund_wallet) {
        findings.push(other(&rail, *signer, custody.open_under(*signer)).await);
    }
    findings.extend(custody.strangers(&known).into_iter().map(|(signer, nonces)| {
        let says = format!("{nonces} nonces are open under {signer}, whose key is not here");
        Finding::warn(
            "signers",
            says,
            "put its key into x402.other_signer_keys, here or where it is kept",
        )
    }));
    findings
}

/// How the nonces of each signer stand, by one look.
async fn sequences(books: &dyn Books, rail: &BaseRail, clock: &SystemClock) -> Vec<Finding> {
    const CHECK: &str = "signer";
    let states = match sequence::states(books, rail).await {
        Ok(Some(states)) => states,
        // The chain check says so.
        Ok(None) => return Vec::new(),
        Err(error) => return vec![Finding::fail(CHECK, why(&error), "see the database check")],
    };
    let line = |state: SignerState| {
        let says = format!("{}: {}", state.signer, state.describe(clock.now()));
        if state.holes.is_empty() {
            Finding::ok(CHECK, says)
        } else {
            Finding::warn(
                CHECK,
                says,
                "a running gateway fills it by itself; see that it runs, and that the signer has gas",
            )
        }
    };
    states.into_iter().map(line).collect()
}

fn seal(custody: &Custody) -> Finding {
    let Custody { sealed, unopened, .. } = custody;
    match unopened {
        0 => Finding::ok("seal", format!("{sealed} sealed rows, all of them open")),
        _ => Finding::fail(
            "seal",
            format!("{unopened} of {sealed} sealed rows do not open"),
            "put the key that sealed them into store.seal_keys_before; if it is lost: a transaction that was sent still settles, one that was \
             not expires, and a charge is looked up at Stripe and never sent again",
        ),
    }
}

/// What the refund wallet can pay.
async fn refunds(rail: &BaseRail, wallet: Wallet) -> Finding {
    const CHECK: &str = "refund_wallet";
    match (rail.held_by(wallet).await, rail.gas_of(wallet).await) {
        (Ok(held), Ok(gas)) => {
            let says = format!(
                "{wallet} holds {held} USDC, and gas for {} refunds at today's fees",
                gas.settlements
            );
            if held == UsdcUnits::new(0) || gas.settlements == 0 {
                Finding::warn(
                    CHECK,
                    says,
                    format!("send USDC and ETH to {wallet}, or pay back by hand"),
                )
            } else {
                Finding::ok(CHECK, says)
            }
        }
        (Err(error), _) | (_, Err(error)) => {
            Finding::warn(CHECK, format!("{wallet}: {}", why(&error)), "see the chain check")
        }
    }
}

/// A signer of before, or of another replica.
async fn other(rail: &BaseRail, signer: Wallet, nonces: u64) -> Finding {
    const CHECK: &str = "signers";
    if nonces == 0 {
        let says = format!(
            "nothing is open under {signer}: if no replica signs with it, its key may be dropped now"
        );
        return Finding::ok(CHECK, says);
    }
    match rail.gas_of(signer).await {
        Ok(gas) if gas.settlements == 0 => {
            let says = format!(
                "{signer} has {nonces} nonces open and too little gas to finish them: {} wei",
                gas.balance_wei
            );
            Finding::warn(CHECK, says, format!("send ETH to {signer}"))
        }
        Ok(gas) => Finding::ok(
            CHECK,
            format!("{signer} has {nonces} nonces open, and {} wei for gas", gas.balance_wei),
        ),
        Err(error) => Finding::warn(
            CHECK,
            format!("{signer} has {nonces} nonces open; its gas is not known: {}", why(&error)),
            "see the chain check",
        ),
    }
}
