//! Whether a client got its answer. An answer that nobody got is joined by the next equal request with a new proof.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use payments::{ids::PaymentId, ports::Books};

/// One client that waits for an intent.
pub(super) struct Attendance {
    books: Arc<dyn Books>,
    id: PaymentId,
    /// The request that made the claim: when it goes away without an answer, nobody attends the intent.
    owner: bool,
    delivered: bool,
}

/// A body that notes when it is handed to the connection.
pub(super) struct NotedBody {
    bytes: Option<Bytes>,
    attendance: Attendance,
}

// === impl Attendance ===

impl Attendance {
    /// The client whose request made the claim.
    pub(super) fn owner(books: Arc<dyn Books>, id: PaymentId) -> Self {
        Self { books, id, owner: true, delivered: false }
    }

    /// A client that asks again.
    pub(super) fn visitor(books: Arc<dyn Books>, id: PaymentId) -> Self {
        Self { books, id, owner: false, delivered: false }
    }

    /// The final answer, noted as delivered once the connection takes it.
    pub(super) fn body(self, bytes: Bytes) -> axum::body::Body {
        axum::body::Body::new(NotedBody { bytes: Some(bytes), attendance: self })
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        if self.owner && !self.delivered {
            self.books.unattended(self.id);
        }
    }
}

impl Body for NotedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(bytes) = self.bytes.take() else { return Poll::Ready(None) };
        // Noted before the first byte can be seen by the client: its next request must find the note.
        let id = self.attendance.id;
        self.attendance.books.delivered(id);
        self.attendance.delivered = true;
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
