//! What the core can be told to do with a creation, and the answers of one that is not itself.

use bytes::Bytes;
use http::Response;
use http_body_util::Full;

use super::{Answer, FakeCore, Seen};

/// What the core does with a creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// 201, once per `Idempotency-Key`.
    Create,
    /// A final 400 LAUNCH_007.
    Reject,
    /// This status in the core's own shape, nothing made.
    Refuses(u16),
    /// 429 with so many seconds to wait, nothing made.
    TooMany(u16),
    /// 503 with so many seconds to wait, nothing made.
    Busy(u16),
    /// This status with a page for people, nothing made.
    Stranger(u16),
    /// 500, nothing made.
    Fail,
    /// Breaks the connection, nothing made.
    Reset,
    /// Never answers, nothing made.
    Hang,
    /// Makes the launch and never answers.
    CreateThenHang,
    /// Makes the launch and answers half of its JSON.
    Truncate,
    /// Makes the launch and answers 201 without its id.
    NoId,
    /// Makes the launch and answers 50 MB.
    Huge,
    /// Makes the launch and answers 201 with a page for people.
    Page,
    /// Makes the launch and calls the right answer a page.
    WrongType,
    /// Makes the launch and answers two seconds later.
    Slow,
}

impl FakeCore {
    /// Everything is answered with this status, or as before.
    pub fn refuse_all(&self, status: Option<u16>) {
        self.state.lock().unwrap().refuses_all = status;
    }

    /// How often a creation arrived.
    pub fn creations_seen(&self) -> usize {
        self.seen()
            .iter()
            .filter(|seen| seen.method == "POST" && seen.target == "/launches")
            .count()
    }
}

/// A page in the place of an answer.
pub(super) fn page(status: u16) -> Answer {
    let page = Full::new(Bytes::from("<html>come back later</html>"));
    Ok(Response::builder().status(status).header("content-type", "text/html").body(page).unwrap())
}

/// So many seconds later, perhaps.
pub(super) fn later(status: u16, seconds: u16) -> Answer {
    let body = Full::new(Bytes::from(r#"{"error":{"code":"RATE_001","message":"later"}}"#));
    let answer = Response::builder().status(status).header("content-type", "application/json");
    Ok(answer.header("retry-after", seconds.to_string()).body(body).unwrap())
}

/// A firewall before the core takes the body for an attack.
pub(super) fn is_hostile(seen: &Seen) -> bool {
    seen.body.starts_with(b"{")
        && String::from_utf8_lossy(&seen.body).contains("\"title\":\"hostile")
}
