//! What a seed lets go wrong, and how often.

use super::rng::Rng;
use crate::world::SETTINGS;
use payments::checkout::Settings;

/// Chances per thousand, drawn once per seed: some seeds are calm, some lose every third answer,
/// most lie between.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Gateway processes over the same books.
    pub replicas: usize,
    /// Wallets that ask.
    pub agents: u8,
    /// What each of them asks for, at most.
    pub wants: u64,
    /// Blocks come this often.
    pub block_ms: i64,
    /// Blocks that a fate must have, its own included.
    pub confirmations: u64,
    /// A reorganisation drops and reorders transactions. Otherwise it keeps them all, in other
    /// blocks.
    pub hostile_reorgs: bool,
    /// The longest that a message is under way before its sender gives up.
    pub slow_ms: u64,
    /// The rules' numbers.
    pub settings: Settings,
    /// How long a request waits for its answer.
    pub patience_ms: i64,
    /// What a call costs a wallet, in units: each proof is for one of these.
    pub prices_units: [u64; 3],
    /// Clocks differ by at most this.
    pub skew_ms: u64,
    /// The chances.
    pub odds: Odds,
    /// Cards; nobody has one in a run without them.
    pub cards: CardPlan,
}

/// What goes wrong with cards, in chances per thousand, and how many agents have one.
#[derive(Debug, Clone, Default)]
pub struct CardPlan {
    /// Agents that pay by card.
    pub holders: u8,
    /// The processor never gets the request.
    pub lost: u64,
    /// It gets it after its sender gave up.
    pub late: u64,
    /// It does it, and the answer is lost.
    pub reply_lost: u64,
    /// It asks for patience.
    pub busy: u64,
    /// It decides later (per charge).
    pub undecided: u64,
    /// It declines (per charge).
    pub declined: u64,
}

impl CardPlan {
    /// The cards of a seed, drawn after everything else.
    pub fn drawn(rng: &mut Rng) -> Self {
        let mut chance = || rng.pick(&[0, 0, 10, 40, 150, 400]);
        let (lost, late, reply_lost, busy, undecided, declined) =
            (chance(), chance(), chance(), chance(), chance(), chance());
        Self { holders: rng.pick(&[1, 2, 3]), lost, late, reply_lost, busy, undecided, declined }
    }
}

macro_rules! odds {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Chances per thousand, each of its own event.
        #[derive(Debug, Clone)]
        pub struct Odds {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Odds {
            fn drawn(rng: &mut Rng) -> Self {
                Self { $($name: rng.pick(&[0, 0, 2, 10, 40, 150]),)* }
            }

            /// Nothing goes wrong.
            pub fn none() -> Self {
                Self { $($name: 0,)* }
            }
        }
    };
}

odds! {
    /// A read of the chain is not answered.
    read_lost,
    /// A node behind the others answers.
    lagging,
    /// A transaction never reaches a node.
    send_lost,
    /// It does, and the answer is lost.
    send_reply_lost,
    /// A node forgets a waiting transaction (per block).
    evicted,
    /// No block is made for a while (per block).
    halted,
    /// The newest blocks are replaced (per block).
    reorg,
    /// The base fee jumps (per block).
    fee_spike,
    /// Somebody who saw a proof settles it (per proof that is shown).
    stranger,
    /// The payer cancels what it signed (per proof that is shown).
    cancel,
    /// The payer moves its money away (per proof that is shown).
    moved_away,
    /// The signer's account cannot pay gas for a while (per block).
    out_of_gas,
    /// The books do not answer, and did nothing.
    books_down,
    /// The books did it, and the answer is lost.
    books_reply_lost,
    /// The core never gets the request.
    core_lost,
    /// The core gets the request after its sender gave up.
    core_late,
    /// The core does it, and the answer is lost.
    core_reply_lost,
    /// The core takes nothing for a while (per look at it).
    core_down,
    /// The core refuses what it might have taken.
    core_refuses,
    /// A process stops where it stands (per quarter of a second).
    crash,
    /// The fast memory forgets everything (per half a second).
    forgets,
    /// A message takes its time.
    slow,
    /// Another program that has a signer's key sends a transaction (per block).
    foreign,
    /// The nodes refuse every question about logs for a while, however small it is (per block).
    logs_refused,
    /// The signer is busy, so that a claimed payment waits for a settler (per claim).
    signer_busy,
}

impl Plan {
    /// The plan of a seed.
    pub fn drawn(rng: &mut Rng) -> Self {
        let hostile_reorgs = rng.chance(500);
        let mut odds = Odds::drawn(rng);
        // A process that stops every two seconds gets nothing done: that is no finding.
        odds.crash = odds.crash.min(20);
        odds.books_down = odds.books_down.min(40);
        Self {
            replicas: rng.pick(&[1, 2, 2]),
            agents: rng.pick(&[1, 2, 3, 4]),
            wants: rng.pick(&[6, 12, 18]),
            block_ms: rng.pick(&[2_000, 2_000, 12_000]),
            confirmations: if hostile_reorgs { 3 } else { 1 },
            hostile_reorgs,
            slow_ms: rng.pick(&[1_000, 5_000, 20_000]),
            settings: Settings {
                free_per_day_total: rng.pick(&[500, 500, 3]),
                require_balance_for_free: rng.chance(700),
                entitlement_ms: rng.pick(&[86_400_000, 120_000]),
                core_deadline_ms: rng.pick(&[20_000, 120_000, 600_000]),
                ..SETTINGS
            },
            patience_ms: rng.pick(&[5_000, 90_000]),
            prices_units: rng.pick(&[
                [550_000; 3],
                [550_000, 550_000, 400_000],
                [550_000, 300_000, 100_000],
            ]),
            skew_ms: rng.pick(&[0, 0, 1_500]),
            odds,
            cards: CardPlan::default(),
        }
    }
}
