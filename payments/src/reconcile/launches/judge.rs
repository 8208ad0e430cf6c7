//! What a listed creation means, given what the books know of it.

use crate::{
    ids::PaymentId,
    intent::State,
    ports::{BookedLaunch, Creation, FindingKind},
};

pub(super) enum Judgement {
    Agrees(Option<PaymentId>),
    Undecided,
    Extra(FindingKind, String),
}

pub(super) fn judge(item: &Creation, booked: Option<&BookedLaunch>) -> Judgement {
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
        // A deleted launch costs nothing.
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
    pub(super) fn is_nameless(&self) -> bool {
        self.launch_id.as_deref() == Some("")
    }
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
