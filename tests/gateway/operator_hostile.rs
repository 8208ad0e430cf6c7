//! What strangers and operators write is shown as they wrote it, and never runs: names of requests,
//! titles, reasons, searches, and what the launch core says.

use serde_json::{Value, json};

use crate::credits::{bought, payer};
use crate::operator_actions::act;
use crate::operator_page::{visit, without_complaint};
use crate::support::card::unpaid;
use crate::support::fake_core::Behaviour;
use crate::support::world::{creation, launch};
use crate::support::{Call, Card, Setup, Wallet, World};

/// An element, the end of an attribute with a handler after it, and a formula. A client's name for
/// a request has no space in it.
const HOSTILE: [&str; 4] = [
    "<script>alert(1)</script>",
    "\"/onmouseover=\"alert(1)",
    "=1+1",
    "'--></title><img/src=x/onerror=alert(1)>",
];

/// As it stands in a page.
fn escaped(text: &str) -> String {
    let all = text.replace('&', "&#38;").replace('<', "&#60;").replace('>', "&#62;");
    all.replace('"', "&#34;").replace('\'', "&#39;")
}

fn in_address(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A launch whose title and name are this text.
async fn named(world: &World, wallet: &Wallet, text: &str) -> String {
    let call = creation(&world.proof(wallet).v2(), &launch(text)).header("idempotency-key", text);
    world.send(call).await.must(201).payment_id().unwrap()
}

/// A view, and the texts that it must show.
struct Shows {
    address: String,
    status: u16,
    texts: Vec<&'static str>,
}

fn shows(address: impl Into<String>, texts: &[&'static str]) -> Shows {
    Shows { address: address.into(), status: 200, texts: texts.to_vec() }
}

/// Everything hostile where somebody can bring it in, and the views that show it.
async fn written(world: &World) -> Vec<Shows> {
    let wallet = world.agent().await;
    let mut views = Vec::new();
    for text in HOSTILE {
        let payment = named(world, &wallet, text).await;
        views.push(shows(format!("/operator/payments/{payment}"), &[text]));
    }
    bought(world, &Card::new()).await;
    let account = payer(world).await;
    for reason in HOSTILE {
        act(world, &format!("credits/{account}/grant"), &json!({"credits": 1, "reason": reason}))
            .await
            .must(200);
    }
    world.core().behave(Behaviour::Reject);
    let refused = world
        .pay(&Card::new(), &unpaid(HOSTILE[0]))
        .await
        .refused(400, "LAUNCH_007")
        .payment_id()
        .unwrap();
    world.core().behave(Behaviour::Create);
    act(world, &format!("refunds/{refused}/approve"), &json!({"reason": HOSTILE[3]}))
        .await
        .must(200);
    HOSTILE.iter().for_each(|name| drop(world.core().invent(name)));
    act(world, "reconcile", &json!({"reason": HOSTILE[1], "full": true})).await.must(200);
    let close = json!({"kind": "extra_launch", "key": format!("launch-of-{}", HOSTILE[0]), "reason": HOSTILE[1]});
    act(world, "findings/close", &close).await.must(200);
    views.extend([
        shows("/operator", &[]),
        shows("/operator/audit", &HOSTILE),
        shows(format!("/operator/payments/{refused}"), &[HOSTILE[3]]),
        shows("/operator/attention", &HOSTILE[1..]),
        shows("/operator/reconciliation?all=1", &HOSTILE),
        shows(format!("/operator/payers/{account}"), &[]),
        shows(format!("/operator/payers/{}", wallet.payer()), &[]),
        shows("/operator/requests", &[]),
        shows("/operator/config", &[]),
    ]);
    views
}

/// Hostile texts as parameters of an address.
fn asked() -> Vec<Shows> {
    let mut views = Vec::new();
    for text in HOSTILE {
        let value = in_address(text);
        views.push(shows(format!("/operator/settlements?q={value}"), &[text]));
        views.push(shows(format!("/operator/settlements?q={value}&route={value}&sums=1"), &[text]));
        views.push(shows(format!("/operator/journal?account={value}"), &[text]));
        for wrong in [
            "settlements?state=",
            "settlements?payer=",
            "settlements?since=",
            "settlements?min=",
            "requests?payer=",
            "audit?after=",
        ] {
            views.push(Shows {
                address: format!("/operator/{wrong}{value}"),
                status: 400,
                texts: Vec::new(),
            });
        }
        views.push(Shows {
            address: format!("/operator/payments/{value}"),
            status: 400,
            texts: Vec::new(),
        });
        views.push(Shows {
            address: format!("/operator/payers/{value}"),
            status: 400,
            texts: Vec::new(),
        });
        views.push(shows(format!("/operator/attention?done={value}"), &[]));
    }
    views
}

/// Where the field of every view leads with this text.
async fn find(world: &World, text: &str) -> String {
    let found = Call::get(&format!("/operator/find?q={}", in_address(text)))
        .send(world.gateway.operator)
        .await
        .must(303);
    found.header("location").unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_text_is_shown_as_it_was_written_and_never_runs() {
    let world = Setup::paid().cards().start().await;
    let mut views = written(&world).await;
    let stored = views.len();
    views.extend(asked());
    for Shows { address, status, texts } in &views {
        let reply = Call::get(address).send(world.gateway.operator).await;
        assert_eq!(reply.status, *status, "{address}: {}", reply.brief());
        let html = String::from_utf8(reply.body.to_vec()).unwrap();
        for raw in ["<script>alert", "/onmouseover=\"", "<img/", "</title><"] {
            assert!(!html.contains(raw), "{address} has {raw}");
        }
        for text in texts {
            assert!(html.contains(&escaped(text)), "{address} does not show {text}:\n{html}");
        }
    }
    // The field that finds by any name leads to the payment of that name, and else to the list with
    // the name as it was.
    for text in HOSTILE {
        let found = find(&world, text).await;
        assert!(found.starts_with("/operator/payments/pay_"), "{text}: {found}");
        let nothing = format!("{text}!");
        assert_eq!(
            find(&world, &nothing).await,
            format!("/operator/settlements?q={}", in_address(&nothing))
        );
    }
    // Each text in a field of its own, and the first one everywhere: the others go the same way.
    let first = in_address(HOSTILE[0]);
    let in_field = |view: &&Shows| {
        view.address.ends_with(&first) || view.address.contains("/journal?account=")
    };
    let once: Vec<&Shows> =
        views[..stored].iter().chain(views[stored..].iter().filter(in_field)).collect();
    let in_browser: Vec<Value> =
        once.iter().map(|view| json!({"at": view.address, "status": view.status})).collect();
    let said = visit(&world, json!({"views": in_browser, "once": true})).await;
    without_complaint(&said);
    assert_eq!(said["seen"], once.len());
    let reasons = said["texts"]["/operator/audit"].as_str().unwrap();
    for text in HOSTILE {
        assert!(reasons.contains(text), "{text} is not in\n{reasons}");
    }
}
