//! `/openapi.json`: OpenAPI 3.1 with the members of draft-payment-discovery-00.

use serde_json::{Map, Value, json};

use super::{operation, parts, subject::Subject};

/// The document.
pub(super) fn document(subject: &Subject<'_>) -> Value {
    let (mut paths, mut schemas) = (Map::new(), Map::new());
    schemas.insert(String::from("Error"), parts::error());
    for route in subject.routes() {
        if let Some(body) = route.upstream().and_then(|upstream| upstream.body.as_ref()) {
            let name = operation::name(route);
            schemas.insert(name.clone(), parts::embedded(body.contract.schema(), &name));
        }
        let path = paths.entry(template(&route.pattern)).or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] = operation::of(subject, route);
    }
    let url = subject.public_url;
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": subject.service,
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Calls are paid inside the HTTP request: x402 (USDC) or MPP (card). Advisory: the 402 response is authoritative.",
            "contact": {"name": subject.service, "url": url},
            "x-guidance": guidance(subject),
        },
        "x-service-info": {"docs": {"homepage": url, "apiReference": format!("{url}/openapi.json"), "llms": format!("{url}/llms.txt")}},
        "servers": [{"url": url}, {"url": format!("{url}/v1")}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "headers": parts::headers(),
            "responses": parts::responses(),
            "securitySchemes": parts::security_schemes(subject.takes_cards()),
        },
    })
}

fn guidance(subject: &Subject<'_>) -> String {
    let cards = if subject.takes_cards() { ", or Authorization: Payment (card)" } else { "" };
    format!(
        "Call without a credential, read the 402, and send the same request with PAYMENT-SIGNATURE or X-PAYMENT (USDC){cards}. Free routes ask \
         for a signature over amount 0. Every answer says in X-Charge what it cost; after 503 PAYMENT_005 send the same proof again, never a new \
         one. Prices and snippets: {}/llms.txt",
        subject.public_url
    )
}

/// `/launches/{id}` for `/launches/:id`.
fn template(pattern: &str) -> String {
    let segment = |segment: &str| {
        segment.strip_prefix(':').map_or_else(|| segment.to_owned(), |name| format!("{{{name}}}"))
    };
    pattern.split('/').map(segment).collect::<Vec<_>>().join("/")
}
