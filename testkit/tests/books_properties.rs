//! What must hold whatever happens in whatever order: the journal balances, states keep to the
//! drawing, money is exact.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use payments::{
    intent::{Intent, State, Transition, TransitionError},
    ledger::Posting,
    money::{Amount, Credits, UsdCents, UsdcUnits},
    ports::{Books, Claimed},
    settlement::{ChainHash, PaymentFailure},
    time::UnixMs,
};
use proptest::prelude::*;
use testkit::{
    memory::MemoryBooks, rail::by_transfer, run::block_on, suite::Draft, upstream::answer,
};

/// Something that happens: which kind, and to which of the intents so far.
type Event = (u8, usize);

const KINDS: u8 = 13;

/// The drawing of the states, written down once more.
const DRAWING: [(State, &[State]); 10] = [
    (State::Queued, &[State::Forwarding, State::PayFailed]),
    (State::Signed, &[State::Submitted, State::SubmitUnknown, State::Forwarding, State::PayFailed]),
    (State::Submitted, &[State::SubmitUnknown, State::Forwarding, State::PayFailed]),
    (State::SubmitUnknown, &[State::Submitted, State::Forwarding, State::PayFailed]),
    (State::PayFailed, &[]),
    (State::Forwarding, &[State::CoreUnknown, State::Created, State::Rejected, State::Released]),
    (State::CoreUnknown, &[State::Created, State::Rejected, State::Released]),
    (State::Created, &[]),
    (State::Rejected, &[]),
    (State::Released, &[]),
];

struct Run {
    books: MemoryBooks,
    intents: Vec<Intent>,
    claimed: u64,
    now: UnixMs,
}

impl Run {
    fn new() -> Self {
        Self {
            books: MemoryBooks::default(),
            intents: Vec::new(),
            claimed: 0,
            now: Draft::numbered(1).at,
        }
    }

    /// A claim of one of three wallets, of one of eight bodies: some are equal, some join, some are
    /// free, some are entitled.
    fn claim(&mut self, dice: usize) {
        self.claimed += 1;
        let mut draft =
            Draft::numbered(self.claimed).of_wallet(u8::try_from(dice % 3 + 1).unwrap());
        draft.body = format!("body {}", dice % 8);
        draft.at = self.now;
        if dice.is_multiple_of(2) {
            draft = draft.free();
        }
        if let Claimed::New(intent) = block_on(self.books.claim(draft.claim())).unwrap() {
            self.intents.push(intent);
        }
    }

    fn transition(&self, intent: &Intent, kind: u8) -> Result<Transition, TransitionError> {
        let (at, until) = (self.now, self.now.plus_s(60));
        let log = || by_transfer(ChainHash(block_hash(intent)), 1);
        match kind {
            0 | 1 => intent.submitted(at),
            2 => intent.submit_unknown(at),
            3 | 4 => intent.funded(log(), at),
            5 => intent.pay_failed(PaymentFailure::Expired, at),
            6 => intent.core_unknown(at),
            7 | 8 => intent.created(answer(201, "l"), intent.id.to_string(), at),
            _ => intent.refused(answer(422, "no"), until, at),
        }
    }

    /// What happens, and from where to where it moved an intent.
    fn happen(&mut self, kind: u8, dice: usize) -> Option<(State, State)> {
        self.now = self.now.plus_ms(7_000);
        match kind {
            10 | 11 => self.claim(dice),
            12 => {
                block_on(self.books.expire_entitlements(self.now)).unwrap();
            }
            _ if self.intents.is_empty() => {}
            _ => {
                let at = dice % self.intents.len();
                let before = self.intents[at].clone();
                let transition = self.transition(&before, kind).ok()?;
                let after = block_on(self.books.apply(transition.clone())).unwrap();
                assert!(block_on(self.books.apply(transition)).is_err(), "the same change twice");
                self.intents[at] = after.clone();
                return Some((before.state, after.state));
            }
        }
        None
    }

    fn balances(&self) -> BTreeMap<String, i64> {
        let mut sums = BTreeMap::new();
        for line in block_on(self.books.trial_balance()).unwrap() {
            *sums.entry(line.currency).or_insert(0) += line.amount;
        }
        sums
    }

    fn account(&self, name: &str) -> i64 {
        let lines = block_on(self.books.trial_balance()).unwrap();
        lines.iter().filter(|line| line.account.starts_with(name)).map(|line| line.amount).sum()
    }
}

/// A log of its own for each intent.
fn block_hash(intent: &Intent) -> [u8; 32] {
    intent.attempts.last().map_or([0; 32], |attempt| attempt.tx_hash.0)
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    proptest::collection::vec((0..KINDS, any::<usize>()), 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn the_journal_balances_after_anything(events in events()) {
        let mut run = Run::new();
        for event in events {
            run.happen(event.0, event.1);
            prop_assert!(run.balances().values().all(|sum| *sum == 0), "{:?} after {event:?}", run.balances());
        }
        let price = i64::try_from(testkit::wallet::LAUNCH_PRICE.get()).unwrap();
        let count = |fits: &dyn Fn(&Intent) -> bool| i64::try_from(run.intents.iter().filter(|intent| fits(intent)).count()).unwrap();
        prop_assert_eq!(run.account("asset:usdc_hot"), price * count(&|intent| intent.settlement.is_some()));
        prop_assert_eq!(run.account("rev:launch"), -price * count(&|intent| intent.state == State::Created && intent.is_paid()));
        let under_way = |intent: &Intent| intent.is_paid() && matches!(intent.state, State::Forwarding | State::CoreUnknown);
        prop_assert_eq!(run.account("liab:unearned"), -price * count(&under_way));
    }

    #[test]
    fn no_sequence_of_events_leaves_the_drawing(events in events()) {
        let mut run = Run::new();
        for event in events {
            if let Some((from, to)) = run.happen(event.0, event.1) {
                let (_, next) = DRAWING.iter().find(|(state, _)| *state == from).unwrap();
                prop_assert!(next.contains(&to), "{from:?} to {to:?}");
            }
        }
        for intent in &run.intents {
            let story = block_on(run.books.evidence(intent.id)).unwrap().unwrap().timeline;
            for pair in story.windows(2) {
                let [from, to] = [&pair[0], &pair[1]].map(|(word, _)| State::from_word(word).unwrap());
                let (_, next) = DRAWING.iter().find(|(state, _)| *state == from).unwrap();
                prop_assert!(next.contains(&to) && pair[0].1 <= pair[1].1, "{story:?}");
            }
        }
    }

    #[test]
    fn a_stale_copy_of_an_intent_changes_nothing(events in events(), kind in 0..10_u8) {
        let mut run = Run::new();
        let mut first = BTreeMap::new();
        for event in events {
            run.happen(event.0, event.1);
            for intent in &run.intents {
                first.entry(intent.id).or_insert_with(|| intent.clone());
            }
        }
        for intent in &run.intents {
            let stale = &first[&intent.id];
            if stale.guard == intent.guard {
                continue;
            }
            if let Ok(transition) = run.transition(stale, kind) {
                prop_assert!(block_on(run.books.apply(transition)).is_err());
                prop_assert_eq!(block_on(run.books.intent(intent.id)).unwrap().unwrap(), intent.clone());
            }
        }
    }

    #[test]
    fn every_posting_balances_or_is_refused(units: u64, kind in 0..4_usize, currency in 0..3_u8) {
        let amount = match currency {
            0 => Amount::Usdc(UsdcUnits::new(units)),
            1 => Amount::Usd(UsdCents::new(units)),
            _ => Amount::Credits(Credits::new(units)),
        };
        let (draft, make) = (Draft::numbered(1), [Posting::settled, Posting::earned, Posting::owed, Posting::entitled][kind]);
        match make(draft.id(), &draft.payer(), amount) {
            Ok(posting) => {
                prop_assert_eq!(posting.lines().iter().map(|line| i128::from(line.amount_minor)).sum::<i128>(), 0);
                prop_assert!(posting.lines().iter().all(|line| line.currency == amount.currency()));
                prop_assert!(posting.lines().iter().any(|line| i128::from(line.amount_minor) == i128::from(units)));
            }
            Err(_) => prop_assert!(i64::try_from(units).is_err()),
        }
    }

    #[test]
    fn amounts_are_read_back_exactly_and_only_in_their_own_unit(units: u64) {
        let text = UsdcUnits::new(units).to_string();
        prop_assert_eq!(text.parse(), Ok(UsdcUnits::new(units)));
        let cents = text.parse::<UsdCents>();
        prop_assert_eq!(cents.is_ok(), units.is_multiple_of(10_000), "{} has parts of a cent", text);
        prop_assert_eq!(Amount::Usdc(UsdcUnits::new(units)).minor().is_ok(), units <= i64::MAX as u64);
        prop_assert_eq!(Credits::new(units).to_string().parse(), Ok(Credits::new(units)));
    }
}
