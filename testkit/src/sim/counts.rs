//! What a run did, to be added up over seeds.

use payments::funding::Funding;

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Events of one run, or of many together.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Counts {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl std::ops::AddAssign for Counts {
            fn add_assign(&mut self, other: Self) {
                $(self.$name += other.$name;)*
            }
        }

        impl std::fmt::Display for Counts {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $(writeln!(f, "{:>12} {}", self.$name, stringify!($name))?;)*
                Ok(())
            }
        }
    };
}

counts! {
    /// Simulations that came to their end.
    seeds,
    /// Times that a task went on.
    steps,
    /// Requests of agents.
    requests,
    /// Claims that made an intent.
    intents,
    /// Intents that a slot paid for.
    free,
    /// Intents that a settlement was to pay for.
    paying,
    /// Intents that an entitlement paid for.
    entitled,
    /// What cheaper calls left of an entitlement.
    rests,
    /// Payments that a settler signed after their claim.
    signed_later,
    /// Proofs that joined an open answer.
    joined,
    /// Requests that were answered from what was stored.
    replayed,
    /// Proofs used for identity.
    identities,
    /// Payments that arrived.
    settled,
    /// Settlements that a reorganisation put into another block.
    moved,
    /// Looks that did not find a settlement where the newest blocks were replaced.
    lost,
    /// Payments that were proven failed.
    pay_failed,
    /// Launches at the core.
    launches,
    /// Paid creations that the core refused.
    rejected,
    /// Creations that cost nothing and were refused.
    released,
    /// Empty transactions in place of transfers.
    voids,
    /// Transactions at a raised fee.
    bumps,
    /// Transactions of another program that has a signer's key.
    foreign,
    /// Questions about logs that a node refused.
    logs_refused,
    /// Empty transactions that fill a hole.
    fills,
    /// Payments that were signed anew under another nonce.
    renewals,
    /// Nonces that were opened again.
    reopened,
    /// Processes stopped where they stood.
    crashes,
    /// Clients that hung up.
    hang_ups,
    /// Reorganisations of the chain.
    reorgs,
    /// Authorizations settled by strangers.
    strangers,
    /// Payers who cancelled or moved their money away.
    payer_tricks,
    /// Faults of the chain's node: lost, late or wrong answers.
    chain_faults,
    /// Faults of the books.
    books_faults,
    /// Claims whose answer was lost.
    lost_claims,
    /// Faults of the core.
    core_faults,
    /// Launches that a card was to pay for.
    by_card,
    /// Launches that a credit paid for.
    on_credit,
    /// Packs.
    packs,
    /// Charges that were booked.
    charged,
    /// Faults of the card processor.
    card_faults,
}

impl Counts {
    /// A claim made an intent that this funds.
    pub fn made(&mut self, funding: &Funding) {
        self.intents += 1;
        *match funding {
            Funding::Free => &mut self.free,
            Funding::Entitlement { .. } => &mut self.entitled,
            Funding::X402 => &mut self.paying,
            Funding::Credit { .. } => &mut self.on_credit,
            Funding::MppCharge { .. } => &mut self.by_card,
            Funding::MppPack { .. } => &mut self.packs,
        } += 1;
    }
}
