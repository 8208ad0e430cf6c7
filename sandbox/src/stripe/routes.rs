//! Every route of the API on one screen.

use http::Method;
use serde_json::Value;

use super::error::ApiError;
use super::form::Form;
use super::intents::TOKEN_PARAMS;
use super::list::page;
use super::payouts;
use super::world::{Tx, World};

/// The body of a 200, or the error.
pub(super) type Answered = Result<Value, ApiError>;

/// What is asked for.
pub(super) struct Asked<'a> {
    pub method: &'a Method,
    pub path: &'a str,
    pub form: &'a Form,
    /// The requested version of the API, if one was requested.
    pub version: Option<&'a str>,
}

impl Asked<'_> {
    /// What can be refused before any work begins.
    pub(super) fn check_version(&self) -> Result<(), ApiError> {
        if self.version.is_some_and(|version| version.ends_with(".preview")) {
            return Ok(());
        }
        if self.path.contains("/shared_payment/") {
            let name = self.form.first_below("usage_limits").unwrap_or("shared_payment");
            return Err(ApiError::unknown_param(name));
        }
        let token = TOKEN_PARAMS.into_iter().find(|name| self.form.get(name).is_some());
        token.map_or(Ok(()), |name| Err(ApiError::unknown_param(name)))
    }
}

/// Does what is asked for.
pub(super) fn answer(tx: &mut Tx<'_>, asked: &Asked<'_>) -> Answered {
    let form = asked.form;
    let segments: Vec<&str> = asked.path.trim_matches('/').split('/').collect();
    let answered = match (asked.method.as_str(), segments.as_slice()) {
        ("POST", ["v1", "test_helpers", "shared_payment", "granted_tokens"]) => tx.grant(form),
        ("POST", ["v1", "test_helpers", "shared_payment", "granted_tokens", id, "revoke"]) => {
            tx.revoke(id, form)
        }
        ("GET", ["v1", "shared_payment", "granted_tokens", id]) => tx.granted(id),
        ("POST", ["v1", "payment_intents"]) => tx.create_intent(form),
        ("POST", ["v1", "payment_intents", id, "cancel"]) => tx.cancel_intent(id, form),
        ("POST", ["v1", "refunds"]) => tx.create_refund(form),
        ("GET", segments) => read(tx, segments, asked),
        _ => Err(ApiError::unrecognized_url(asked.method.as_str(), asked.path)),
    }?;
    expand(tx.world, answered, form)
}

/// The routes that change nothing.
fn read(tx: &Tx<'_>, segments: &[&str], asked: &Asked<'_>) -> Answered {
    let (world, form, url) = (&*tx.world, asked.form, asked.path);
    match segments {
        ["v1", "account"] => Ok(tx.account()),
        ["v1", "payment_intents"] => page(&world.intents, url, form, &["customer"], |it| it.json()),
        ["v1", "payment_intents", "search"] => tx.search_intents(form),
        ["v1", "charges"] => page(&world.charges, url, form, &["payment_intent"], |it| it.json()),
        ["v1", "refunds"] => {
            page(&world.refunds, url, form, &["payment_intent", "charge"], |it| it.json())
        }
        ["v1", "disputes"] => {
            page(&world.disputes, url, form, &["payment_intent", "charge"], |it| it.json(world))
        }
        ["v1", "radar", "early_fraud_warnings"] => {
            page(&world.fraud_warnings, url, form, &["payment_intent", "charge"], |it| it.json())
        }
        ["v1", "balance"] => Ok(payouts::balance(world)),
        ["v1", "balance_transactions"] => tx.list_balance(url, form),
        ["v1", "payouts"] => page(&world.payouts, url, form, &["status"], |it| it.json()),
        ["v1", "events"] => page(&world.events, url, form, &["type"], |it| it.json()),
        [
            "v1",
            kind @ ("payment_intents"
            | "charges"
            | "refunds"
            | "disputes"
            | "balance_transactions"
            | "payouts"
            | "events"),
            id,
        ] => {
            form.only(&["expand[*]", "client_secret"])?;
            let what = kind.trim_end_matches('s');
            object(world, id)
                .filter(|it| it["object"] == what)
                .ok_or_else(|| ApiError::no_such(404, what, "id", id))
        }
        _ => Err(ApiError::unrecognized_url("GET", asked.path)),
    }
}

/// The object of an id.
fn object(world: &World, id: &str) -> Option<Value> {
    match id.split_once('_')?.0 {
        "pi" => world.intents.get(id).map(|it| it.json()),
        "ch" | "py" => world.charges.get(id).map(|it| it.json()),
        "re" => world.refunds.get(id).map(|it| it.json()),
        "du" => world.disputes.get(id).map(|it| it.json(world)),
        "po" => world.payouts.get(id).map(|it| it.json()),
        "txn" => world.balance.get(id).map(|it| it.json()),
        "evt" => world.events.get(id).map(|it| it.json()),
        _ => None,
    }
}

/// Puts objects where ids stand (<https://docs.stripe.com/api/expanding_objects>).
fn expand(world: &World, mut answer: Value, form: &Form) -> Answered {
    for path in form.list("expand") {
        if !expand_at(world, &mut answer, path) {
            return Err(ApiError::invalid(
                "expand",
                format!("This property cannot be expanded ({path})."),
            ));
        }
    }
    Ok(answer)
}

fn expand_at(world: &World, at: &mut Value, path: &str) -> bool {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let Some(inner) = at.get_mut(name) else { return false };
    if let Value::Array(items) = inner {
        return rest.is_some_and(|rest| items.iter_mut().all(|item| expand_at(world, item, rest)));
    }
    let found = inner.as_str().and_then(|id| object(world, id));
    match found {
        Some(found) => *inner = found,
        None if inner.is_null() => return true,
        None if !inner.is_object() => return false,
        None => {}
    }
    rest.is_none_or(|rest| expand_at(world, inner, rest))
}
