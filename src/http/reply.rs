//! The gateway's reply as an HTTP response, and the note that a client got it.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use http_body::{Frame, SizeHint};

use super::asked::Refused;
use crate::gateway::{Attendance, GatewayReply};

/// A body that notes when it is handed to the connection.
struct NotedBody {
    bytes: Option<Bytes>,
    attendance: Attendance,
}

/// The response. What no header may hold is left out.
pub(super) fn response(mut reply: GatewayReply) -> Response {
    let body = match reply.attendance.take() {
        Some(attendance) => Body::new(NotedBody { bytes: Some(reply.body.clone()), attendance }),
        None => Body::from(reply.body.clone()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::BAD_GATEWAY);
    for (name, value) in reply.members() {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    if let Some(code) = reply.refused_code {
        let reason = Some(String::from("refused_by_upstream"));
        response.extensions_mut().insert(Refused {
            code,
            reason,
            payment_id: None,
            phase: None,
            unverified: false,
        });
    }
    response
}

impl http_body::Body for NotedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(bytes) = self.bytes.take() else { return Poll::Ready(None) };
        // Noted before the first byte can be seen by the client: its next request must find the
        // note.
        self.attendance.note_delivery();
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
