//! Cursors, time ranges, expansion and search.

use serde_json::{Value, json};

use crate::support::*;

fn ids(page: &Value) -> Vec<String> {
    page["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Five intents, a second apart, oldest first.
async fn five(world: &World) -> Vec<String> {
    let mut made = Vec::new();
    for number in 0..5 {
        let token = world.token("pm_card_visa").await;
        let (name, value) = ("metadata[gateway_payment_id]", format!("pay_{number}"));
        let paid = world.post(INTENTS, &[&paying(&token)[..], &[(name, &value)]].concat()).await;
        made.push(paid.body["id"].as_str().unwrap().to_owned());
        world.pass(1);
    }
    made
}

#[tokio::test]
async fn a_cursor_walks_everything_once() {
    let world = World::new().await;
    let mut made = five(&world).await;
    made.reverse();
    let first = world.get(&format!("{INTENTS}?limit=2")).await.body;
    assert_eq!(
        (&first["object"], &first["has_more"], &first["url"]),
        (&json!("list"), &json!(true), &json!(INTENTS))
    );
    let mut walked = ids(&first);
    loop {
        let last = walked.last().unwrap();
        let page = world.get(&format!("{INTENTS}?limit=2&starting_after={last}")).await.body;
        walked.extend(ids(&page));
        if page["has_more"] == false {
            break;
        }
    }
    assert_eq!(walked, made);
    let before = world.get(&format!("{INTENTS}?limit=2&ending_before={}", made[3])).await.body;
    assert_eq!((ids(&before), &before["has_more"]), (made[1..3].to_vec(), &json!(true)));
    for query in ["limit=0", "limit=101", "starting_after=pi_none", "colour=red", "created[gte]=x"]
    {
        assert_eq!(world.get(&format!("{INTENTS}?{query}")).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn a_range_of_time_is_exact() {
    let world = World::new().await;
    let mut made = five(&world).await;
    made.reverse();
    let range = async |query: String| ids(&world.get(&format!("{INTENTS}?{query}")).await.body);
    assert_eq!(
        range(format!("created[gte]={}&created[lt]={}", NOW + 1, NOW + 3)).await,
        made[2..4]
    );
    assert_eq!(
        range(format!("created[gt]={}&created[lte]={}", NOW + 1, NOW + 3)).await,
        made[1..3]
    );
    assert_eq!(range(format!("created={NOW}")).await, made[4..]);
    let charges = world.get(&format!("/v1/charges?created[gte]={}", NOW + 3)).await.body;
    let intents: Vec<&str> = charges["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["payment_intent"].as_str().unwrap())
        .collect();
    assert_eq!(intents, made[..2]);
    let one = world.get(&format!("/v1/charges?payment_intent={}", made[0])).await.body;
    assert_eq!(one["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn search_finds_a_payment_by_its_metadata() {
    let world = World::new().await;
    let made = five(&world).await;
    let search = async |query: &str| {
        let query = encoded(&[("query", query)]);
        world.get(&format!("{INTENTS}/search?{query}")).await
    };
    let found = search("metadata['gateway_payment_id']:'pay_2'").await.body;
    assert_eq!((&found["object"], &found["has_more"]), (&json!("search_result"), &json!(false)));
    assert_eq!(ids(&found), made[2..3]);
    assert_eq!(
        ids(&search("status:'succeeded' AND metadata[\"gateway_payment_id\"]:\"pay_2\"")
            .await
            .body),
        made[2..3]
    );
    assert_eq!(
        ids(&search("status:'canceled' AND metadata['gateway_payment_id']:'pay_2'").await.body),
        Vec::<String>::new()
    );
    assert_eq!(
        ids(&search("metadata['gateway_payment_id']:'pay_9'").await.body),
        Vec::<String>::new()
    );
    for query in [
        "",
        "pay_2",
        "metadata[gateway_payment_id]:'x'",
        "colour:'red'",
        "metadata['a']:'b' OR status:'x'",
    ] {
        assert_eq!(search(query).await.status, 400, "{query}");
    }
    world.emulator.set_search_lag(3).unwrap();
    assert_eq!(
        ids(&search("status:'succeeded'").await.body),
        [made[2].clone(), made[1].clone(), made[0].clone()]
    );
}

#[tokio::test]
async fn an_id_is_expanded() {
    let world = World::new().await;
    let paid = world.pay("pm_card_visa").await;
    let (intent, charge) = (paid.body["id"].as_str().unwrap(), world.charge_of(&paid).await);
    let expanded = world
        .get(&format!("{INTENTS}/{intent}?expand[]=latest_charge.balance_transaction"))
        .await
        .body;
    assert_eq!(
        (
            &expanded["latest_charge"]["id"],
            &expanded["latest_charge"]["balance_transaction"]["fee"]
        ),
        (&json!(charge), &json!(32))
    );
    let list = world.get(&format!("{INTENTS}?expand[]=data.latest_charge")).await.body;
    assert_eq!(list["data"][0]["latest_charge"]["paid"], true);
    for path in ["amount", "nothing", "latest_charge.amount"] {
        assert_eq!(
            world.get(&format!("{INTENTS}/{intent}?expand[]={path}")).await.status,
            400,
            "{path}"
        );
    }
}
