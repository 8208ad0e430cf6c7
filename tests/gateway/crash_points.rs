//! Where a creation or a purchase can be killed: every state of an intent, with every foreign call
//! and every commit that belongs to it.

use payments::intent::State;

use crate::support::database::on_server;
use crate::support::postgres_proxy::CommitPoint;
use crate::support::trap::Point;
use crate::support::world::Totals;

/// What pays for the creation that is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Funding {
    Free,
    X402,
    Entitlement,
    /// A card that is charged for the one launch.
    Card,
    /// A card whose account has credits.
    Credit,
    /// A card that buys the pack, and no launch.
    Pack,
}

impl Funding {
    pub const ALL: [Self; 6] =
        [Self::Free, Self::X402, Self::Entitlement, Self::Card, Self::Credit, Self::Pack];

    /// What is asked abroad before the claim.
    fn before_the_claim(self) -> Foreign {
        match self {
            Self::Free | Self::X402 | Self::Entitlement => Foreign::ChainRead,
            Self::Card | Self::Credit | Self::Pack => Foreign::Token,
        }
    }
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
    /// The look at a card's token before the claim.
    Token,
    /// The charge at Stripe.
    Charge,
    /// The creation at the core.
    CoreCreate,
}

/// When the process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// At this point of this call.
    Call(Foreign, Point),
    /// When the answer of this call is to be committed: the commit cannot happen, or it has
    /// happened and nobody heard of it.
    Commit(Foreign, CommitPoint),
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
    let with_state =
        |state: State| moments(funding, state).into_iter().map(move |moment| (state, moment));
    let all = State::ALL.into_iter().flat_map(with_state);
    all.flat_map(|(state, moment)| {
        [false, true].map(|retry| Crash { funding, state, moment, retry })
    })
    .collect()
}

/// The kills that a state needs. No wildcard over states: a new one does not compile until its
/// kills are named.
fn moments(funding: Funding, state: State) -> Vec<Moment> {
    use Funding::{Card, Credit, Entitlement, Free, Pack, X402};
    let call = |foreign| Point::ALL.into_iter().map(move |point| Moment::Call(foreign, point));
    // A file's commit has no answer that could be lost.
    let commit_points =
        CommitPoint::ALL.into_iter().filter(|at| on_server() || *at == CommitPoint::Before);
    let commits = |foreign| commit_points.clone().map(move |at| Moment::Commit(foreign, at));
    let to_commit = |foreign| call(foreign).chain(commits(foreign)).collect();
    match (state, funding) {
        // Lives only inside the claiming transaction.
        (State::Queued, _) => to_commit(funding.before_the_claim()),
        (State::Signed, X402) => {
            let calls = call(Foreign::Broadcast).chain(call(Foreign::Outcome));
            calls.chain(commits(Foreign::Outcome)).collect()
        }
        (State::Signed, Card | Pack) => to_commit(Foreign::Charge),
        (State::Submitted | State::SubmitUnknown | State::PayFailed, X402 | Card | Pack) => {
            vec![Moment::Standing]
        }
        (State::Rejected, X402 | Card) => vec![Moment::Standing],
        (State::Released, Free | Entitlement | Credit) => vec![Moment::Standing],
        (State::Forwarding, Free | X402 | Entitlement | Card | Credit) => {
            to_commit(Foreign::CoreCreate)
        }
        (State::CoreUnknown | State::Created, Free | X402 | Entitlement | Card | Credit) => {
            vec![Moment::Standing]
        }
        (State::Charged | State::Granted, Pack) => vec![Moment::Standing],
        // What is not paid for has no payment, and a pack no launch.
        (
            State::Signed | State::Submitted | State::SubmitUnknown | State::PayFailed,
            Free | Entitlement | Credit,
        )
        | (State::Rejected, Free | Entitlement | Credit | Pack)
        | (State::Released, X402 | Card | Pack)
        | (State::Forwarding | State::CoreUnknown | State::Created, Pack)
        | (State::Charged | State::Granted, Free | X402 | Entitlement | Card | Credit) => {
            Vec::new()
        }
    }
}

impl Crash {
    /// The state that the books must show at the kill; none is no row. `None` where the process was
    /// already on its way.
    pub fn state_at_kill(&self) -> Option<Option<State>> {
        match self.moment {
            Moment::Call(_, Point::AfterReply) => None,
            Moment::Commit(_, CommitPoint::After) => None,
            Moment::Call(Foreign::ChainRead | Foreign::Token, _)
            | Moment::Commit(Foreign::ChainRead | Foreign::Token, _) => Some(None),
            Moment::Call(..) | Moment::Commit(..) | Moment::Standing => Some(Some(self.state)),
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
            Moment::Commit(foreign, at) => format!("{foreign:?} {at:?} its commit"),
            Moment::Standing => "standing".to_owned(),
        };
        let retry = if self.retry { "client asks again" } else { "client is gone" };
        format!(
            "{:<11} | {:<14} | {moment:<27} | {retry:<17}",
            format!("{:?}", self.funding),
            self.state.word()
        )
    }
}

impl End {
    /// The totals of this end.
    pub fn totals(self, funding: Funding) -> Totals {
        let paid = Totals { settlements: 1, transactions: 1, ..Totals::default() };
        let charged = Totals { settlements: 1, charges: 1, ..Totals::default() };
        let bought = Totals { credits: 20, ..charged };
        match (self, funding) {
            (Self::Done, Funding::Free) => {
                Totals { free_slots: 1, launches: 1, ..Totals::default() }
            }
            (Self::Done, Funding::X402 | Funding::Entitlement) => Totals { launches: 1, ..paid },
            (Self::Done, Funding::Card) => Totals { launches: 1, ..charged },
            (Self::Done, Funding::Credit) => Totals { launches: 1, credits: 19, ..bought },
            (Self::Done, Funding::Pack)
            | (Self::Nothing | Self::Refused | Self::NotPaid, Funding::Credit) => bought,
            (Self::Nothing | Self::Refused, Funding::Entitlement)
            | (Self::Refused, Funding::X402) => Totals { obligations: 1, ..paid },
            (Self::Refused, Funding::Card) => Totals { credits: 1, ..charged },
            (Self::Nothing, Funding::Free | Funding::X402 | Funding::Card)
            | (Self::Refused, Funding::Free)
            | (Self::Nothing | Self::Refused | Self::NotPaid, Funding::Pack)
            | (Self::NotPaid, Funding::Card) => Totals::default(),
            (Self::NotPaid, Funding::Free | Funding::X402 | Funding::Entitlement) => {
                Totals { transactions: 1, ..Totals::default() }
            }
        }
    }

    /// What a repeat of the proof is answered.
    pub fn status(self, funding: Funding) -> u16 {
        match (self, funding) {
            (Self::Done | Self::Nothing, Funding::Pack) => 200,
            (Self::Done | Self::Nothing, _) => 201,
            (Self::NotPaid, _) => 402,
            (Self::Refused, _) => 400,
        }
    }
}

#[test]
fn every_state_is_killed_in_some_way() {
    let all: Vec<Crash> = Funding::ALL.into_iter().flat_map(crashes).collect();
    for state in State::ALL {
        assert!(all.iter().any(|crash| crash.state == state), "{} is never killed", state.word());
    }
}
