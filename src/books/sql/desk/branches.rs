//! Where a filter's payments lie together in the order of their keys. A list is read from those
//! places, so that its hundred-thousandth page costs what its first one does, and an empty one
//! costs nothing.

use std::collections::BTreeSet;

use ::payments::{
    intent::State,
    ports::{
        BooksError,
        desk::{PaymentFilter, Standing, TextSearch},
    },
};

use super::super::{dialect::Connection, rows};
use super::text::{Text, all};

/// States, rails, fundings, routes and prices that occur together are few. If they are more than
/// these, the list is read along its key.
const MAX_KINDS: i64 = 200;
/// One transaction settles a few payments at most.
const MAX_NAMED: i64 = 100;

/// Where to look.
pub(super) enum Place {
    /// Everywhere.
    All,
    /// What one payer did, and stands in this state.
    Payer(String, Option<String>),
    /// All of one kind.
    Kind(Kind),
    /// One payment.
    Id(String),
    /// What clients called so.
    ClientName(String),
    /// The launch of this name, where the client did not call it so.
    Launch(String),
    /// Debts in this state and currency.
    Owed(&'static str, String),
    /// What was refunded elsewhere, and stands in no state of [`REFUNDED`] here.
    RefundedElsewhere,
    /// What a bank disputed or asked about.
    Disputed,
}

/// Everything of a payment that a filter by kind asks for.
pub(super) struct Kind {
    pub(super) state: String,
    pub(super) rail: String,
    pub(super) funding: String,
    pub(super) route: String,
    pub(super) currency: String,
    pub(super) price_minor: i64,
}

/// States of a debt whose money went back, or is on its way.
pub(super) const REFUNDED: [&str; 3] = ["refund_sent", "refund_unknown", "refunded"];

/// The places of a filter. No payment lies in two of them.
pub(super) async fn places(
    connection: &mut Connection,
    filter: &PaymentFilter,
) -> Result<Vec<Place>, BooksError> {
    match &filter.text {
        Some(TextSearch::Payment(id)) => return Ok(vec![Place::Id(id.to_string())]),
        Some(TextSearch::Transaction(hash)) => {
            return ids(connection, OF_HASH, &hash.to_string()).await;
        }
        Some(TextSearch::Stripe(name)) => return ids(connection, OF_STRIPE, name).await,
        Some(TextSearch::Name(name)) => {
            return Ok(vec![Place::ClientName(name.clone()), Place::Launch(name.clone())]);
        }
        None => {}
    }
    let kinds = if by_kind(filter) { kinds(connection, filter).await? } else { None };
    if filter.standing == Some(Standing::Refunded) {
        return Ok(refunded(kinds));
    }
    if filter.standing == Some(Standing::Disputed) {
        return Ok(vec![Place::Disputed]);
    }
    Ok(match (&filter.payer, kinds) {
        (None, None) => vec![Place::All],
        (None, Some(kinds)) => kinds.into_iter().map(Place::Kind).collect(),
        (Some(payer), None) => vec![Place::Payer(payer.to_string(), None)],
        (Some(payer), Some(kinds)) => {
            let states: BTreeSet<String> = kinds.into_iter().map(|kind| kind.state).collect();
            states.into_iter().map(|state| Place::Payer(payer.to_string(), Some(state))).collect()
        }
    })
}

/// Debts of the currencies that these kinds are paid in. Only card payments are refunded elsewhere.
fn refunded(kinds: Option<Vec<Kind>>) -> Vec<Place> {
    let currencies: BTreeSet<String> = match kinds {
        Some(kinds) => kinds.into_iter().map(|kind| kind.currency).collect(),
        None => ["USDC", "USD"].map(str::to_owned).into(),
    };
    let owed = currencies
        .iter()
        .flat_map(|currency| REFUNDED.map(|state| Place::Owed(state, currency.clone())));
    let elsewhere = currencies.contains("USD").then_some(Place::RefundedElsewhere);
    owed.chain(elsewhere).collect()
}

/// Whether a filter asks for something that the kinds say.
fn by_kind(filter: &PaymentFilter) -> bool {
    let price =
        filter.min_minor.is_some() || filter.max_minor.is_some() || filter.currency.is_some();
    price
        || filter.standing.is_some()
        || filter.rail.is_some()
        || filter.route.is_some()
        || filter.live.is_some()
}

const OF_HASH: &str = "SELECT id FROM (SELECT intent_id AS id FROM settlements WHERE tx_hash = $1
     UNION SELECT intent_id FROM attempts WHERE tx_hash = $1) AS named ORDER BY id LIMIT $2";
const OF_STRIPE: &str =
    "SELECT id FROM (SELECT intent_id AS id FROM settlements WHERE stripe_pi = $1
     UNION SELECT intent_id FROM settlements WHERE stripe_charge = $1
     UNION SELECT intent_id FROM refunds WHERE payment_intent = $1) AS named ORDER BY id LIMIT $2";

async fn ids(
    connection: &mut Connection,
    query: &'static str,
    name: &str,
) -> Result<Vec<Place>, BooksError> {
    let list =
        sqlx::query(query).bind(name).bind(MAX_NAMED).persistent(false).fetch_all(connection).await;
    list.map_err(super::unavailable)?
        .iter()
        .map(|row| rows::text(row, "id").map(Place::Id))
        .collect()
}

/// One step along the index for each kind that there is, whatever the number of payments.
const KINDS: &str = "WITH RECURSIVE found (id) AS (
        SELECT id FROM (SELECT id FROM intents ORDER BY state, rail, funding, route, currency, price_minor, id LIMIT 1) AS first
        UNION ALL
        SELECT (SELECT j.id FROM intents j
                WHERE (j.state, j.rail, j.funding, j.route, j.currency, j.price_minor) > (i.state, i.rail, i.funding, i.route, i.currency, i.price_minor)
                ORDER BY j.state, j.rail, j.funding, j.route, j.currency, j.price_minor, j.id LIMIT 1)
        FROM found f JOIN intents i ON i.id = f.id)
     SELECT i.state, i.rail, i.funding, i.route, i.currency, i.price_minor FROM found f JOIN intents i ON i.id = f.id LIMIT ";

/// The kinds that the filter may show; none where they are too many to tell apart.
async fn kinds(
    connection: &mut Connection,
    filter: &PaymentFilter,
) -> Result<Option<Vec<Kind>>, BooksError> {
    let mut text = Text::new(KINDS);
    text.push_bind(MAX_KINDS + 1);
    let list = all(text, connection).await?;
    if i64::try_from(list.len()).unwrap_or(i64::MAX) > MAX_KINDS {
        return Ok(None);
    }
    let mut kinds = Vec::with_capacity(list.len());
    for row in &list {
        let kind = Kind {
            state: rows::text(row, "state")?,
            rail: rows::text(row, "rail")?,
            funding: rows::text(row, "funding")?,
            route: rows::text(row, "route")?,
            currency: rows::text(row, "currency")?,
            price_minor: rows::int(row, "price_minor")?,
        };
        if kind.may_be_shown(filter) {
            kinds.push(kind);
        }
    }
    Ok(Some(kinds))
}

impl Kind {
    fn may_be_shown(&self, filter: &PaymentFilter) -> bool {
        let standing = filter.standing.is_none_or(|standing| self.may_stand(standing));
        standing
            && filter.live.is_none_or(|_| self.may_be_settled())
            && filter.rail.is_none_or(|rail| rail == self.rail)
            && filter.route.as_ref().is_none_or(|route| *route == self.route)
            && filter.currency.is_none_or(|currency| currency == self.currency)
            && filter.min_minor.is_none_or(|min| self.price_minor >= min)
            && filter.max_minor.is_none_or(|max| self.price_minor <= max)
    }

    fn may_stand(&self, standing: Standing) -> bool {
        match states_of(standing) {
            Some(states) => states.iter().any(|state| state.word() == self.state),
            None if matches!(standing, Standing::Refunded | Standing::Disputed) => true,
            None if standing == Standing::NoLaunch => self.may_lack_a_launch(),
            None => self.may_be_settled(),
        }
    }

    /// What is created has its launch, and a pack is for none.
    fn may_lack_a_launch(&self) -> bool {
        self.may_be_settled() && self.state != State::Created.word() && self.funding != "mpp_pack"
    }

    /// Only money that came moves a payment on, and only what is paid for by itself has money of
    /// its own.
    fn may_be_settled(&self) -> bool {
        const BEFORE: [State; 5] = [
            State::Queued,
            State::Signed,
            State::Submitted,
            State::SubmitUnknown,
            State::PayFailed,
        ];
        const PAID: [&str; 3] = ["x402", "mpp_charge", "mpp_pack"];
        PAID.contains(&self.funding.as_str())
            && !BEFORE.iter().any(|state| state.word() == self.state)
    }
}

/// The states that a standing is, if it is nothing but states.
pub(super) fn states_of(standing: Standing) -> Option<Vec<State>> {
    match standing {
        Standing::Is(state) => Some(vec![state]),
        Standing::Open => {
            Some(State::ALL.into_iter().filter(|state| !state.is_terminal()).collect())
        }
        Standing::Unknown => Some(vec![State::SubmitUnknown, State::CoreUnknown]),
        Standing::PaidNotServed => Some(vec![State::Rejected]),
        Standing::Settled | Standing::NoLaunch | Standing::Refunded | Standing::Disputed => None,
    }
}
