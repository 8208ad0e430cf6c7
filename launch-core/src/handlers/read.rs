//! Reads: an agent's own launches, and which official accounts there are.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::super::answer::{Failure, data, json_text};
use super::super::auth::Caller;
use super::super::rules::launch::Status;
use super::super::rules::platforms::Platform;
use super::super::rules::refusal::{Refusal, Violation};
use super::super::store::{launches, posts};
use super::super::{LaunchCore, views};
use super::own;

const DEFAULT_PAGE_SIZE: u32 = 50;
const MAX_PAGE_SIZE: u32 = 100;

/// Parameters of a query string.
pub(super) type Params = HashMap<String, String>;

/// `GET /launches`: newest first.
pub(in super::super) async fn list(
    State(core): State<LaunchCore>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<Params>,
) -> Result<Response, Failure> {
    let page = number(&params, "page", 1, 1..=u32::MAX)?;
    let page_size = number(&params, "page_size", DEFAULT_PAGE_SIZE, 1..=MAX_PAGE_SIZE)?;
    let status = match params.get("status") {
        None => None,
        Some(text) => Some(Status::from_id(text).ok_or_else(|| {
            let known = Status::ALL.map(Status::id).join(", ");
            Refusal::one(
                Violation::invalid("status", "unknown status")
                    .expected(known)
                    .got(&text.as_str().into()),
            )
        })?),
    };
    core.post_due().await?;
    let mut view = core.inner.store.snapshot().await?;
    let total = launches::count(&mut view, &caller.agent, status).await?;
    let (limit, offset) = (i64::from(page_size), i64::from(page - 1) * i64::from(page_size));
    let page_of = launches::page(&mut view, &caller.agent, status, limit, offset).await?;
    let items: Vec<Value> = page_of.iter().map(views::item).collect();
    let total_pages = (total + limit - 1) / limit;
    let pagination =
        json!({"page": page, "page_size": page_size, "total": total, "total_pages": total_pages});
    Ok(json_text(200, json!({"data": items, "pagination": pagination}).to_string()))
}

/// `GET /launches/:id`.
pub(in super::super) async fn one(
    State(core): State<LaunchCore>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    core.post_due().await?;
    let mut view = core.inner.store.snapshot().await?;
    let launch = own(&mut view, &caller, &id).await?;
    let posts = posts::of_launch(&mut view, launch.id).await?;
    Ok(data(200, &views::detail(&launch, &posts)))
}

/// `GET /launches/:id/status`.
pub(in super::super) async fn status(
    State(core): State<LaunchCore>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    core.post_due().await?;
    let mut view = core.inner.store.snapshot().await?;
    let launch = own(&mut view, &caller, &id).await?;
    let posts = posts::of_launch(&mut view, launch.id).await?;
    Ok(data(200, &views::status(&launch, &posts)))
}

/// `GET /dropspace/status`: all platforms that post by themselves, in canonical order.
pub(in super::super) async fn accounts(State(core): State<LaunchCore>) -> Response {
    let entry = |platform: Platform| {
        let mut entry =
            json!({"platform": platform, "connected": core.connected().contains(platform)});
        let account = core
            .inner
            .config
            .connected
            .iter()
            .find(|account| account.platform == platform && account.connected);
        if let Some(name) = account.and_then(|account| account.account_name.as_deref()) {
            entry["account_name"] = name.into();
        }
        entry
    };
    let platforms: Vec<Value> = Platform::AUTO_POST.into_iter().map(entry).collect();
    data(
        200,
        &json!({
            "platforms": platforms,
            "connected_platforms": core.connected().platforms(),
            "timestamp": views::iso(core.now_unix_ms()),
        }),
    )
}

/// A whole number of the query string.
pub(super) fn number<N>(
    params: &Params,
    name: &str,
    default: N,
    range: RangeInclusive<N>,
) -> Result<N, Failure>
where
    N: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    let Some(text) = params.get(name) else {
        return Ok(default);
    };
    match text.parse::<N>() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => {
            let expected = format!("a whole number from {} to {}", range.start(), range.end());
            let violation = Violation::invalid(name, format!("{name} must be {expected}"));
            Err(Refusal::one(violation.expected(expected).got(&text.as_str().into())).into())
        }
    }
}
