//! What operators read over the API: lists in pages, filters, one payment's whole story, and
//! figures that agree.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::credits::{bought, on_credit};
use crate::support::card::unpaid;
use crate::support::fake_core::Behaviour;
use crate::support::moment::eventually;
use crate::support::{Call, Card, Reply, Setup, Wallet, World};

/// Asks the operators' API.
pub async fn get(world: &World, target: &str) -> Reply {
    Call::get(&format!("/operator/api/{target}")).send(world.gateway.operator).await
}

/// An answer that must be there.
pub async fn read(world: &World, target: &str) -> Value {
    get(world, target).await.must(200).json()
}

/// The rows of a list's first page.
pub async fn list(world: &World, target: &str) -> Vec<Value> {
    read(world, target).await["rows"].as_array().unwrap().clone()
}

/// All rows of a list, page by page as its links say.
pub async fn walk(world: &World, target: &str) -> Vec<Value> {
    let (mut rows, mut next) = (Vec::new(), Some(format!("/operator/api/{target}")));
    while let Some(target) = next {
        let reply = Call::get(&target).send(world.gateway.operator).await.must(200);
        let body = reply.json();
        rows.extend(body["rows"].as_array().unwrap().iter().cloned());
        next = reply
            .header("link")
            .map(|link| link.trim_start_matches('<').split('>').next().unwrap().to_owned());
        assert_eq!(next.is_some(), body["next"].is_string(), "{body}");
        let named = body["next"].as_str().unwrap_or_default();
        assert!(
            next.as_ref()
                .is_none_or(|next| next.contains(&format!("after={}", named.replace(':', "%3A")))),
            "{next:?} {named}"
        );
    }
    rows
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["id"].as_str().unwrap()).collect()
}

/// Payments of every kind: free and paid launches, a refused one, a pack, a launch on credit, a
/// charge that was refused.
pub async fn busy_world() -> (World, Wallet) {
    let world = Setup::new().cards().set("pricing.free_launches_per_month", "1").start().await;
    let wallet = world.agent().await;
    for title in ["free", "paid", "paid too"] {
        world.launch(&wallet, title).await.must(201);
    }
    let token = bought(&world, &Card::new()).await;
    world.send(on_credit(&token, "on credit")).await.must(201);
    world.pay(&Card::new(), &unpaid("by card")).await.must(201);
    world.core().behave_next([Behaviour::Reject, Behaviour::Reject]);
    world.launch(&wallet, "refused").await.refused(400, "LAUNCH_007");
    world.pay(&Card::new(), &unpaid("refused by card")).await.refused(400, "LAUNCH_007");
    let noted = async || {
        let requests = list(&world, "requests").await;
        let payments: BTreeSet<&str> =
            requests.iter().filter_map(|row| row["payment_id"].as_str()).collect();
        if payments.len() == 8 { Ok(()) } else { Err(format!("{requests:?}")) }
    };
    eventually("every request is noted", Duration::from_secs(20), noted).await;
    (world, wallet)
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_stay_as_they_are_while_payments_arrive() {
    let world = World::start().await;
    let wallet = world.agent().await;
    for at in 0..5 {
        world.launch(&wallet, &format!("before {at}")).await.must(201);
    }
    let before = walk(&world, "payments").await;
    assert_eq!(before.len(), 5);
    let other = world.agent().await;
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = read(&world, &format!("payments?limit=2&after={after}")).await;
        seen.extend(page["rows"].as_array().unwrap().iter().cloned());
        world.launch(&other, &format!("meanwhile {after}")).await.must(201);
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(ids(&seen), ids(&before));
    let all = walk(&world, "payments?limit=1").await;
    assert_eq!((all.len(), ids(&all[all.len() - 5..])), (8, ids(&before)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_shows_what_it_says_and_its_sums_are_those_of_its_rows() {
    let (world, wallet) = busy_world().await;
    let all = walk(&world, "payments?limit=3").await;
    assert_eq!(all.len(), 8, "{all:?}");
    let paid =
        all.iter().find(|row| row["rail"] == "x402" && row["settled_minor"].is_i64()).unwrap();
    let charge =
        all.iter().find(|row| row["rail"] == "mpp" && row["settled_minor"].is_i64()).unwrap();
    let of = |name: &'static str, value: Value| move |row: &Value| row[name] == value;
    type Holds = Box<dyn Fn(&Value) -> bool>;
    let payer = wallet.payer();
    let filters: Vec<(String, Holds)> = vec![
        ("state=created".into(), Box::new(of("state", json!("created")))),
        ("state=settled".into(), Box::new(|row| row["settled_at"].is_string())),
        ("state=paid_not_served".into(), Box::new(of("state", json!("rejected")))),
        ("state=open".into(), Box::new(|_| false)),
        ("rail=x402".into(), Box::new(of("rail", json!("x402")))),
        (format!("payer={payer}"), Box::new(of("payer", json!(payer)))),
        (format!("payer={}", wallet.address_lower()), Box::new(of("payer", json!(payer)))),
        ("route=POST+%2Flaunches".into(), Box::new(of("route", json!("POST /launches")))),
        (
            "currency=USD&min=1".into(),
            Box::new(|row| row["currency"] == "USD" && row["price_minor"].as_i64().unwrap() >= 100),
        ),
        (
            "currency=USDC&max=0.54".into(),
            Box::new(|row| {
                row["currency"] == "USDC" && row["price_minor"].as_i64().unwrap() <= 540_000
            }),
        ),
        ("mode=test".into(), Box::new(of("live", json!(false)))),
        ("mode=live".into(), Box::new(of("live", json!(true)))),
        ("until=2020-01-01".into(), Box::new(|_| false)),
        ("since=2020-01-01&rail=mpp".into(), Box::new(of("rail", json!("mpp")))),
        (
            format!("q={}", paid["reference"].as_str().unwrap()),
            Box::new(of("id", paid["id"].clone())),
        ),
        (
            format!("q={}", charge["reference"].as_str().unwrap()),
            Box::new(of("id", charge["id"].clone())),
        ),
        (format!("q={}", all[0]["id"].as_str().unwrap()), Box::new(of("id", all[0]["id"].clone()))),
        ("q=nothing+of+ours".into(), Box::new(|_| false)),
    ];
    for (filter, holds) in filters {
        let expected: Vec<Value> = all.iter().filter(|row| holds(row)).cloned().collect();
        let shown = walk(&world, &format!("payments?limit=2&{filter}")).await;
        assert_eq!(ids(&shown), ids(&expected), "{filter}");
        let sums = read(&world, &format!("payments/sums?{filter}")).await;
        assert_eq!(sums["payments"], json!(shown.len()), "{filter}: {sums}");
        for currency in ["USDC", "USD"] {
            let settled = shown.iter().filter(|row| row["settled_currency"] == currency);
            let minor: i64 =
                settled.clone().map(|row| row["settled_minor"].as_i64().unwrap()).sum();
            let line = sums["settled"]
                .as_array()
                .unwrap()
                .iter()
                .find(|line| line["currency"] == currency);
            let (count, sum) = line.map_or((0, 0), |line| {
                (line["settled"].as_i64().unwrap(), line["settled_minor"].as_i64().unwrap())
            });
            assert_eq!(
                (count, sum),
                (i64::try_from(settled.count()).unwrap(), minor),
                "{filter} {currency}: {sums}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_payment_shows_its_whole_story_and_nothing_secret() {
    let (world, _) = busy_world().await;
    for row in walk(&world, "payments").await {
        let reply =
            get(&world, &format!("payments/{}", row["id"].as_str().unwrap())).await.must(200);
        let shown = reply.json();
        assert_eq!(shown["payment"], row, "{shown}");
        assert!(
            shown["timeline"].as_array().unwrap().len() >= 2 && shown["next"].is_string(),
            "{shown}"
        );
        assert!(
            !shown["requests"].as_array().unwrap().is_empty(),
            "the request that made it: {shown}"
        );
        assert_eq!(shown["fingerprint"].as_str().map(str::len), Some(64), "{shown}");
        match (row["rail"].as_str().unwrap(), row["settled_minor"].is_i64()) {
            ("x402", true) => {
                let hash = row["reference"].as_str().unwrap();
                assert_eq!(shown["link"], format!("https://sepolia.basescan.org/tx/{hash}"));
                assert_eq!(shown["attempts"][0]["tx_hash"], hash, "{shown}");
                assert!(
                    shown["log_index"].is_i64()
                        && shown["block_hash"].is_string()
                        && shown["nonce"].is_string(),
                    "{shown}"
                );
            }
            ("mpp", true) => {
                let link = format!(
                    "https://dashboard.stripe.com/test/payments/{}",
                    row["reference"].as_str().unwrap()
                );
                assert_eq!(shown["link"], link, "{shown}");
                assert!(
                    shown["attempts"][0]["stripe_key"].is_string()
                        && shown["challenge_id"].is_string(),
                    "{shown}"
                );
            }
            _ => assert_eq!(shown["link"], Value::Null, "{shown}"),
        }
        assert_eq!(world.secrets.found_in(&reply.body), None, "{shown}");
    }
    get(&world, "payments/pay_00000000000000000000000000000007").await.refused(404, "SERVER_003");
    get(&world, "payments/7").await.refused(400, "SERVER_002");
}
