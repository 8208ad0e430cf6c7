//! What the payload of a credential holds for the method `stripe`. Says nothing about truth.

use zeroize::Zeroizing;

use crate::x402::json::Node;

/// The members of the payload that the method `stripe` knows, when they are strings.
pub(crate) struct Payload {
    /// The shared payment token, `spt_...`.
    pub token: Option<Zeroizing<String>>,
    /// The order id that the challenge bound, if it did.
    pub external_id: Option<String>,
}

impl Payload {
    pub(crate) fn read(payload: &Node<'_>) -> Self {
        Self {
            token: text(payload, "spt").map(Zeroizing::new),
            external_id: text(payload, "externalId"),
        }
    }
}

fn text(node: &Node<'_>, key: &str) -> Option<String> {
    match node.get(key) {
        Some(Node::Text(text)) => Some(text.clone().into_owned()),
        _ => None,
    }
}
