//! The upstream against the books, both ways: everything that was created through us has one
//! intent, and every created intent its launch.

use std::collections::HashSet;

use super::{CheckError, Compared, Scope, turn::Turn};
use crate::{
    ids::PaymentId,
    intent::State,
    ports::{BookedLaunch, Creation, Creations, FindingKind, Found, LookUp, OpenFinding, Source},
    time::UnixMs,
};

/// Intents per reading.
const PAGE: u32 = 500;
/// What changed shortly before the last run began may not have been in its reading.
const OVERLAP_MS: i64 = 60_000;
const MARK_LISTED: &str = "core:after";
const MARK_LOOKED: &str = "core:since_ms";
const NO_LIST: &str =
    "the upstream lists no creations: launches that the books do not know are not found";
const NOTHING: &str = "the upstream neither lists creations nor looks them up by key";

#[derive(Default)]
struct Seen {
    compared: Compared,
    /// Intents whose launch was listed.
    there: HashSet<PaymentId>,
    /// Keys that were listed.
    keys: HashSet<String>,
    /// Some creation is not decided: the mark stays before it.
    undecided: bool,
}

pub(super) async fn check(turn: &mut Turn<'_>) -> Result<Compared, CheckError> {
    let started = turn.parts.clock.now();
    let mut seen = Seen::default();
    let listed = list(turn, &mut seen).await?;
    if !listed && !turn.parts.upstream.looks_up() {
        return Ok(Compared { not_offered: Some(NOTHING), ..Compared::default() });
    }
    if turn.parts.upstream.looks_up() || turn.scope == Scope::Full {
        created(turn, &mut seen).await?;
    }
    for open in turn.parts.books.open_findings(Source::Core).await? {
        again(turn, &mut seen, &open).await?;
    }
    if !matches!(turn.scope, Scope::Since(_)) {
        turn.set_mark(MARK_LOOKED, &started.ms().to_string()).await?;
    }
    seen.compared.not_offered = (!listed).then_some(NO_LIST);
    Ok(seen.compared)
}

/// Reads the upstream's list; false when it has none.
async fn list(turn: &mut Turn<'_>, seen: &mut Seen) -> Result<bool, CheckError> {
    let recent = turn.scope == Scope::Recent;
    let mut after =
        if recent { turn.mark(MARK_LISTED).await?.unwrap_or_default() } else { String::new() };
    loop {
        turn.step().await?;
        let page = turn
            .parts
            .upstream
            .creations(&after)
            .await
            .map_err(|error| CheckError::CouldNot(error.to_string()))?;
        let Creations::Page { items, next } = page else { return Ok(false) };
        for item in &items {
            let booked = turn.parts.books.launch_of(&item.core_key).await?;
            seen.note(item, booked.as_ref());
        }
        let Some(next) = next else { return Ok(true) };
        if next == after {
            return Err(CheckError::CouldNot(String::from(
                "the upstream's list goes round in a circle",
            )));
        }
        after = next;
        if !seen.undecided {
            turn.set_mark(MARK_LISTED, &after).await?;
        }
    }
}

impl Seen {
    fn note(&mut self, item: &Creation, booked: Option<&BookedLaunch>) {
        self.compared.compared = self.compared.compared.saturating_add(1);
        self.keys.insert(item.core_key.clone());
        match judge(item, booked) {
            Judgement::Agrees(intent) => {
                self.there.extend(intent);
            }
            Judgement::Undecided => self.undecided = true,
            Judgement::Extra(kind, detail) => self.compared.found.push(Found {
                kind,
                key: item.launch_id.clone(),
                source: Source::Core,
                subject: item.core_key.clone(),
                detail,
            }),
        }
    }

    fn missing(&mut self, intent: PaymentId, detail: String) {
        let key = intent.to_string();
        self.compared.found.push(Found {
            kind: FindingKind::MissingLaunch,
            subject: key.clone(),
            key,
            source: Source::Core,
            detail,
        });
    }
}

enum Judgement {
    Agrees(Option<PaymentId>),
    Undecided,
    Extra(FindingKind, String),
}

fn judge(item: &Creation, booked: Option<&BookedLaunch>) -> Judgement {
    let gone = item.deleted;
    match booked {
        Some(booked)
            if booked.state == State::Created
                && (booked.is_nameless()
                    || booked.launch_id.as_deref() == Some(&item.launch_id)) =>
        {
            Judgement::Agrees(Some(booked.intent))
        }
        Some(booked) if matches!(booked.state, State::Forwarding | State::CoreUnknown) => {
            Judgement::Undecided
        }
        // A launch that somebody deleted costs nobody anything.
        _ if gone => Judgement::Agrees(None),
        Some(booked) => {
            let of = booked
                .launch_id
                .as_ref()
                .map(|id| format!(" with launch {id}"))
                .unwrap_or_default();
            let by =
                booked.ended_by.map(|by| format!(", ended by {}", by.word())).unwrap_or_default();
            // What was ended without the upstream's word, it did after all: the books stay as they
            // are.
            let late = booked.ended_by.is_some() && booked.state != State::Created;
            let kind = if late { FindingKind::LateResult } else { FindingKind::ExtraLaunch };
            let (launch, state) = (&item.launch_id, booked.state.word());
            Judgement::Extra(
                kind,
                format!("launch {launch} was made for {}, which is {state}{of}{by}", booked.intent),
            )
        }
        None => {
            let detail = format!(
                "launch {} was made under the key {:?}, which the books do not know",
                item.launch_id, item.core_key
            );
            Judgement::Extra(FindingKind::ExtraLaunch, detail)
        }
    }
}

impl BookedLaunch {
    /// An operator said that it was done, and not what it made.
    fn is_nameless(&self) -> bool {
        self.launch_id.as_deref() == Some("")
    }
}

/// Every created intent has its launch: it was listed, or is there when it is looked up.
async fn created(turn: &mut Turn<'_>, seen: &mut Seen) -> Result<(), CheckError> {
    let since = match turn.scope {
        Scope::Full => UnixMs::new(0),
        Scope::Since(at) => at,
        Scope::Recent => {
            let mark = turn.mark(MARK_LOOKED).await?.and_then(|text| text.parse().ok());
            mark.map_or(UnixMs::new(0), |ms| UnixMs::new(ms).plus_ms(-OVERLAP_MS))
        }
    };
    let mut after = None;
    loop {
        let page = turn.parts.books.created_since(since, after, PAGE).await?;
        for booked in &page {
            if seen.there.contains(&booked.intent) || booked.is_nameless() {
                continue;
            }
            seen.compared.compared = seen.compared.compared.saturating_add(1);
            if let Some(detail) = looked_up(turn, booked).await? {
                seen.missing(booked.intent, detail);
            }
        }
        after = page.last().map(|booked| booked.intent);
        if page.len() < PAGE as usize {
            return Ok(());
        }
    }
}

/// What is wrong with a launch, by its key.
async fn looked_up(
    turn: &mut Turn<'_>,
    booked: &BookedLaunch,
) -> Result<Option<String>, CheckError> {
    turn.step().await?;
    let booked_id = booked.launch_id.as_deref().unwrap_or_default();
    match turn.parts.upstream.look_up(&booked.intent.to_string()).await {
        LookUp::Found { launch_id, .. } if launch_id == booked_id => Ok(None),
        LookUp::Found { launch_id, .. } => Ok(Some(format!(
            "{} has launch {booked_id} in the books and {launch_id} upstream",
            booked.intent
        ))),
        LookUp::Absent => Ok(Some(format!(
            "{} has launch {booked_id} in the books, and the upstream has none for it",
            booked.intent
        ))),
        LookUp::Unreachable(why) => Err(CheckError::CouldNot(why)),
    }
}

async fn again(turn: &mut Turn<'_>, seen: &mut Seen, open: &OpenFinding) -> Result<(), CheckError> {
    if seen.compared.differs(open) {
        return Ok(());
    }
    let gone = match open.kind {
        FindingKind::MissingLaunch => match turn.parts.books.launch_of(&open.subject).await? {
            Some(booked)
                if booked.state == State::Created && !seen.there.contains(&booked.intent) =>
            {
                looked_up(turn, &booked).await?.is_none()
            }
            _ => true,
        },
        FindingKind::ExtraLaunch | FindingKind::LateResult if seen.keys.contains(&open.subject) => {
            true
        }
        FindingKind::ExtraLaunch | FindingKind::LateResult => {
            match turn.parts.books.launch_of(&open.subject).await? {
                Some(booked) if booked.launch_id.as_deref() == Some(&open.key) => true,
                _ if !turn.parts.upstream.looks_up() => false,
                _ => matches!(turn.parts.upstream.look_up(&open.subject).await, LookUp::Absent),
            }
        }
        _ => false,
    };
    if gone {
        seen.compared.gone.push(open.clone());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::EndedBy;

    fn creation(deleted: bool) -> Creation {
        Creation { core_key: String::from("k"), launch_id: String::from("l1"), deleted }
    }

    fn booked(state: State, launch_id: Option<&str>) -> BookedLaunch {
        let intent = PaymentId::new(uuid::Uuid::from_u128(1));
        BookedLaunch { intent, state, launch_id: launch_id.map(str::to_owned), ended_by: None }
    }

    #[test]
    fn a_creation_agrees_with_its_own_created_intent_only() {
        let is_extra = |booked: Option<&BookedLaunch>| {
            matches!(judge(&creation(false), booked), Judgement::Extra(FindingKind::ExtraLaunch, _))
        };
        assert!(matches!(
            judge(&creation(false), Some(&booked(State::Created, Some("l1")))),
            Judgement::Agrees(Some(_))
        ));
        assert!(is_extra(None));
        assert!(is_extra(Some(&booked(State::Created, Some("l2")))));
        for state in [State::Released, State::Rejected, State::PayFailed] {
            assert!(is_extra(Some(&booked(state, None))), "{state:?}");
        }
    }

    #[test]
    fn what_was_ended_without_the_upstreams_word_and_done_after_all_is_a_late_result() {
        for by in [EndedBy::NotDone, EndedBy::Operator, EndedBy::Policy] {
            let ended = BookedLaunch { ended_by: Some(by), ..booked(State::Rejected, None) };
            assert!(matches!(
                judge(&creation(false), Some(&ended)),
                Judgement::Extra(FindingKind::LateResult, _)
            ));
        }
        let nameless =
            BookedLaunch { ended_by: Some(EndedBy::Operator), ..booked(State::Created, Some("")) };
        assert!(matches!(judge(&creation(false), Some(&nameless)), Judgement::Agrees(Some(_))));
    }

    #[test]
    fn what_is_being_created_or_was_deleted_is_no_extra_launch() {
        for state in [State::Forwarding, State::CoreUnknown] {
            assert!(matches!(
                judge(&creation(false), Some(&booked(state, None))),
                Judgement::Undecided
            ));
        }
        assert!(matches!(judge(&creation(true), None), Judgement::Agrees(None)));
    }
}
