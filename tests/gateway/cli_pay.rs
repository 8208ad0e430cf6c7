//! `turnpike pay`: a limit that holds, cards and agent tokens, and exit codes.

use serde_json::json;
use tempfile::TempDir;

use crate::{
    cli::{Beside, ended, said, turnpike},
    support::{Wallet, gateway::Settings, wallet::DEVELOPMENT_KEY, world::launch},
};

#[tokio::test(flavor = "multi_thread")]
async fn pay_asks_first_pays_within_its_limit_and_its_exit_code_says_how_it_went() {
    let beside = Beside::start(Settings::from([(
        "pricing.free_launches_per_month".to_owned(),
        "0".to_owned(),
    )]))
    .await;
    let body = launch("from the command line").to_string();
    let dry = ended(&beside.pay("/launches", &["--body", &body, "--dry-run"]).await, 10);
    assert_eq!(dry["would_pay"]["amount_units"], 550_000);
    let capped = beside.pay("/launches", &["--body", &body, "--max-usdc", "0.549999"]).await;
    ended(&capped, 4);
    assert!(said(&capped).contains("0.55 USDC"), "{}", said(&capped));
    // Another chain than the one that the agent was told: nothing is signed.
    let key = beside.dir.path().join("key");
    std::fs::write(&key, DEVELOPMENT_KEY).unwrap();
    let key = key.to_str().unwrap();
    let abroad =
        beside.pay("/launches", &["--body", &body, "--chain", "8453", "--key-file", key]).await;
    ended(&abroad, 4);
    assert!(said(&abroad).contains("eip155:84532"), "{}", said(&abroad));
    assert_eq!(
        beside.gateway.audit().view("intents").await.len(),
        0,
        "a refused price left a trace"
    );

    let paid = ended(&beside.pay("/launches", &["--body", &body]).await, 0);
    assert_eq!(paid["status"], 201);
    assert_eq!(paid["receipt"]["success"], true);
    assert!(paid["charge"].as_str().unwrap().starts_with("0.55 USDC; payment=pay_"), "{paid}");
    let v1 =
        ended(&beside.pay("/v1/launches", &["--body", &body, "--v1", "--wallet", "1"]).await, 0);
    assert_eq!(
        (v1["status"].clone(), v1["signed"]["x402_version"].clone()),
        (json!(201), json!(1))
    );
    assert_eq!(beside.gateway.audit().view("settlements").await.len(), 2);

    let payment = format!("/payments/{}", paid["payment_id"].as_str().unwrap());
    let own = ended(&beside.pay(&payment, &[]).await, 0);
    assert_eq!(own["body"]["data"]["transaction"], paid["receipt"]["transaction"]);
    ended(&beside.pay(&payment, &["--wallet", "3"]).await, 5);
    ended(&beside.pay("/nowhere", &[]).await, 5);
    ended(&beside.pay("/launches", &["--body", "{}"]).await, 1);
    ended(&beside.pay("/launches", &["--body", "{title"]).await, 2);
    // A wallet without a coin.
    std::fs::write(key, Wallet::random().key_hex()).unwrap();
    ended(&beside.pay("/launches", &["--body", &body, "--key-file", key]).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn pay_by_card_mints_within_its_limit_and_its_agent_token_spends_credits() {
    let stripe = format!("127.0.0.1:{}", crate::support::child::free_port());
    let beside =
        Beside::start(Settings::from([("sandbox.stripe_listen".to_owned(), stripe.clone())])).await;
    let mint = format!("http://{stripe}/v1/test_helpers/shared_payment/granted_tokens");
    let body = launch("by card").to_string();
    let by_card = ["--card", "pm_card_visa", "--customer", "ann", "--mint-url", &mint];
    let dry = ended(
        &beside.pay("/launches", &[&by_card[..], &["--body", &body, "--dry-run"]].concat()).await,
        10,
    );
    assert_eq!(
        (
            dry["prices"]["mpp"]["amount_cents"].clone(),
            dry["prices"]["x402"]["amount_units"].clone()
        ),
        (json!(60), json!(550_000))
    );
    assert_eq!(dry["would_pay"]["amount_cents"], 60);
    let capped = beside
        .pay("/launches", &[&by_card[..], &["--body", &body, "--max-usd", "0.59"]].concat())
        .await;
    ended(&capped, 4);
    assert!(
        said(&capped).contains("0.60 USD") && said(&capped).contains("--max-usd"),
        "{}",
        said(&capped)
    );
    assert_eq!(
        beside.gateway.audit().view("intents").await.len(),
        0,
        "a refused price left a trace"
    );

    let paid =
        ended(&beside.pay("/launches", &[&by_card[..], &["--body", &body]].concat()).await, 0);
    assert!(paid["charge"].as_str().unwrap().starts_with("0.60 USD; payment=pay_"), "{paid}");
    assert!(paid["receipt"]["reference"].as_str().unwrap().starts_with("pi_"), "{paid}");
    let token = paid["agent_token"].as_str().unwrap().to_owned();
    // The account has no credit yet: an agent token brings nothing that could be charged.
    let broke = beside.pay("/launches", &["--body", &body, "--agent-token", &token]).await;
    ended(&broke, 4);
    assert!(said(&broke).contains("--card"), "{}", said(&broke));
    ended(&beside.pay("/credits/purchase", &[&by_card[..], &["--body", "{}"]].concat()).await, 4);
    ended(
        &beside
            .pay(
                "/credits/purchase",
                &[&by_card[..], &["--body", "{}", "--max-usd", "12"]].concat(),
            )
            .await,
        0,
    );
    let file = beside.dir.path().join("token");
    std::fs::write(&file, &token).unwrap();
    let at_file = format!("@{}", file.display());
    let credited =
        ended(&beside.pay("/launches", &["--body", &body, "--agent-token", &at_file]).await, 0);
    assert!(credited["charge"].as_str().unwrap().starts_with("none; reason=credit"), "{credited}");
    assert_eq!(
        ended(&beside.pay("/credits", &["--agent-token", &token]).await, 0)["body"]["data"]["balance"],
        19
    );

    refused_payments_say_why(&beside, &mint, &body).await;
    let balance = ended(&beside.ledger(&["balance"]).await, 0);
    assert_eq!(balance["sum_minor"], json!({"CREDIT": 0, "USD": 0}));
}

/// A declined card, an endpoint that does not answer, a free route, and contradictory arguments.
async fn refused_payments_say_why(beside: &Beside, mint: &str, body: &str) {
    let declined = ["--card", "pm_card_chargeDeclined", "--mint-url", mint, "--body", body];
    assert_eq!(
        ended(&beside.pay("/launches", &declined).await, 4)["body"]["error"]["code"],
        "PAYMENT_003"
    );
    let unused = format!("http://127.0.0.1:{}/x", crate::support::child::free_port());
    let silent = beside.pay("/launches", &["--card", "--mint-url", &unused, "--body", body]).await;
    ended(&silent, 3);
    assert!(said(&silent).contains("--mint-url"), "{}", said(&silent));
    let free = beside.pay("/launches", &["--card", "--mint-url", mint]).await;
    ended(&free, 4);
    assert!(said(&free).contains("--agent-token"), "{}", said(&free));
    for wrong in [
        &["--card", "4242424242424242"][..],
        &["--agent-token", "abc"],
        &["--customer", "ann"],
        &["--card", "--wallet", "1"],
    ] {
        ended(&beside.pay("/launches", wrong).await, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pay_says_when_nobody_answers() {
    let dir = TempDir::new().unwrap();
    let unused = format!("http://127.0.0.1:{}/x", crate::support::child::free_port());
    ended(&turnpike(dir.path(), &["pay", &unused]).await, 3);
    ended(&turnpike(dir.path(), &["pay", "not-a-url"]).await, 2);
}
