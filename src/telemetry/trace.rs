//! W3C trace context, level 1 (<https://www.w3.org/TR/trace-context-1/>): an agent's trace goes on
//! in our logs and at the upstream; what is no trace starts a new one. The headers are the agent's
//! words: they are checked, passed on, and decide nothing.

mod parse;

use std::{future::Future, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};
use tracing::Instrument;

use crate::clock::{Stopwatch, random_bytes};
use parse::Parent;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// The caller may have recorded its part: our logs have.
const SAMPLED: u8 = 1;

tokio::task_local! {
    static CURRENT: Arc<Trace>;
}

/// The trace that a request or a drive belongs to.
#[derive(Debug)]
pub struct Trace {
    id: String,
    flags: u8,
    state: Option<String>,
    began: Stopwatch,
}

impl Trace {
    /// The trace that these headers name, or a new one.
    pub fn of(headers: &HeaderMap) -> Arc<Self> {
        let Some(Parent { trace_id, flags }) = parse::parent(headers) else { return Self::start() };
        Arc::new(Self {
            id: trace_id,
            flags,
            state: parse::state(headers),
            began: Stopwatch::start(),
        })
    }

    /// A new trace.
    pub fn start() -> Arc<Self> {
        Arc::new(Self {
            id: hex_id::<16>(),
            flags: SAMPLED,
            state: None,
            began: Stopwatch::start(),
        })
    }

    /// Its id, 32 hex digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How long ago the request began.
    pub fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Writes a child of it into the headers of a call of ours.
    fn write(&self, headers: &mut HeaderMap) {
        let parent = format!("00-{}-{}-{:02x}", self.id, hex_id::<8>(), self.flags);
        if let Ok(value) = HeaderValue::from_str(&parent) {
            headers.insert(TRACEPARENT, value);
        }
        if let Some(Ok(state)) = self.state.as_deref().map(HeaderValue::from_str) {
            headers.insert(TRACESTATE, state);
        }
    }
}

/// The trace of the work that is being done now.
pub fn current() -> Option<Arc<Trace>> {
    CURRENT.try_with(Arc::clone).ok()
}

/// Does the work as a part of this trace.
pub async fn within<F: Future>(trace: Arc<Trace>, work: F) -> F::Output {
    CURRENT.scope(trace, work).await
}

/// Work for a task of its own that stays in the trace and the span of whoever starts it.
pub fn kept<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let (trace, span) = (current().unwrap_or_else(Trace::start), tracing::Span::current());
    within(trace, work.instrument(span))
}

/// Ties a call of ours to the trace of what it is made for.
pub fn write(headers: &mut HeaderMap) {
    match current() {
        Some(trace) => trace.write(headers),
        None => Trace::start().write(headers),
    }
}

/// Random and not all zero; a system without randomness gives an id that is no secret and no trace
/// of anybody else's.
fn hex_id<const N: usize>() -> String {
    let mut bytes = random_bytes::<N>().unwrap_or([1; N]);
    if bytes.iter().all(|byte| *byte == 0) {
        bytes[0] = 1;
    }
    hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sent(trace: &Trace) -> (String, Option<String>) {
        let mut headers = HeaderMap::new();
        trace.write(&mut headers);
        let text =
            |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        (text(TRACEPARENT).unwrap(), text(TRACESTATE))
    }

    #[test]
    fn a_trace_goes_on_with_a_span_of_its_own() {
        let mut headers = HeaderMap::new();
        headers.insert(
            TRACEPARENT,
            HeaderValue::from_static("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        );
        headers.insert(
            TRACESTATE,
            HeaderValue::from_static("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
        );
        let trace = Trace::of(&headers);
        let (parent, state) = sent(&trace);
        assert!(
            parent.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && parent.ends_with("-01"),
            "{parent}"
        );
        assert!(!parent.contains("b7ad6b7169203331"), "{parent}");
        assert_eq!(state.as_deref(), Some("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"));
        assert_ne!(sent(&trace).0, parent);
    }

    #[test]
    fn without_a_trace_a_new_one_starts_that_is_a_trace_itself() {
        let (trace, other) = (Trace::of(&HeaderMap::new()), Trace::start());
        assert_ne!(trace.id(), other.id());
        let (parent, state) = sent(&trace);
        assert_eq!(state, None);
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, HeaderValue::from_str(&parent).unwrap());
        assert_eq!(Trace::of(&headers).id(), trace.id());
    }

    #[tokio::test]
    async fn a_task_stays_in_its_trace() {
        let trace = Trace::start();
        let inner = within(Arc::clone(&trace), async {
            tokio::spawn(kept(async { current().unwrap() })).await.unwrap()
        })
        .await;
        assert_eq!(inner.id(), trace.id());
        assert!(current().is_none());
    }
}
