//! Money on its way back to cards, on the real books, by seeds: refunds of ours and of the
//! dashboard that fail late, disputes in part that are lost and won, looks whose answers are lost
//! or come late. At every step the books agree with themselves, at the end with the processor.
//!
//! `TURNPIKE_CARD_MONEY_SEEDS` names how many seeds run.

mod check;
mod deeds;
mod processor;

use payments::{
    ids::PaymentId,
    intent::Intent,
    ports::{CardBooks, ChargeFacts, Clock},
    refunds::{look_at_charge, refund_round},
};
use testkit::{
    clock::{HandClock, START},
    sim::rng::Rng,
};

use self::processor::Processor;
use super::{Store, block_on, make};

/// Runs of every test run.
const SEEDS: u64 = 6;
/// What happens in each.
const STEPS: u64 = 70;
const CARDS: u64 = 2;
const HOUR_MS: i64 = 3_600_000;
const STUCK_AFTER_MS: i64 = 48 * HOUR_MS;

/// A settled charge.
struct Paid {
    intent: Intent,
    payment_intent: String,
    card: u64,
    /// What it bought, where it bought credits.
    pack_credits: u64,
    /// The upstream refused what it was for.
    refused: bool,
}

/// Facts that were asked for and are booked later.
struct Held {
    id: PaymentId,
    facts: ChargeFacts,
    looks_before: u64,
}

struct World<'b> {
    books: &'b Store,
    processor: Processor,
    clock: HandClock,
    rng: Rng,
    number: u64,
    paid: Vec<Paid>,
    held: Vec<Held>,
    /// Credits that launches of each card took.
    spent: [u64; CARDS as usize],
    story: Vec<String>,
}

#[test]
fn r202_money_on_its_way_back_ends_where_the_processor_says_it_is() {
    let seeds = std::env::var("TURNPIKE_CARD_MONEY_SEEDS")
        .ok()
        .and_then(|seeds| seeds.parse().ok())
        .unwrap_or(SEEDS);
    let wrong: Vec<String> = (0..seeds).filter_map(|seed| block_on(run(seed)).err()).collect();
    assert!(wrong.is_empty(), "{} of {seeds}:\n{}", wrong.len(), wrong.join("\n"));
}

async fn run(seed: u64) -> Result<(), String> {
    let (books, _keep) = make().await;
    let mut rng = Rng::seeded(seed);
    let processor = Processor::new(Rng::seeded(rng.bits()));
    let clock = HandClock::at(START);
    let (paid, held, story) = (Vec::new(), Vec::new(), Vec::new());
    let mut world = World {
        books: &books,
        processor,
        clock,
        rng,
        number: 0,
        paid,
        held,
        spent: [0; CARDS as usize],
        story,
    };
    for _ in 0..STEPS {
        world.clock.turn_ms(1 + i64::try_from(world.rng.below(60_000)).unwrap());
        world.step().await;
        world.check_step(seed).await?;
    }
    world.rest().await;
    world.check_end(seed).await
}

impl World<'_> {
    async fn step(&mut self) {
        match self.rng.below(20) {
            0 if self.number.is_multiple_of(3) => self.buy_pack().await,
            0..=6 => self.launch().await,
            7..=8 => self.approve().await,
            9 => self.credit_instead().await,
            10..=11 => self.decide_refund(),
            12 => self.refund_on_dashboard(),
            13 => self.dispute(),
            14..=15 => self.decide_dispute(),
            16 => self.hold_facts().await,
            17 => self.book_held().await,
            18 => self.look().await,
            _ => self.round().await,
        }
    }

    async fn round(&mut self) {
        let skip_ms = self.rng.pick(&[0, HOUR_MS, 24 * HOUR_MS]);
        self.clock.turn_ms(skip_ms);
        let round =
            refund_round(&self.processor, self.books, &self.clock, STUCK_AFTER_MS).await.unwrap();
        self.story.push(format!("{round:?}"));
    }

    /// What an event of a payment does: its refund is woken, and what is true now is asked for.
    async fn look(&mut self) {
        let Some(at) = self.any_paid() else { return };
        let paid = &self.paid[at];
        self.books.wake_refund(&paid.payment_intent, self.clock.now()).await.unwrap();
        let looked = look_at_charge(
            &self.processor,
            self.books,
            &self.clock,
            paid.intent.id,
            &paid.payment_intent,
        )
        .await;
        self.story.push(format!("look at {}: {looked:?}", paid.intent.id));
    }

    fn any_paid(&mut self) -> Option<usize> {
        (!self.paid.is_empty()).then(|| self.rng.index(self.paid.len()))
    }

    /// Nothing is lost any more, everything is decided and looked at; what was asked for before
    /// comes last, and changes nothing.
    async fn rest(&mut self) {
        self.story.push(String::from("rest"));
        self.processor.inner().calm_down();
        for _ in 0..4 {
            self.clock.turn_ms(HOUR_MS);
            for paid in &self.paid {
                self.books.wake_refund(&paid.payment_intent, self.clock.now()).await.unwrap();
            }
            refund_round(&self.processor, self.books, &self.clock, STUCK_AFTER_MS).await.unwrap();
            for paid in &self.paid {
                self.clock.turn_ms(1);
                look_at_charge(
                    &self.processor,
                    self.books,
                    &self.clock,
                    paid.intent.id,
                    &paid.payment_intent,
                )
                .await
                .unwrap();
            }
        }
        while !self.held.is_empty() {
            self.book_held().await;
        }
    }
}
