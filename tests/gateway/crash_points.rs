//! Where a creation can be killed: every state of an intent, with every foreign call and every commit that belongs to it.

use payments::intent::State;

use crate::support::trap::Point;
use crate::support::world::Totals;

/// What pays for the creation that is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Funding {
    Free,
    X402,
    Entitlement,
}

/// A call that leaves the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// The reads before the claim.
    ChainRead,
    /// `eth_sendRawTransaction`.
    Broadcast,
    /// The question what became of the payment.
    Outcome,
    /// The creation at the core.
    CoreCreate,
}

/// When the process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// At this point of this call.
    Call(Foreign, Point),
    /// When the answer of this call is to be committed, and the commit cannot happen.
    Commit(Foreign),
    /// While the intent stands in the state that is looked at.
    Standing,
}

/// One kill.
#[derive(Clone, Copy, Debug)]
pub struct Crash {
    pub funding: Funding,
    pub state: State,
    pub moment: Moment,
    pub retry: bool,
}

/// What the ledger must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// That of the undisturbed run.
    Done,
    /// Nothing happened.
    Nothing,
    /// The authorization was taken back: gas, and nothing else.
    NotPaid,
    /// The core refused: what was taken is owed or went back.
    Refused,
}

/// Every kill of creations that are funded like this, with and without a client that asks again.
pub fn crashes(funding: Funding) -> Vec<Crash> {
    let with_state = |state: State| moments(funding, state).into_iter().map(move |moment| (state, moment));
    let all = State::ALL.into_iter().flat_map(with_state);
    all.flat_map(|(state, moment)| [false, true].map(|retry| Crash { funding, state, moment, retry })).collect()
}

/// The kills that a state needs. No wildcard: a new state does not compile until its kills are named.
fn moments(funding: Funding, state: State) -> Vec<Moment> {
    let pays = funding == Funding::X402;
    let call = |foreign| Point::ALL.into_iter().map(move |point| Moment::Call(foreign, point));
    let only = |wanted: bool, moments: Vec<Moment>| if wanted { moments } else { Vec::new() };
    match state {
        // Lives only inside the claiming transaction.
        State::Claimed => call(Foreign::ChainRead).chain([Moment::Commit(Foreign::ChainRead)]).collect(),
        State::Signed => {
            let calls = call(Foreign::Broadcast).chain(call(Foreign::Outcome));
            only(pays, calls.chain([Moment::Commit(Foreign::Outcome)]).collect())
        }
        State::Submitted | State::SubmitUnknown | State::PayFailed | State::Rejected => only(pays, vec![Moment::Standing]),
        State::Forwarding => call(Foreign::CoreCreate).chain([Moment::Commit(Foreign::CoreCreate)]).collect(),
        State::CoreUnknown | State::Created => vec![Moment::Standing],
        State::Released => only(!pays, vec![Moment::Standing]),
        // A pack's: neither a slot nor a settlement comes there.
        State::Charged | State::Granted => Vec::new(),
    }
}

impl Crash {
    /// The state that the books must show at the kill; none is no row. `None` where the process was already on its way.
    pub fn state_at_kill(&self) -> Option<Option<State>> {
        match self.moment {
            Moment::Call(_, Point::AfterReply) => None,
            Moment::Call(Foreign::ChainRead, _) | Moment::Commit(Foreign::ChainRead) => Some(None),
            Moment::Call(..) | Moment::Commit(_) | Moment::Standing => Some(Some(self.state)),
        }
    }

    /// What must come of it, when the proof was claimed or was not.
    pub fn end(&self, claimed: bool) -> End {
        match self.state {
            State::PayFailed => End::NotPaid,
            State::Rejected | State::Released => End::Refused,
            _ if claimed || self.retry => End::Done,
            _ => End::Nothing,
        }
    }

    pub fn name(&self) -> String {
        let moment = match self.moment {
            Moment::Call(foreign, point) => format!("{foreign:?} {point:?}"),
            Moment::Commit(foreign) => format!("{foreign:?} before its commit"),
            Moment::Standing => "standing".to_owned(),
        };
        let retry = if self.retry { "client asks again" } else { "client is gone" };
        format!("{:<11} | {:<14} | {moment:<27} | {retry:<17}", format!("{:?}", self.funding), self.state.word())
    }
}

impl End {
    /// The totals of this end.
    pub fn totals(self, funding: Funding) -> Totals {
        let paid = Totals { settlements: 1, transactions: 1, ..Totals::default() };
        match (self, funding) {
            (Self::Done, Funding::Free) => Totals { free_slots: 1, launches: 1, ..Totals::default() },
            (Self::Done, Funding::X402 | Funding::Entitlement) => Totals { launches: 1, ..paid },
            (Self::Nothing | Self::Refused, Funding::Entitlement) | (Self::Refused, Funding::X402) => Totals { obligations: 1, ..paid },
            (Self::Nothing, Funding::Free | Funding::X402) | (Self::Refused, Funding::Free) => Totals::default(),
            (Self::NotPaid, _) => Totals { transactions: 1, ..Totals::default() },
        }
    }

    /// What a repeat of the proof is answered.
    pub fn status(self) -> u16 {
        match self {
            Self::Done | Self::Nothing => 201,
            Self::NotPaid => 402,
            Self::Refused => 400,
        }
    }
}

#[test]
fn every_state_is_killed_in_some_way() {
    let all: Vec<Crash> = [Funding::Free, Funding::X402, Funding::Entitlement].into_iter().flat_map(crashes).collect();
    for state in State::ALL {
        assert!(all.iter().any(|crash| crash.state == state), "{} is never killed", state.word());
    }
}
