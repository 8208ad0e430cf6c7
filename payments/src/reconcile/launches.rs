//! The upstream against the books, both ways: everything that was created through us has one
//! intent, and every created intent its launch.

mod judge;

use std::collections::HashSet;

use judge::{Judgement, judge};

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
