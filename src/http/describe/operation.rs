//! One operation of the document.

use payments::route::Access;
use serde_json::{Map, Value, json};

use super::{prices::Prices, subject::Subject};
use crate::upstream::profile::{OwnRoute, Route, Target};

/// What a route wants of who calls it.
#[derive(Debug, Clone, Copy)]
enum Asks {
    /// A payment.
    Paid(Prices),
    /// A proof of who asks; without one the 402 asks for a signature over 0.
    Identified,
    /// The same, and 401 without one: nobody is to authorise a payment in order to read a balance.
    Known,
    /// An agent token.
    Holder,
    /// Nothing.
    Open,
}

/// The operation of a route.
pub(super) fn of(subject: &Subject<'_>, route: &Route) -> Value {
    let access = access(subject, route);
    let name = name(route);
    let mut operation = json!({
        "operationId": name,
        "summary": summary(route),
        "security": security(access, subject.takes_cards()),
        "responses": responses(route, access),
    });
    if let Asks::Paid(prices) = access {
        operation["x-payment-info"] = prices.payment_info(&route.key);
        operation["description"] = description(subject, route, prices).into();
    }
    let parameters = parameters(route);
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(body) = body(subject, route, &name) {
        operation["requestBody"] = body;
    }
    operation
}

/// `post_launches` for `POST /launches`: the operation's id, and the name of its body's schema.
pub(super) fn name(route: &Route) -> String {
    let words = route.key.to_ascii_lowercase();
    let words: Vec<&str> = words
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    words.join("_")
}

pub(super) fn summary(route: &Route) -> &str {
    match &route.target {
        Target::Own(own) => own.summary(),
        Target::Upstream(upstream) => upstream.summary.as_deref().unwrap_or(&route.key),
    }
}

fn access(subject: &Subject<'_>, route: &Route) -> Asks {
    if let Some(prices) = Prices::of(subject.challenges, route) {
        return Asks::Paid(prices);
    }
    match &route.target {
        Target::Own(OwnRoute::Usage | OwnRoute::Payment | OwnRoute::Purchase) => Asks::Identified,
        Target::Own(OwnRoute::Credits) => Asks::Known,
        Target::Own(OwnRoute::RotateToken) => Asks::Holder,
        Target::Own(
            OwnRoute::Quote | OwnRoute::OpenApi | OwnRoute::Llms | OwnRoute::CardEvents,
        ) => Asks::Open,
        Target::Upstream(upstream) => match &upstream.access {
            Access::Open => Asks::Open,
            Access::Identified => Asks::Identified,
            Access::Priced(terms) => {
                Asks::Paid(Prices { usdc: terms.offers.usdc(), usd: terms.offers.usd() })
            }
        },
    }
}

/// A paid operation names no scheme: the payment is the credential.
fn security(access: Asks, cards: bool) -> Value {
    match (access, cards) {
        (Asks::Paid(_) | Asks::Open, _) => json!([]),
        (Asks::Holder, _) => json!([{"agentToken": []}]),
        (Asks::Identified | Asks::Known, true) => json!([{"wallet": []}, {"agentToken": []}]),
        (Asks::Identified | Asks::Known, false) => json!([{"wallet": []}]),
    }
}

fn description(subject: &Subject<'_>, route: &Route, prices: Prices) -> String {
    let mut sentences = Vec::new();
    sentences.extend(prices.usdc.map(|price| format!("{price} USDC by x402.")));
    sentences.extend(prices.usd.map(|price| format!("{price} USD by card (MPP).")));
    sentences.extend(notes(subject, route));
    sentences.join(" ")
}

/// What lowers the price of a route.
pub(super) fn notes(subject: &Subject<'_>, route: &Route) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(upstream) = route.upstream() {
        let terms = upstream.access.terms();
        if let Some(free) = terms.and_then(|terms| terms.free.as_ref()) {
            notes.push(format!(
                "The first {} a {} of each wallet are free.",
                free.count,
                free.window.word()
            ));
        }
        if let Some(credits) =
            terms.and_then(|terms| terms.credits).filter(|_| subject.takes_cards())
        {
            notes.push(format!("A card account with credits spends {credits} instead."));
        }
    }
    if let (Target::Own(OwnRoute::Purchase), Some(pack)) = (&route.target, subject.pack) {
        notes.push(format!(
            "The pack {} is {} credits; each pays for one launch.",
            pack.id,
            pack.credits.get()
        ));
    }
    notes
}

fn parameters(route: &Route) -> Vec<Value> {
    let in_path = route.pattern.split('/').filter_map(|segment| segment.strip_prefix(':'));
    let text = json!({"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"});
    let mut parameters: Vec<Value> = in_path
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": text}))
        .collect();
    if matches!(route.target, Target::Own(OwnRoute::Quote)) {
        let example = "POST /launches";
        parameters.push(json!({"name": "route", "in": "query", "schema": {"type": "string"}, "example": example}));
    }
    parameters
}

fn body(subject: &Subject<'_>, route: &Route, name: &str) -> Option<Value> {
    if let (Target::Own(OwnRoute::Purchase), Some(pack)) = (&route.target, subject.pack) {
        let schema = json!({"type": "object", "properties": {"pack": {"type": "string", "enum": [pack.id]}, "agent_token_only": {"type": "boolean"}}, "additionalProperties": false});
        return Some(
            json!({"content": {"application/json": {"schema": schema, "example": {"pack": pack.id}}}}),
        );
    }
    let schema = route.upstream()?.body.as_ref()?.contract.schema();
    let mut content = json!({"schema": {"$ref": format!("#/components/schemas/{name}")}});
    if let Some(example) = schema.pointer("/examples/0") {
        content["example"] = example.clone();
    }
    Some(json!({"required": true, "content": {"application/json": content}}))
}

fn responses(route: &Route, access: Asks) -> Value {
    let mut responses = Map::new();
    let mut put = |status: &str, name: &str| {
        responses
            .insert(status.to_owned(), json!({"$ref": format!("#/components/responses/{name}")}))
    };
    match access {
        Asks::Paid(_) => {
            put("402", "PaymentRequired");
            put("409", "Conflict");
        }
        Asks::Identified => drop(put("402", "PaymentRequired")),
        Asks::Known => drop(put("401", "Unauthenticated")),
        Asks::Holder => {
            put("401", "Unauthenticated");
            put("409", "Conflict");
        }
        Asks::Open => {}
    }
    if route.pattern.contains(':') {
        put("404", "NotFound");
    }
    put("429", "Limited");
    put("503", "Unknown");
    put("default", "Refused");
    let mut headers = vec!["X-Charge"];
    if let Asks::Paid(prices) = access {
        headers.extend(prices.usdc.map(|_| "PAYMENT-RESPONSE"));
        headers.extend(
            prices
                .usd
                .is_some()
                .then_some(["Payment-Receipt", "X-Agent-Token"])
                .into_iter()
                .flatten(),
        );
    }
    if matches!(access, Asks::Holder) {
        headers.push("X-Agent-Token");
    }
    let named =
        |name: &str| (name.to_owned(), json!({"$ref": format!("#/components/headers/{name}")}));
    let headers: Map<String, Value> = headers.into_iter().map(named).collect();
    for status in succeeded(route) {
        let content = match route.target {
            Target::Own(OwnRoute::Llms) => "text/plain",
            _ => "application/json",
        };
        let done = json!({"description": "Done.", "headers": headers, "content": {content: {}}});
        responses.insert(status.to_string(), done);
    }
    responses.into()
}

/// The statuses of success, as far as they are known.
fn succeeded(route: &Route) -> Vec<u16> {
    match route.upstream().and_then(|upstream| upstream.done.as_ref()) {
        Some(done) => done.status.clone(),
        None => vec![200],
    }
}
