//! The parts of the document that operations share: answers, headers, the ways to say who asks, and
//! schemas of bodies.

use serde_json::{Value, json};

/// The answers that any operation may get.
pub(super) fn responses() -> Value {
    let error = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}});
    json!({
        "PaymentRequired": {
            "description": "Payment, or a signature over amount 0, is required. The headers carry the challenges, the body the reason and the next step.",
            "headers": {
                "PAYMENT-REQUIRED": {"description": "The x402 version 2 challenge, base64 of JSON.", "schema": {"type": "string"}},
                "WWW-Authenticate": {"description": "The MPP challenge: Payment id=..., request=...", "schema": {"type": "string"}},
            },
            "content": error,
        },
        "Unauthenticated": {"description": "Nobody said who asks.", "content": error},
        "Conflict": {"description": "The proof or key was already used with a different request; nothing was charged.", "content": error},
        "NotFound": {"description": "Not found for this agent.", "content": error},
        "Limited": {
            "description": "Too many requests.",
            "headers": {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}},
            "content": error,
        },
        "Unknown": {
            "description": "The outcome is not known yet (PAYMENT_005: send the same proof again), or the gateway is temporarily unavailable.",
            "headers": {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}},
            "content": error,
        },
        "Refused": {"description": "The request was rejected; retry names the recommended action.", "content": error},
    })
}

/// What success says of money.
pub(super) fn headers() -> Value {
    json!({
        "X-Charge": {
            "description": "The charge for this request: none with a reason, or the amount and the payment id.",
            "schema": {"type": "string"},
        },
        "PAYMENT-RESPONSE": {"description": "The x402 receipt, base64 of JSON.", "schema": {"type": "string"}},
        "Payment-Receipt": {"description": "The MPP receipt, base64url of JSON.", "schema": {"type": "string"}},
        "X-Agent-Token": {"description": "The card account's token: it spends credits and reads data.", "schema": {"type": "string"}},
    })
}

/// The ways to say who asks on a route that costs nothing.
pub(super) fn security_schemes(cards: bool) -> Value {
    let mut schemes = json!({
        "wallet": {
            "type": "apiKey",
            "in": "header",
            "name": "PAYMENT-SIGNATURE",
            "description": "An x402 payment of amount 0, as the route's 402 requires: never settled, single-use.",
        },
    });
    if cards {
        schemes["agentToken"] = json!({
            "type": "http",
            "scheme": "bearer",
            "description": "The X-Agent-Token from the response to a paid request.",
        });
    }
    schemes
}

/// The body of every refusal.
pub(super) fn error() -> Value {
    let text = json!({"type": "string"});
    json!({
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {"type": "object", "properties": {"code": text, "message": text}},
            "reason": {"type": "string", "description": "Machine-readable reason."},
            "phase": {"type": "string", "enum": ["challenge", "verify", "reserve", "forward", "settle"]},
            "retry": {
                "type": "string",
                "description": "Recommended client action.",
                "enum": ["pay_again", "resend_same_proof", "wait", "fix_request", "never"],
            },
            "field": text,
            "expected": text,
            "got": text,
            "payment_id": text,
        },
    })
}

/// The schema of a body as the component `name`: `#` is the whole document there, so references
/// inside are led to the component.
pub(super) fn embedded(schema: &Value, name: &str) -> Value {
    let mut schema = schema.clone();
    if let Value::Object(members) = &mut schema {
        members.remove("$schema");
        members.remove("$id");
    }
    lead(&mut schema, &format!("#/components/schemas/{name}"));
    schema
}

fn lead(value: &mut Value, to: &str) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                match member {
                    Value::String(reference) if key == "$ref" && reference.starts_with('#') => {
                        *reference = format!("{to}{}", &reference[1..])
                    }
                    other => lead(other, to),
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| lead(element, to)),
        _ => {}
    }
}
