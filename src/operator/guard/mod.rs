//! Who may come in. With `operator.token` whoever names it, or has a session that was begun with
//! it; without one only this machine, and only under a name of this machine: a page of a stranger
//! whose name was made to point here has another `Host`.

mod sender;

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use hmac::{Hmac, Mac};
use http::{HeaderMap, HeaderValue, Method, header, request::Parts};
use payments::ports::Clock;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use sender::{bearer, cookie, hosts_are_local, is_form};
pub(super) use sender::{peer, same_site, wants_page};

use super::{Desk, answer::Refusal};
use crate::clock::{NoRandomness, random_bytes};

/// Wrong tokens that one address may show in a minute.
const WRONG_PER_MINUTE: std::num::NonZeroU32 = std::num::NonZeroU32::new(10).expect("ten");
/// How long a session lasts.
pub(super) const SESSION_S: i64 = 12 * 3600;
/// The cookie of a session.
pub(super) const COOKIE: &str = "turnpike_desk";
/// What scripts of the page send with every change; no other origin can.
const OWN_HEADER: &str = "x-turnpike-desk";
/// Largest body that an operator sends.
const BODY_BYTES: usize = 64 << 10;
/// How long it may take to come.
const BODY_TIME: Duration = Duration::from_secs(30);
/// Nothing is loaded from elsewhere, nothing runs that is not a file of ours, and no other page
/// shows this one.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The doorkeeper.
pub struct Guard {
    token: Option<String>,
    /// Makes sessions and form marks. From the token, so that all processes know each other's; of
    /// this process alone where there is none.
    key: [u8; 32],
    wrong: DefaultKeyedRateLimiter<IpAddr>,
    clock: Arc<dyn Clock>,
}

/// How somebody came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Access {
    /// With the token itself.
    Bearer,
    /// With this session.
    Session(String),
    /// From this machine; there is no token.
    Local,
}

// === impl Guard ===

impl Guard {
    /// For this token; an empty one is none.
    ///
    /// # Errors
    /// [`NoRandomness`] where there is no token to make a key from.
    pub fn new(token: &str, clock: Arc<dyn Clock>) -> Result<Self, NoRandomness> {
        let token = Some(token.to_owned()).filter(|token| !token.is_empty());
        let key = match &token {
            Some(token) => tag(token.as_bytes(), &["turnpike operator sessions 1"]),
            None => random_bytes()?,
        };
        Ok(Self {
            token,
            key,
            wrong: RateLimiter::keyed(Quota::per_minute(WRONG_PER_MINUTE)),
            clock,
        })
    }

    /// Whether there is a token to log in with.
    pub(super) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Compares a token that somebody names. A wrong one costs a place of that address; the right
    /// one never waits.
    pub(super) fn takes(&self, named: &str, peer: IpAddr) -> Result<(), Refusal> {
        // Of tags, so that not even the length shows in the time.
        let same = |token: &String| {
            tag(&self.key, &["token", token]).ct_eq(&tag(&self.key, &["token", named]))
        };
        if self.token.as_ref().is_some_and(|token| bool::from(same(token))) {
            return Ok(());
        }
        match self.wrong.check_key(&peer) {
            Ok(()) => {
                tracing::warn!(%peer, "operator.wrong_token");
                Err(Refusal::unknown_operator("invalid token"))
            }
            Err(_) => {
                Err(Refusal::too_many("too many wrong tokens from this address; wait a minute"))
            }
        }
    }

    /// A new session: when it ends, a random part, and the mark that only this key makes. Never the
    /// token.
    pub(super) fn session(&self) -> Result<String, NoRandomness> {
        let until = self.clock.now().unix_s().saturating_add(SESSION_S).to_string();
        let part = hex::encode(random_bytes::<16>()?);
        let mark = hex::encode(tag(&self.key, &["session", &until, &part]));
        Ok(format!("{until}.{part}.{mark}"))
    }

    fn knows(&self, session: &str) -> bool {
        let mut parts = session.splitn(3, '.');
        let (Some(until), Some(part), Some(mark)) = (parts.next(), parts.next(), parts.next())
        else {
            return false;
        };
        let lasts = until.parse::<i64>().is_ok_and(|until| self.clock.now().unix_s() < until);
        let own = hex::encode(tag(&self.key, &["session", until, part]));
        lasts && bool::from(own.as_bytes().ct_eq(mark.as_bytes()))
    }

    /// What a form must carry in its field `csrf`.
    pub(super) fn form_mark(&self, access: &Access) -> String {
        let session = match access {
            Access::Session(session) => session.as_str(),
            Access::Bearer | Access::Local => "local",
        };
        hex::encode(tag(&self.key, &["form", session]))
    }

    /// How this request comes in.
    fn admit(&self, head: &Parts, peer: IpAddr) -> Result<Access, Refusal> {
        if self.token.is_none() {
            return if peer.is_loopback() && hosts_are_local(head) {
                Ok(Access::Local)
            } else {
                Err(Refusal::forbidden(
                    "without operator.token only this machine may connect, as 127.0.0.1, localhost or [::1]; set a token",
                ))
            };
        }
        if let Some(named) = bearer(&head.headers) {
            return self.takes(named, peer).map(|()| Access::Bearer);
        }
        match cookie(&head.headers).filter(|session| self.knows(session)) {
            Some(session) => Ok(Access::Session(session.to_owned())),
            None => Err(Refusal::unknown_operator(
                "log in, or send Authorization: Bearer with operator.token",
            )),
        }
    }

    /// Whether a change may be asked for by whoever made this request: a browser says which page it
    /// comes from, and no page of a stranger can set our header or know our mark.
    fn own_page(&self, access: &Access, head: &Parts, body: &[u8]) -> Result<(), Refusal> {
        if *access == Access::Bearer {
            return Ok(());
        }
        same_site(&head.headers)?;
        if head.headers.get(OWN_HEADER).is_some_and(|value| value == "1") {
            return Ok(());
        }
        let own = self.form_mark(access);
        let marked = is_form(&head.headers)
            && form_urlencoded::parse(body).any(|(name, value)| {
                name == "csrf" && bool::from(value.as_bytes().ct_eq(own.as_bytes()))
            });
        if marked {
            Ok(())
        } else {
            Err(Refusal::forbidden(
                "a change needs the header X-Turnpike-Desk: 1, a CSRF token, or the bearer token",
            ))
        }
    }
}

/// HMAC-SHA-256 over parts that cannot run into each other.
fn tag(key: &[u8], parts: &[&str]) -> [u8; 32] {
    // A key of any length is one.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    for part in parts {
        mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(part.as_bytes());
    }
    mac.finalize().into_bytes().into()
}

/// Lets a request in, or says why not; and tells the browser how to treat every answer.
pub(super) async fn check(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let page = wants_page(request.headers())
        && request.method() == Method::GET
        && !request.uri().path().starts_with("/operator/api");
    let mut response = match enter(&desk.guard, request).await {
        Ok(request) => next.run(request).await,
        Err(refusal) if page && refusal.status == 401 => {
            Redirect::to("/operator/login").into_response()
        }
        Err(refusal) => refusal.into_response(),
    };
    let headers = response.headers_mut();
    let kept = |headers: &HeaderMap| headers.contains_key(header::CACHE_CONTROL);
    if !kept(headers) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_POLICY));
    response
}

/// The way to log in, and the files of the page, which say nothing.
fn is_open(path: &str) -> bool {
    path == "/operator/login" || path.starts_with("/operator/assets/")
}

async fn enter(guard: &Guard, request: Request) -> Result<Request, Refusal> {
    let peer = peer(&request);
    let (mut head, body) = request.into_parts();
    let open = guard.has_token() && is_open(head.uri.path());
    let access = match guard.admit(&head, peer) {
        Ok(access) => Some(access),
        Err(_) if open => None,
        Err(refusal) => return Err(refusal),
    };
    if let Some(access) = &access {
        head.extensions.insert(access.clone());
    }
    if matches!(head.method, Method::GET | Method::HEAD) {
        return Ok(Request::from_parts(head, body));
    }
    let read = tokio::time::timeout(BODY_TIME, axum::body::to_bytes(body, BODY_BYTES)).await;
    let body = read.ok().and_then(Result::ok).ok_or_else(|| {
        Refusal::too_large("the body is larger than 64 KiB, or did not arrive within 30 s")
    })?;
    match &access {
        Some(access) if !open => guard.own_page(access, &head, &body)?,
        Some(_) | None => same_site(&head.headers)?,
    }
    Ok(Request::from_parts(head, Body::from(body)))
}
