//! Requests that two readers could take for one or for two, and what a proxy before us may add.

use std::collections::BTreeSet;

use crate::support::world::{Totals, creation, launch};
use crate::support::{Header, Setup, World, raw};

/// A whole second request, hidden behind the first: it must never reach the core.
fn hidden(world: &World, identity: &Header) -> String {
    world.secrets.add_header(identity.0, &identity.1);
    format!(
        "GET /launches HTTP/1.1\r\nhost: gateway.test\r\n{}: {}\r\n\r\n",
        identity.0, identity.1
    )
}

/// What follows the lines `host`, payment and content type of a `POST /launches`.
fn attacks(body: &str, hidden: &str) -> Vec<(&'static str, String, String)> {
    let length = format!("content-length: {}\r\n", body.len());
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n{hidden}", body.len());
    let both = |first: &str, second: &str| format!("{first}{second}");
    let te = "transfer-encoding: chunked\r\n";
    let plain = |extra: &str| format!("{length}{extra}");
    vec![
        ("a length, then a coding", both(&length, te), chunked.clone()),
        ("a coding, then a length", both(te, &length), chunked.clone()),
        ("a short length and a coding", both("content-length: 4\r\n", te), chunked.clone()),
        ("two lengths", both(&length, "content-length: 4\r\n"), format!("{body}{hidden}")),
        (
            "two lengths in one",
            format!("content-length: {}, 4\r\n", body.len()),
            format!("{body}{hidden}"),
        ),
        (
            "a signed length",
            format!("content-length: +{}\r\n", body.len()),
            format!("{body}{hidden}"),
        ),
        ("xchunked", "transfer-encoding: xchunked\r\n".to_owned(), chunked.clone()),
        ("chunked twice", both(te, te), chunked.clone()),
        (
            "chunked, identity",
            "transfer-encoding: chunked, identity\r\n".to_owned(),
            chunked.clone(),
        ),
        ("gzip, chunked", "transfer-encoding: gzip, chunked\r\n".to_owned(), chunked.clone()),
        (
            "a space before the colon",
            both("transfer-encoding : chunked\r\n", &length),
            format!("{body}{hidden}"),
        ),
        (
            "a chunk that overflows",
            te.to_owned(),
            format!("fffffffffffffffff\r\n{body}\r\n0\r\n\r\n{hidden}"),
        ),
        ("a chunk of no size", te.to_owned(), format!("zz\r\n{body}\r\n0\r\n\r\n{hidden}")),
        ("a folded header", plain("x-folded: one\r\n two\r\n"), format!("{body}{hidden}")),
        (
            "an upgrade",
            plain("connection: upgrade\r\nupgrade: websocket\r\n"),
            format!("{body}{hidden}"),
        ),
        (
            "an upgrade that is ignored",
            plain("connection: upgrade\r\nupgrade: h2c\r\n"),
            format!("{body}{hidden}"),
        ),
        ("a carriage return in a value", plain("x-cr: one\rtwo\r\n"), format!("{body}{hidden}")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn r098_no_framing_hides_a_second_request() {
    let world = Setup::paid().start().await;
    let mut created = 0;
    for at in 0..attacks("", "").len() {
        let wallet = world.agent().await;
        let (name, value) = world.proof(&wallet).v2();
        world.secrets.add_header(name, &value);
        let body = launch("framed").to_string();
        let (what, lines, rest) =
            attacks(&body, &hidden(&world, &world.identity(&wallet).v2())).swap_remove(at);
        let bytes = format!(
            "POST /launches HTTP/1.1\r\nhost: gateway.test\r\n{name}: {value}\r\ncontent-type: application/json\r\n{lines}\r\n{rest}"
        );
        let answer = raw::exchange(world.gateway.address, bytes.as_bytes()).await;
        let statuses = raw::statuses(&answer);
        let text = String::from_utf8_lossy(&answer);
        assert!(
            statuses.len() <= 1 && statuses.iter().all(|status| [400, 201].contains(status)),
            "{what}: {statuses:?} {text}"
        );
        created += usize::from(statuses == [201]);
        let gets = world.core().forwarded().iter().filter(|seen| seen.method == "GET").count();
        assert_eq!(gets, 0, "{what}: the hidden request reached the core");
        assert_eq!(world.core().launch_count(), created, "{what}");
    }
    assert!(created > 0, "nothing was read as one request");
    world
        .settles_at(Totals {
            settlements: created,
            transactions: created as u64,
            launches: created,
            ..Totals::default()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r098_old_and_bare_requests_are_one_request_or_none() {
    let world = Setup::paid().start().await;
    let body = launch("old").to_string();
    let length = body.len();
    let requests = [
        (
            "HTTP/1.0 with a coding",
            format!(
                "POST /launches HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"
            ),
        ),
        (
            "bare line feeds",
            format!(
                "POST /launches HTTP/1.1\nhost: a\ncontent-type: application/json\ncontent-length: {length}\n\n{body}"
            ),
        ),
        ("no host and no length", "POST /launches HTTP/1.1\r\n\r\n".to_owned()),
        ("HTTP/0.9", "GET /launches\r\n".to_owned()),
        ("no HTTP at all", "\u{16}\u{3}\u{1}hello".to_owned()),
    ];
    for (what, bytes) in requests {
        let answer = raw::exchange(world.gateway.address, bytes.as_bytes()).await;
        let statuses = raw::statuses(&answer);
        let text = String::from_utf8_lossy(&answer);
        assert!(
            statuses.len() <= 1 && statuses.iter().all(|status| [400, 402].contains(status)),
            "{what}: {statuses:?} {text}"
        );
    }
    assert!(world.core().forwarded().is_empty());
    world.settles_at(Totals::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_core_sees_a_fixed_list_of_headers_and_no_other() {
    let world = World::start().await;
    let wallet = world.agent().await;
    let added = [
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-prefix",
        "x-original-url",
        "x-rewrite-url",
        "x-real-ip",
        "forwarded",
        "via",
        "cookie",
        "proxy-authorization",
        "proxy-connection",
        "trailer",
        "origin",
        "referer",
        "accept-encoding",
        "x-nominated",
    ];
    let mut calls = vec![creation(&world.proof(&wallet).v2(), &launch("behind a proxy"))];
    let (name, value) = world.identity(&wallet).v2();
    calls.push(crate::support::Call::get("/launches").header(name, &value));
    for mut call in calls {
        for name in added {
            call = call.header(name, "client-made");
        }
        let reply = world.send(call.header("connection", "x-nominated, x-turnpike-agent")).await;
        assert!(reply.status.is_success(), "{}", reply.brief());
    }
    let known: BTreeSet<&str> = [
        "host",
        "accept",
        "content-type",
        "content-length",
        "idempotency-key",
        "traceparent",
        "x-turnpike-agent",
        "x-turnpike-request-id",
        "x-turnpike-signature",
        "x-turnpike-timestamp",
    ]
    .into();
    let seen = world.core().forwarded();
    assert_eq!(seen.len(), 2);
    for (name, value) in seen.iter().flat_map(|one| &one.headers) {
        assert!(known.contains(name.as_str()) && value != "client-made", "{name}: {value}");
    }
    world.settles_at(Totals { free_slots: 1, launches: 1, ..Totals::default() }).await;
}
