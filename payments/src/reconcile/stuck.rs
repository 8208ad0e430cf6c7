//! Work that should have ended by now.

use super::{CheckError, Compared, turn::Turn};
use crate::{
    intent::State,
    ports::{FindingKind, Found, InTransit, Source},
    time::UnixMs,
};

/// The most that one run names.
const LIMIT: u32 = 1_000;
/// What is younger than this cannot be late.
const YOUNG_MS: i64 = 60_000;
/// The chain's time can be this far behind ours until an expiry is proven.
const EXPIRY_LAG_MS: i64 = 30 * 60_000;
/// A processor keeps a key for a day, and an hour later an absent charge is none.
const CHARGE_MS: i64 = 26 * 3_600_000;
/// Credits of a paid pack need the books only.
const GRANT_MS: i64 = 300_000;
/// The recovery loop's turns, until a creation that is over its deadline is looked up.
const FORWARDING_LAG_MS: i64 = 300_000;

/// The deadlines that are settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// How long an unknown creation is tried again before it is looked up by key.
    pub core_deadline_ms: i64,
    /// How long after it was sent "there is none" is not believed.
    pub core_late_copy_ms: i64,
}

pub(super) async fn check(turn: &mut Turn<'_>) -> Result<Compared, CheckError> {
    let (books, now) = (&turn.parts.books, turn.parts.clock.now());
    let open = books.open_findings(Source::Books).await?;
    let transit = books.in_transit(now.plus_ms(-YOUNG_MS), LIMIT).await?;
    let late =
        transit.iter().filter_map(|work| Some((work, late(work, &turn.parts.deadlines, now)?)));
    let found = late.map(|(work, detail)| Found {
        kind: FindingKind::Stuck,
        key: work.intent.to_string(),
        source: Source::Books,
        subject: String::new(),
        detail,
    });
    let mut compared =
        Compared { found: found.collect(), compared: transit.len() as u64, ..Compared::default() };
    // A list that was cut off says nothing of what it does not show.
    if transit.len() < LIMIT as usize {
        compared.gone = open
            .into_iter()
            .filter(|it| it.kind == FindingKind::Stuck && !compared.differs(it))
            .collect();
    }
    Ok(compared)
}

/// What to say of work that is over its deadline.
fn late(work: &InTransit, deadlines: &Deadlines, now: UnixMs) -> Option<String> {
    let (since, deadline, what) = match work.state {
        State::Queued | State::Signed | State::Submitted | State::SubmitUnknown => {
            match work.valid_before_unix_s {
                Some(end_s) => {
                    let end = UnixMs::from_s(i64::try_from(end_s).unwrap_or(i64::MAX));
                    (
                        work.created_at,
                        end.plus_ms(EXPIRY_LAG_MS),
                        "the chain says neither that it was paid nor that it never will be",
                    )
                }
                None => (
                    work.created_at,
                    work.created_at.plus_ms(CHARGE_MS),
                    "the card processor does not say what became of the charge",
                ),
            }
        }
        State::Forwarding | State::CoreUnknown => {
            let since = work.forwarding_since.unwrap_or(work.created_at);
            let end = since
                .plus_ms(deadlines.core_deadline_ms)
                .plus_ms(deadlines.core_late_copy_ms)
                .plus_ms(FORWARDING_LAG_MS);
            (since, end, "the upstream does not say whether the launch exists")
        }
        State::Charged => (
            work.created_at,
            work.created_at.plus_ms(GRANT_MS),
            "a pack is paid for and its credits are not there",
        ),
        _ => return None,
    };
    (now > deadline).then(|| format!("{} since {}: {what}", work.state.word(), since.rfc3339_s()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::PaymentId;

    fn work(state: State) -> InTransit {
        InTransit {
            intent: PaymentId::new(uuid::Uuid::from_u128(1)),
            state,
            created_at: UnixMs::from_s(1_000),
            valid_before_unix_s: Some(1_300),
            forwarding_since: Some(UnixMs::from_s(1_100)),
        }
    }

    #[test]
    fn each_state_is_late_after_its_own_deadline_and_no_finished_one_is() {
        let deadlines = Deadlines { core_deadline_ms: 600_000, core_late_copy_ms: 300_000 };
        for (state, card, end_s) in [
            (State::Signed, false, 1_300 + 1_800),
            (State::SubmitUnknown, true, 1_000 + 26 * 3_600),
            (State::CoreUnknown, false, 1_100 + 600 + 300 + 300),
            (State::Charged, true, 1_000 + 300),
        ] {
            let mut work = work(state);
            work.valid_before_unix_s = work.valid_before_unix_s.filter(|_| !card);
            assert_eq!(late(&work, &deadlines, UnixMs::from_s(end_s)), None, "{state:?}");
            assert!(
                late(&work, &deadlines, UnixMs::from_s(end_s + 1))
                    .is_some_and(|text| text.starts_with(state.word())),
                "{state:?}"
            );
        }
        for state in State::ALL.into_iter().filter(|state| state.is_terminal()) {
            assert_eq!(late(&work(state), &deadlines, UnixMs::new(i64::MAX)), None);
        }
    }
}
