//! Sessions of the page: begun with the token, ended by the browser or by time. A new token ends
//! all of them.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderMap, HeaderValue, header};
use serde_json::json;

use super::{
    Desk,
    actions::fields::Fields,
    answer::Refusal,
    guard::{self, Access, COOKIE, SESSION_S},
};

/// `POST /operator/login` with `token`.
pub(super) async fn enter(
    State(desk): State<Arc<Desk>>,
    request: Request,
) -> Result<Response, Response> {
    let (peer, headers) = (guard::peer(&request), request.headers().clone());
    let page = guard::wants_page(&headers);
    let refused = |refusal: Refusal| {
        if page && refusal.status == 401 {
            Redirect::to("/operator/login?wrong=1").into_response()
        } else {
            refusal.into_response()
        }
    };
    if !desk.guard.has_token() {
        return Err(refused(Refusal::conflict(
            "operator.token is not set: there is nothing to log in with",
        )));
    }
    let fields = Fields::read(request).await.map_err(refused)?;
    let token = fields
        .text("token")
        .ok_or_else(|| refused(Refusal::wrong("token", "the operator's token", "nothing")))?;
    desk.guard.takes(&token, peer).map_err(refused)?;
    let session = desk.guard.session().map_err(|error| refused(Refusal::fault(&error)))?;
    tracing::info!(%peer, "operator.logged_in");
    let csrf = desk.guard.form_mark(&Access::Session(session.clone()));
    let answer = if page {
        Redirect::to("/operator").into_response()
    } else {
        Json(json!({"session_s": SESSION_S, "csrf": csrf})).into_response()
    };
    Ok(with_cookie(answer, &headers, &session, SESSION_S))
}

/// `POST /operator/logout`.
pub(super) async fn leave(headers: HeaderMap) -> Response {
    let answer = if guard::wants_page(&headers) {
        Redirect::to("/operator/login").into_response()
    } else {
        Json(json!({"session_s": 0})).into_response()
    };
    with_cookie(answer, &headers, "", 0)
}

/// For this room only, for no script and for no other site; over TLS only where a proxy says that
/// the browser came by it.
fn with_cookie(mut answer: Response, headers: &HeaderMap, value: &str, max_age_s: i64) -> Response {
    let secure = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
    let secure = if secure { "; Secure" } else { "" };
    let cookie = format!(
        "{COOKIE}={value}; Path=/operator; Max-Age={max_age_s}; HttpOnly; SameSite=Strict{secure}"
    );
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    answer
}
