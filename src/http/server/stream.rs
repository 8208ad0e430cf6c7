//! The stream of one connection with a clock on it. hyper's own clock runs only once a version of
//! HTTP is known, and treats a quiet connection between two requests like a slow head; a peer that
//! sends one byte a second, or reads none, would keep its place for ever.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Sleep,
};

/// How long a connection may keep us waiting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// From a request's first byte, or from the connection's start, to the end of its head.
    pub head: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// For a peer that takes no byte of its answer.
    pub write: Duration,
}

/// The requests of one connection, counted by the service and watched by the stream.
#[derive(Debug, Default)]
pub(super) struct Requests {
    begun: AtomicUsize,
    ended: AtomicUsize,
}

/// One open request; it ends by being dropped.
pub(super) struct OpenRequest(Arc<Requests>);

/// A TCP stream that fails with `TimedOut` when its peer is out of time.
pub(super) struct TimedStream {
    stream: TcpStream,
    patience: Patience,
    requests: Arc<Requests>,
    /// Requests begun when the phase was last looked at.
    seen: usize,
    phase: Phase,
    /// HTTP/2 speaks between requests too; only a request ends its idle time.
    is_http2: Option<bool>,
    read_clock: Alarm,
    write_clock: Alarm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// A head is on its way.
    Head,
    /// A request is being answered: its own deadlines count.
    Request,
    /// Nothing of the next request has come.
    Idle,
}

/// A timer that is made once for a connection and set again and again.
#[derive(Default)]
struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    armed: bool,
}

// === impl Alarm ===

impl Alarm {
    fn set(&mut self, after: Duration) {
        let sleep = tokio::time::sleep(after);
        match &mut self.sleep {
            Some(place) => place.as_mut().set(sleep),
            None => self.sleep = Some(Box::pin(sleep)),
        }
        self.armed = true;
    }

    fn stop(&mut self) {
        self.armed = false;
    }

    /// Ready once the time is over; never while it is stopped.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        match &mut self.sleep {
            Some(sleep) if self.armed => {
                ready!(sleep.as_mut().poll(cx));
                Poll::Ready(io::ErrorKind::TimedOut.into())
            }
            _ => Poll::Pending,
        }
    }
}

// === impl Requests ===

impl Requests {
    /// Counts a request until the value is dropped.
    pub(super) fn open(self: &Arc<Self>) -> OpenRequest {
        self.begun.fetch_add(1, Ordering::AcqRel);
        OpenRequest(Arc::clone(self))
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::AcqRel);
    }
}

// === impl TimedStream ===

impl TimedStream {
    pub(super) fn new(stream: TcpStream, patience: Patience, requests: Arc<Requests>) -> Self {
        let mut read_clock = Alarm::default();
        read_clock.set(patience.head);
        let (seen, phase, is_http2) = (0, Phase::Head, None);
        Self {
            stream,
            patience,
            requests,
            seen,
            phase,
            is_http2,
            read_clock,
            write_clock: Alarm::default(),
        }
    }

    /// Takes note of requests that began or ended since the last look.
    fn follow(&mut self) {
        let begun = self.requests.begun.load(Ordering::Acquire);
        if begun != self.seen {
            self.seen = begun;
            self.phase = Phase::Request;
            self.read_clock.stop();
        }
        if self.phase == Phase::Request && self.requests.ended.load(Ordering::Acquire) == begun {
            self.phase = Phase::Idle;
            self.read_clock.set(self.patience.idle);
        }
    }

    fn received(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let is_http2 = *self.is_http2.get_or_insert_with(|| bytes.starts_with(b"PRI"));
        if self.phase == Phase::Idle && !is_http2 {
            self.phase = Phase::Head;
            self.read_clock.set(self.patience.head);
        }
    }

    fn sent(
        &mut self,
        written: Poll<io::Result<usize>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(outcome) => {
                self.write_clock.stop();
                self.follow();
                if self.phase == Phase::Idle {
                    // The beginning of a long answer is not the beginning of the silence after it.
                    if self.is_http2 != Some(true) {
                        self.read_clock.set(self.patience.idle);
                    }
                    // hyper may have tried to read before the answer, and does not do so again by
                    // itself: the clock must know whom to wake.
                    if let Poll::Ready(late) = self.read_clock.poll(cx) {
                        return Poll::Ready(Err(late));
                    }
                }
                Poll::Ready(outcome)
            }
            Poll::Pending => {
                if !self.write_clock.armed {
                    self.write_clock.set(self.patience.write);
                }
                self.write_clock.poll(cx).map(Err)
            }
        }
    }
}

impl AsyncRead for TimedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.follow();
        let before = buffer.filled().len();
        match Pin::new(&mut this.stream).poll_read(cx, buffer) {
            Poll::Ready(outcome) => {
                this.received(&buffer.filled()[before..]);
                Poll::Ready(outcome)
            }
            Poll::Pending => this.read_clock.poll(cx).map(Err),
        }
    }
}

impl AsyncWrite for TimedStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.sent(written, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, parts);
        this.sent(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
