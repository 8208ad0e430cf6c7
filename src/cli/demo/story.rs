//! The teller: prints what happens, as it happens, so that a person learns the protocol from it.

use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use http::Request;
use payments::{money::UsdcUnits, x402::offer::Network};
use sandbox::agent::{Agreed, Proof};
use serde_json::Value;

use super::{
    checks::Outcome,
    place::Place,
    stage::{Seen, Stage},
};
use crate::cli::output::{line, short};

/// Tells, or keeps silent for a script.
pub(super) struct Story {
    aloud: bool,
    act: AtomicU32,
}

// === impl Story ===

impl Story {
    pub(super) fn new(aloud: bool) -> Self {
        Self { aloud, act: AtomicU32::new(0) }
    }

    pub(super) fn opening(&self, stage: &Stage<'_>, place: &Place) {
        let token = &stage.spending.token;
        self.say("Turnpike, one whole story in this process. Nothing here is worth money.");
        self.say("");
        self.say(&format!("  gateway  {}", stage.base_url));
        self.say(&format!(
            "  chain    {}, answering as {}",
            stage.running.rpc_url,
            Network::new(token.chain_id()).caip2()
        ));
        self.say(&format!("  token    {} {}", token.domain_name(), token.address().checksummed()));
        self.say(&format!(
            "  cards    {}, a Stripe emulator",
            stage.mint.url.authority().map_or("", |authority| authority.as_str())
        ));
        self.say(&format!(
            "  agents   {}, the first development wallet; and a test card",
            stage.signer.address()
        ));
        self.say(&format!("  books    {}", place.path().join("turnpike.db").display()));
    }

    /// A new act and what it is about.
    pub(super) fn act(&self, title: &str, about: &str) {
        let number = self.act.fetch_add(1, Ordering::Relaxed) + 1;
        self.say(&format!("\n=== {number}. {title}"));
        self.say(&format!("{about}\n"));
    }

    pub(super) fn sent(&self, request: &Request<Bytes>, proof: Option<&Proof>) {
        self.say(&format!("> {} {}", request.method(), request.uri().path()));
        if let Some(proof) = proof {
            let value = proof.header_value();
            self.say(&format!(
                "> {}: {}",
                proof.header_name(),
                short(value.to_str().unwrap_or_default())
            ));
        }
        if !request.body().is_empty() {
            self.say(&format!("> {}", String::from_utf8_lossy(request.body())));
        }
    }

    /// What is sent instead of a wallet's proof, in words: it is worth money.
    pub(super) fn credential(&self, what: &str) {
        self.say(&format!("> Authorization: {what}"));
    }

    /// A header whose holder can spend.
    pub(super) fn secret(&self, name: &str, value: &str) {
        self.say(&format!("< {name}: {}", short(value)));
    }

    pub(super) fn answered(&self, seen: &Seen) {
        self.say(&format!("< {}", seen.response.status()));
    }

    /// Some headers of an answer.
    pub(super) fn said(&self, seen: &Seen, names: &[&str]) {
        for name in names {
            self.say(&format!("< {name}: {}", seen.header(name)));
        }
    }

    /// A header that holds JSON.
    pub(super) fn header(&self, name: &str, how: &str, value: &Value) {
        self.say(&format!("  {name} is {how}"));
        self.value(value);
    }

    pub(super) fn value(&self, value: &Value) {
        let text = format!("{value:#}");
        for one in text.lines() {
            self.say(&format!("    {one}"));
        }
    }

    /// The price in words.
    pub(super) fn price(&self, agreed: &Agreed) {
        let network = Network::new(agreed.token().chain_id());
        let (amount, units) = (agreed.amount(), agreed.amount().get());
        let purpose = if amount == UsdcUnits::ZERO { "identity only: " } else { "" };
        let pay_to = agreed.pay_to().checksummed();
        self.note(&format!(
            "{purpose}{amount} USDC ({units} units) to {pay_to} on {}",
            network.caip2()
        ));
    }

    pub(super) fn note(&self, text: &str) {
        self.say(&format!("  = {text}"));
    }

    pub(super) fn table(&self, title: &str, table: &str) {
        self.say(&format!("{title}\n{table}\n"));
    }

    pub(super) fn checks(&self, outcome: &Outcome) {
        self.act(
            "The checks",
            "The agents, the core, the ledger, the chain and the card processor must agree.",
        );
        for check in &outcome.checks {
            let mark = if check.holds { "ok    " } else { "FAILED" };
            self.say(&format!("  {mark}  {} ({})", check.name, check.found));
        }
    }

    /// How to go on by hand.
    pub(super) fn after(&self, place: &Place) {
        // Cargo names itself to what it runs.
        let turnpike =
            if std::env::var_os("CARGO").is_some() { "cargo run --" } else { "turnpike" };
        let dir = place.path().display();
        let kept = if place.is_kept() {
            format!(
                " --set store.url=sqlite://{dir}/turnpike.db --set sandbox.dir={dir}/turnpike-sandbox"
            )
        } else {
            String::new()
        };
        let body = r#"'{"title":"Hello","product_description":"My first launch","platforms":["twitter"]}'"#;
        self.say(&format!("\nServe by hand:  {turnpike} serve{kept}"));
        self.say(&format!(
            "Pay by hand:    {turnpike} pay http://127.0.0.1:8402/launches --body {body}"
        ));
        self.say("By card:        the same with --card");
    }

    fn say(&self, text: &str) {
        if self.aloud {
            line(text);
        }
    }
}
