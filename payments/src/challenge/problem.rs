//! The error of an answer: the upstream's envelope, and beside it what lets an agent act without a
//! person.

use super::ErrorShape;
use crate::x402::json::push_quoted;

/// Where a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// No proof yet.
    Challenge,
    /// The proof was checked.
    Verify,
    /// Slot, credit or claim.
    Reserve,
    /// The upstream.
    Forward,
    /// Money was moving.
    Settle,
}

impl Phase {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Challenge => "challenge",
            Self::Verify => "verify",
            Self::Reserve => "reserve",
            Self::Forward => "forward",
            Self::Settle => "settle",
        }
    }
}

/// What the client should do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Sign a new payment.
    PayAgain,
    /// Send the very same proof again.
    ResendSameProof,
    /// The same request later.
    Wait,
    /// Change the request.
    FixRequest,
    /// It will not work.
    Never,
}

impl Retry {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PayAgain => "pay_again",
            Self::ResendSameProof => "resend_same_proof",
            Self::Wait => "wait",
            Self::FixRequest => "fix_request",
            Self::Never => "never",
        }
    }
}

/// One error, for any status. Absent members are left out, never null.
#[derive(Debug, Clone, Copy, Default)]
pub struct Problem<'a> {
    /// The stable code, `PAYMENT_001`.
    pub code: &'a str,
    /// What happened and what to do, for people.
    pub message: &'a str,
    /// A stable word for the exact cause.
    pub reason: Option<&'a str>,
    /// Where it failed.
    pub phase: Option<Phase>,
    /// What to do next.
    pub retry: Option<Retry>,
    /// The member that failed, as a dotted path.
    pub field: Option<&'a str>,
    /// What would have passed.
    pub expected: Option<&'a str>,
    /// What was there.
    pub got: Option<&'a str>,
    /// The payment to ask about.
    pub payment_id: Option<&'a str>,
    /// Where this is explained.
    pub docs: Option<&'a str>,
}

impl Problem<'_> {
    /// The whole body of an answer without a challenge.
    #[must_use]
    pub fn body(&self, shape: ErrorShape) -> Vec<u8> {
        let mut body = String::with_capacity(self.message.len() * 2 + 256);
        body.push('{');
        self.push_members(&mut body, shape);
        body.push('}');
        body.into_bytes()
    }

    /// `<code>: <message>`, cut between characters to at most `max_bytes` once escaped.
    pub(super) fn one_line(&self, max_bytes: usize) -> String {
        let mut line = String::with_capacity(max_bytes);
        let mut room = max_bytes;
        for part in [self.code, ": ", self.message] {
            for c in part.chars() {
                let cost = match c {
                    '"' | '\\' => 2,
                    c if c < ' ' => 6,
                    c => c.len_utf8(),
                };
                let Some(left) = room.checked_sub(cost) else {
                    return line;
                };
                room = left;
                line.push(c);
            }
        }
        line
    }

    pub(super) fn push_members(&self, out: &mut String, shape: ErrorShape) {
        match shape {
            ErrorShape::Object => {
                out.push_str(r#""error":"#);
                self.push_object(out);
            }
            ErrorShape::String => {
                out.push_str(r#""error":"#);
                push_quoted(out, &format!("{}: {}", self.code, self.message));
                out.push_str(r#","error_detail":"#);
                self.push_object(out);
            }
        }
        let members = [
            (r#","reason":"#, self.reason),
            (r#","phase":"#, self.phase.map(Phase::as_str)),
            (r#","retry":"#, self.retry.map(Retry::as_str)),
            (r#","field":"#, self.field),
            (r#","expected":"#, self.expected),
            (r#","got":"#, self.got),
            (r#","payment_id":"#, self.payment_id),
            (r#","docs":"#, self.docs),
        ];
        for (name, value) in members {
            if let Some(value) = value {
                out.push_str(name);
                push_quoted(out, value);
            }
        }
    }

    fn push_object(&self, out: &mut String) {
        out.push_str(r#"{"code":"#);
        push_quoted(out, self.code);
        out.push_str(r#","message":"#);
        push_quoted(out, self.message);
        out.push('}');
    }
}
