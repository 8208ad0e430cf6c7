//! The published MPP clients, unmodified, offline: each pays a launch by card, buys a pack, and
//! spends a credit of it by nothing but a fresh token. Stripe beside the gateway says what was
//! charged.

use std::path::PathBuf;

use sandbox::stripe::SECRET_KEY;
use serde_json::{Value, json};
use tokio::process::Command;

use super::{folder, printed};
use crate::support::Call;
use crate::support::child::free_port;
use crate::support::gateway::{Gateway, Settings};
use crate::support::world::launch;

/// A gateway with everything in the process, and the address of its Stripe.
pub(super) struct Sandbox {
    pub gateway: Gateway,
    stripe: std::net::SocketAddr,
}

impl Sandbox {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        let stripe = std::net::SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut all = Settings::from([("sandbox.stripe_listen".to_owned(), stripe.to_string())]);
        all.extend(settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        Self { gateway: Gateway::start(all).await, stripe }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.gateway.address)
    }

    /// Where an agent's platform mints its payment tokens.
    pub fn mint(&self) -> String {
        format!("http://{}/v1/test_helpers/shared_payment/granted_tokens", self.stripe)
    }

    /// The amounts that were charged, in cents, the oldest first; all of them succeeded.
    pub async fn charged(&self) -> Vec<u64> {
        let call = Call::get("/v1/payment_intents?limit=100")
            .header("authorization", &format!("Bearer {SECRET_KEY}"));
        let listed = call.send(self.stripe).await.must(200).json();
        let intents = listed["data"].as_array().unwrap();
        assert!(intents.iter().all(|intent| intent["status"] == "succeeded"), "{listed}");
        intents.iter().rev().map(|intent| intent["amount_received"].as_u64().unwrap()).collect()
    }

    async fn balance(&self, token: &str) -> Value {
        let call = Call::get("/credits").header("authorization", &format!("Bearer {token}"));
        call.send(self.gateway.address).await.must(200).json()["data"]["balance"].clone()
    }
}

/// How one client is run; it prints what it got as one line of JSON.
enum Client {
    Mppx,
    Pympp,
}

impl Client {
    async fn call(&self, sandbox: &Sandbox, path: &str, body: &Value) -> Value {
        let (program, script, needs) = match self {
            Self::Mppx => (
                PathBuf::from("node"),
                folder("mpp").join("pay.mjs"),
                folder("mpp").join("node_modules/mppx"),
            ),
            Self::Pympp => {
                let python = folder("python").join(".venv/bin/python");
                (python.clone(), folder("python").join("pay-mpp.py"), python)
            }
        };
        let mut command = Command::new(program);
        command
            .arg(script)
            .arg(sandbox.url(path))
            .arg(body.to_string())
            .arg(sandbox.mint())
            .env("STRIPE_SECRET_KEY", SECRET_KEY);
        serde_json::from_str(printed(command, &needs).await.trim()).unwrap()
    }
}

async fn pays_buys_and_spends(client: Client) {
    let sandbox = Sandbox::start().await;
    let paid = client.call(&sandbox, "/launches", &launch("paid by card")).await;
    assert_eq!(paid["status"], 201, "{paid}");
    assert!(paid["body"]["data"]["id"].is_string(), "{paid}");
    assert!(paid["charge"].as_str().unwrap().starts_with("0.60 USD; payment="), "{paid}");
    assert_eq!(
        (&paid["receipt"]["method"], &paid["receipt"]["status"]),
        (&"stripe".into(), &"success".into()),
        "{paid}"
    );
    assert!(paid["receipt"]["reference"].as_str().unwrap().starts_with("pi_"), "{paid}");
    let token = paid["token"].as_str().unwrap_or_else(|| panic!("no agent token: {paid}"));
    assert_eq!(sandbox.balance(token).await, 0);

    let bought = client.call(&sandbox, "/v1/credits/purchase", &json!({"pack": "pack_20"})).await;
    assert_eq!(
        (&bought["status"], &bought["body"]["data"]["credits_added"]),
        (&200.into(), &20.into()),
        "{bought}"
    );
    assert!(bought["receipt"].is_object() && bought["token"].is_string(), "{bought}");
    assert_eq!(sandbox.balance(token).await, 20, "the same card is the same account");

    let spent = client.call(&sandbox, "/launches", &launch("paid by a credit")).await;
    assert_eq!((&spent["status"], &spent["receipt"]), (&201.into(), &Value::Null), "{spent}");
    assert!(spent["charge"].as_str().unwrap().starts_with("none; reason=credit"), "{spent}");
    assert_eq!(sandbox.balance(token).await, 19);
    assert_eq!(sandbox.charged().await, [60, 1200]);
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_mppx_fetch_pays_by_card() {
    pays_buys_and_spends(Client::Mppx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pypi_pympp_pays_by_card() {
    pays_buys_and_spends(Client::Pympp).await;
}

/// The command line of mppx: what its user sees is the answer, with its headers where asked for.
#[tokio::test(flavor = "multi_thread")]
async fn npm_mppx_on_the_command_line_pays_by_card() {
    let sandbox = Sandbox::start().await;
    let paid = command_line(&sandbox, "/launches", &launch("paid by card")).await;
    assert!(paid.contains("HTTP/1.1 201") && paid.contains("payment-receipt: "), "{paid}");
    let token = header(&paid, "x-agent-token");
    let bought = command_line(&sandbox, "/credits/purchase", &json!({"pack": "pack_20"})).await;
    assert!(
        bought.contains("HTTP/1.1 200") && bought.contains(r#""credits_added":20"#),
        "{bought}"
    );
    let spent = command_line(&sandbox, "/launches", &launch("paid by a credit")).await;
    assert!(spent.contains("HTTP/1.1 201") && !spent.contains("payment-receipt: "), "{spent}");
    assert_eq!(sandbox.balance(&token).await, 19);
    assert_eq!(sandbox.charged().await, [60, 1200]);
}

async fn command_line(sandbox: &Sandbox, path: &str, body: &Value) -> String {
    let mut command = mppx();
    command
        .arg(sandbox.url(path))
        .args(["--protocol", "mpp", "-M", "paymentMethod=pm_card_visa", "-i", "-J"])
        .arg(body.to_string());
    command.env("MPPX_STRIPE_SECRET_KEY", SECRET_KEY).env("MPPX_STRIPE_SPT_URL", sandbox.mint());
    printed(command, &folder("mpp").join("node_modules/mppx")).await
}

/// The published command, as its package installs it.
pub(super) fn mppx() -> Command {
    let mut command = Command::new("node");
    command.arg(folder("mpp").join("node_modules/.bin/mppx"));
    command
}

/// The last value of a header among everything that was printed.
fn header(printed: &str, name: &str) -> String {
    let prefix = format!("{name}: ");
    printed
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix(&prefix))
        .unwrap_or_else(|| panic!("no {name} in\n{printed}"))
        .to_owned()
}
