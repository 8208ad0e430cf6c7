//! The operator's figures, their agreement with the lists, the configuration as it is shown, and
//! parameters that are refused.

use serde_json::{Value, json};

use crate::{
    operator_api::{busy_world, get, list, read, walk},
    support::{Call, Setup, Wallet, World},
};

/// What our own agents pay is no revenue: it is in the books, and it can be left out of the
/// figures, everywhere in the same way.
#[tokio::test(flavor = "multi_thread")]
async fn revenue_can_be_seen_without_our_own_payers() {
    let own = Wallet::random();
    let setup = Setup::new()
        .set("pricing.free_launches_per_month", "0")
        .set("operator.own_payers", &own.address_lower());
    let world = setup.start().await;
    let stranger = world.agent().await;
    world.chain.mint(own.address, 10_000_000).await;
    world.secrets.add(&own.key_hex());
    world.launch(&own, "ours").await.must(201);
    world.launch(&stranger, "theirs").await.must(201);
    let today = |overview: &Value| {
        let day = overview["days"].as_array().unwrap().last().unwrap().clone();
        [&day["earned_usdc_units"], &day["settled_x402"], &day["funded"], &day["challenges"]]
            .map(|figure| figure.as_i64().unwrap())
    };
    let (all, without) =
        (read(&world, "overview").await, read(&world, "overview?without_own=true").await);
    assert_eq!(
        (today(&all)[..3].to_vec(), all["without"].clone()),
        (vec![1_100_000, 2, 2], json!([])),
        "{all}"
    );
    assert_eq!(
        (today(&without)[..3].to_vec(), &without["without"]),
        (vec![550_000, 1, 1], &json!([own.payer()])),
        "{without}"
    );
    assert_eq!(all["accounts"], without["accounts"], "what is held is everybody's");
    let told = world.gateway.run(&["ledger", "overview", "--without-own", "--json"]).await;
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(today(&told)[..3], today(&without)[..3], "{told}");
    let page = Call::get("/operator?without_own=true").send(world.gateway.operator).await.must(200);
    let page = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(
        page.contains("Revenue without internal payers")
            && page.contains("1 internal payer excluded"),
        "{page}"
    );
    get(&world, "overview?without_own=maybe").await.refused(400, "SERVER_002");
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_and_lists_agree_with_the_books() {
    let (world, wallet) = busy_world().await;
    let balance = read(&world, "balance").await;
    assert_eq!(
        (&balance["balanced"], &balance["sum_minor"]),
        (&json!(true), &json!({"CREDIT": 0, "USD": 0, "USDC": 0})),
        "{balance}"
    );
    assert_eq!(balance["signers"][0]["signer"], world.signer.address_lower(), "{balance}");
    assert!(
        balance["signers"][0]["balance_wei"].as_str().unwrap().parse::<u128>().unwrap() > 0,
        "{balance}"
    );
    let overview = read(&world, "overview").await;
    assert_eq!(
        (overview["days"].as_array().unwrap().len(), &overview["open"]),
        (30, &json!(0)),
        "{overview}"
    );
    assert!(overview["signers"][0]["settlements"].is_string(), "{overview}");

    accounts_add_up(&world, &wallet).await;
    postings_balance(&world, &wallet).await;
}

/// What is owed, credits and free launches.
async fn accounts_add_up(world: &World, wallet: &Wallet) {
    let owed = walk(world, "owed?limit=1").await;
    assert_eq!(
        (owed.len(), &owed[0]["payer"], &owed[0]["state"]),
        (1, &json!(wallet.payer()), &json!("open")),
        "{owed:?}"
    );
    let credits = read(world, "credits?limit=1").await;
    let accounts = walk(world, "credits?limit=1").await;
    let sum: i64 = accounts.iter().map(|row| row["balance"].as_i64().unwrap()).sum();
    assert_eq!(
        (&credits["totals"]["accounts"], &credits["totals"]["balance"]),
        (&json!(accounts.len()), &json!(sum)),
        "{credits}"
    );
    assert_eq!(sum, 19 + 1, "the rest of the pack, and one for the refused charge");
    let payer =
        accounts.iter().find(|row| row["balance"] == 19).unwrap()["payer"].as_str().unwrap();
    let entries = walk(world, &format!("credits/{payer}?limit=1")).await;
    assert_eq!(
        entries.iter().map(|entry| entry["delta"].as_i64().unwrap()).collect::<Vec<_>>(),
        [-1, 20]
    );
    let slots = list(world, &format!("free-tier/{}", wallet.address_lower())).await;
    assert_eq!((slots.len(), &slots[0]["slot"]), (1, &json!(1)), "{slots:?}");
}

/// Statement, journal and requests.
async fn postings_balance(world: &World, wallet: &Wallet) {
    let statement = walk(world, &format!("statement/{}?limit=2", wallet.payer())).await;
    let last = statement.iter().rfind(|line| line["currency"] == "USDC").unwrap();
    assert_eq!(
        last["balance_minor"], 550_000,
        "what is owed for the refused launch: {statement:?}"
    );
    let journal = walk(world, "journal?limit=4").await;
    assert!(
        journal.iter().map(|row| row["seq"].as_i64().unwrap()).is_sorted_by(|a, b| a > b),
        "{journal:?}"
    );
    for posting in &journal {
        let sums = ["USDC", "USD", "CREDIT"].map(|currency| {
            let lines = posting["lines"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|line| line["currency"] == currency);
            lines.map(|line| line["amount"].as_i64().unwrap()).sum::<i64>()
        });
        assert_eq!(sums, [0; 3], "{posting}");
    }
    let requests = walk(world, "requests?limit=3").await;
    assert!(
        requests.iter().any(|row| row["code"] == "LAUNCH_007" && row["payment_id"].is_string()),
        "{requests:?}"
    );
    let own = walk(world, &format!("requests?payer={}", wallet.payer())).await;
    assert!(!own.is_empty() && own.iter().all(|row| row["payer"] == wallet.payer()), "{own:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_is_shown_with_secrets_as_stars() {
    let world = Setup::new().cards().start().await;
    let reply = get(&world, "config").await.must(200);
    let config = reply.json();
    assert_eq!(
        (&config["x402"]["signer_key"], &config["x402"]["mode"]),
        (&json!("****"), &json!("chain")),
        "{config}"
    );
    assert_eq!(config["mpp"]["secret_keys"], json!(["****"]), "{config}");
    assert_eq!(world.secrets.found_in(&reply.body), None, "{config}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_that_says_nothing_is_refused_by_its_name() {
    let world = World::start().await;
    for (target, field) in [
        ("payments?state=lost", "state"),
        ("payments?stat=open", "stat"),
        ("payments?limit=0", "limit"),
        ("payments?limit=501", "limit"),
        ("payments?after=7", "after"),
        ("payments?min=0.55", "min"),
        ("payments?since=yesterday", "since"),
        ("payments/sums?limit=1", "limit"),
        ("requests?payer=me", "payer"),
        ("journal?after=last", "after"),
        ("owed?all=perhaps", "all"),
        ("findings?after=1", "after"),
        ("statement/me", "payer"),
        ("statement/card:7?until=soon", "until"),
        ("credits/0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266", "payer"),
        ("free-tier/card:7", "wallet"),
        ("config?secrets=shown", "secrets"),
    ] {
        let reply = get(&world, target).await.refused(400, "SERVER_002");
        let body = reply.json();
        assert_eq!(body["field"], field, "{target}: {body}");
        assert!(body["expected"].is_string() && body["got"].is_string(), "{target}: {body}");
    }
    let both = get(&world, "payments?state=lost&rail=cash").await.refused(400, "SERVER_002").json();
    assert_eq!(both["details"].as_array().unwrap().len(), 2, "{both}");
    get(&world, "nothing").await.refused(404, "SERVER_003");
    get(&world, "credits/card:nobody").await.refused(404, "SERVER_003");
    let wrong_method = Call::new("POST", "/operator/api/payments").header("x-turnpike-desk", "1");
    wrong_method.send(world.gateway.operator).await.refused(405, "SERVER_004");
}
