//! The ids of the payments that a filter shows, as a piece of a statement.

use ::payments::{
    ids::PaymentId,
    ports::{
        BooksError,
        desk::{PaymentFilter, Standing, TextSearch},
    },
    time::UnixMs,
};

use super::super::{dialect::Connection, rows};
use super::{
    branches::{Kind, Place, REFUNDED, places, states_of},
    text::{Text, one},
};

/// An id is made a moment before its payment is claimed.
const SLACK_MS: i64 = 60_000;

/// Whether a settlement `s` was real money, as 1 or 0; word for word what its index says.
macro_rules! live {
    () => {
        "CASE WHEN s.livemode = 1 THEN 1 WHEN s.rail = 'mpp' THEN 0 \
         WHEN s.chain_id IN (84532, 31337, 1337, 11155111, 17000, 421614, 11155420, 80002, 43113) THEN 0 ELSE 1 END"
    };
}
pub(super) use live;

/// Ends a condition that a page asks of one row after the other, and stops once it is full: planned
/// for all rows at once it would ask them all. A sum asks them all anyhow.
pub(super) const ROW_BY_ROW: &str = " LIMIT 1 OFFSET 0)";
const AT_ONCE: &str = ")";

/// A filter, and where what it shows lies.
pub(super) struct Shown<'f> {
    filter: &'f PaymentFilter,
    places: Vec<Place>,
    /// Every id is before this.
    before: Option<String>,
    /// No id is before this.
    from: Option<String>,
}

impl<'f> Shown<'f> {
    pub(super) async fn by(
        connection: &mut Connection,
        filter: &'f PaymentFilter,
        after: Option<PaymentId>,
    ) -> Result<Shown<'f>, BooksError> {
        let id = |at: UnixMs, slack| PaymentId::before_all_at(at.plus_ms(slack)).to_string();
        let mut from = filter.since.map(|at| id(at, -SLACK_MS));
        let until = filter.until.map(|at| id(at, SLACK_MS));
        let mut before = after.map(|id| id.to_string()).into_iter().chain(until).min();
        let mut places = places(connection, filter).await?;
        if let Some(live) = filter.live {
            match span(connection, live).await? {
                Some((first, last)) => {
                    from = from.into_iter().chain([first]).max();
                    // The last one itself is one of them.
                    before = before.into_iter().chain([format!("{last}~")]).min();
                }
                None => places.clear(),
            }
        }
        Ok(Self { filter, places, before, from })
    }

    /// Nothing at all.
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// A query for their ids, newest first and so many of each place; or all of them in no order.
    pub(super) fn push(&self, text: &mut Text, limit: Option<u32>) {
        for (number, place) in self.places.iter().enumerate() {
            text.push(if number == 0 { "SELECT id FROM (" } else { " UNION ALL SELECT id FROM (" });
            let key =
                self.push_place(text, place, if limit.is_some() { ROW_BY_ROW } else { AT_ONCE });
            if let Some(limit) = limit {
                text.push(format!(" ORDER BY {key} DESC LIMIT ")).push_bind(i64::from(limit));
            }
            text.push(format!(") AS place_{number}"));
        }
    }

    /// Says by what the place is ordered.
    fn push_place(&self, text: &mut Text, place: &Place, end: &'static str) -> &'static str {
        let key = match place {
            Place::Owed(state, currency) => {
                text.push("SELECT o.intent_id AS id FROM obligations o CROSS JOIN intents i WHERE i.id = o.intent_id AND o.state = ");
                text.push_bind(*state).push(" AND o.currency = ").push_bind(currency.clone());
                if let Some(payer) = &self.filter.payer {
                    text.push(" AND o.payer = ").push_bind(payer.to_string());
                }
                "o.intent_id"
            }
            Place::RefundedElsewhere => {
                text.push("SELECT f.intent_id AS id FROM foreign_refunds f CROSS JOIN intents i WHERE i.id = f.intent_id AND NOT ");
                push_owed(text, end);
                "f.intent_id"
            }
            Place::Disputed => {
                text.push(
                    "SELECT d.intent_id AS id FROM (SELECT intent_id FROM dispute_facts UNION SELECT intent_id FROM dispute_notes) d ",
                );
                text.push("CROSS JOIN intents i WHERE i.id = d.intent_id");
                "d.intent_id"
            }
            of_intents => {
                text.push("SELECT i.id AS id FROM intents i WHERE ");
                push_own(text, of_intents);
                "i.id"
            }
        };
        if let Some(before) = &self.before {
            text.push(format!(" AND {key} < ")).push_bind(before.clone());
        }
        if let Some(from) = &self.from {
            text.push(format!(" AND {key} >= ")).push_bind(from.clone());
        }
        self.push_conditions(text, end);
        if !matches!(place, Place::Kind(_)) {
            self.push_kind_conditions(text);
        }
        key
    }

    /// What the filter asks for beside the kind.
    fn push_conditions(&self, text: &mut Text, end: &'static str) {
        let filter = self.filter;
        if let Some(at) = filter.since {
            text.push(" AND i.created_at_ms >= ").push_bind(at.ms());
        }
        if let Some(at) = filter.until {
            text.push(" AND i.created_at_ms < ").push_bind(at.ms());
        }
        if let Some(payer) = &filter.payer {
            text.push(" AND i.payer = ").push_bind(payer.to_string());
        }
        if let Some(live) = filter.live {
            text.push(concat!(
                " AND EXISTS (SELECT 1 FROM settlements s WHERE s.intent_id = i.id AND (",
                live!(),
                ") = "
            ));
            text.push(if live { "1" } else { "0" }).push(end);
        }
        match filter.standing {
            Some(Standing::Settled) => {
                text.push(" AND EXISTS (SELECT 1 FROM settlements s WHERE s.intent_id = i.id")
                    .push(end);
            }
            Some(Standing::NoLaunch) => {
                text.push(" AND i.launch_id IS NULL AND i.funding <> 'mpp_pack'");
                text.push(" AND EXISTS (SELECT 1 FROM settlements s WHERE s.intent_id = i.id")
                    .push(end);
            }
            Some(Standing::Refunded) => {
                text.push(" AND (EXISTS (SELECT 1 FROM foreign_refunds r WHERE r.intent_id = i.id")
                    .push(end)
                    .push(" OR ");
                push_owed(text, end);
                text.push(")");
            }
            Some(Standing::Disputed) => {
                text.push(" AND (EXISTS (SELECT 1 FROM dispute_facts t WHERE t.intent_id = i.id")
                    .push(end);
                text.push(" OR EXISTS (SELECT 1 FROM dispute_notes t WHERE t.intent_id = i.id")
                    .push(end)
                    .push(")");
            }
            _ => {}
        }
        if let Some(TextSearch::Payment(id)) = filter.text {
            text.push(" AND i.id = ").push_bind(id.to_string());
        }
    }

    /// What a place of one kind says itself.
    fn push_kind_conditions(&self, text: &mut Text) {
        let filter = self.filter;
        if let Some(states) = filter.standing.and_then(states_of) {
            let words: Vec<String> =
                states.iter().map(|state| format!("'{}'", state.word())).collect();
            text.push(format!(" AND i.state IN ({})", words.join(", ")));
        }
        if let Some(rail) = filter.rail {
            text.push(" AND i.rail = ").push_bind(rail);
        }
        if let Some(route) = &filter.route {
            text.push(" AND i.route = ").push_bind(route.clone());
        }
        if let Some(currency) = filter.currency {
            text.push(" AND i.currency = ").push_bind(currency);
        }
        if let Some(min) = filter.min_minor {
            text.push(" AND i.price_minor >= ").push_bind(min);
        }
        if let Some(max) = filter.max_minor {
            text.push(" AND i.price_minor <= ").push_bind(max);
        }
    }
}

fn push_own(text: &mut Text, place: &Place) {
    match place {
        Place::All | Place::Owed(..) | Place::RefundedElsewhere | Place::Disputed => {
            text.push("1 = 1")
        }
        Place::Payer(payer, None) => text.push("i.payer = ").push_bind(payer.clone()),
        Place::Payer(payer, Some(state)) => text
            .push("i.payer = ")
            .push_bind(payer.clone())
            .push(" AND i.state = ")
            .push_bind(state.clone()),
        Place::Id(id) => text.push("i.id = ").push_bind(id.clone()),
        Place::ClientName(name) => text.push("i.client_idem_key = ").push_bind(name.clone()),
        Place::Launch(name) => {
            text.push("i.launch_id = ").push_bind(name.clone());
            text.push(" AND (i.client_idem_key IS NULL OR i.client_idem_key <> ")
                .push_bind(name.clone())
                .push(")")
        }
        Place::Kind(Kind { state, rail, funding, route, currency, price_minor }) => {
            for (column, word) in [
                ("state", state),
                ("rail", rail),
                ("funding", funding),
                ("route", route),
                ("currency", currency),
            ] {
                text.push(format!("i.{column} = ")).push_bind(word.clone()).push(" AND ");
            }
            text.push("i.price_minor = ").push_bind(*price_minor)
        }
    };
}

fn push_owed(text: &mut Text, end: &'static str) {
    let states = REFUNDED.map(|state| format!("'{state}'")).join(", ");
    text.push(format!(
        "EXISTS (SELECT 1 FROM obligations d WHERE d.intent_id = i.id AND d.state IN ({states})"
    ))
    .push(end);
}

/// The first and the last settlement of real money, or of a test rail.
async fn span(
    connection: &mut Connection,
    live: bool,
) -> Result<Option<(String, String)>, BooksError> {
    let end = |order| {
        let live = u8::from(live);
        format!(
            concat!(
                "(SELECT s.intent_id FROM settlements s WHERE (",
                live!(),
                ") = {} ORDER BY s.intent_id {} LIMIT 1)"
            ),
            live, order
        )
    };
    let row = one(
        Text::new(format!("SELECT {} AS first, {} AS last", end("ASC"), end("DESC"))),
        connection,
    )
    .await?;
    Ok(rows::text_or_none(&row, "first")?.zip(rows::text_or_none(&row, "last")?))
}
