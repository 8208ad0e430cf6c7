//! An agent with a card: lends it to the gateway as a payment token, answers challenges, and forges
//! every part of an answer.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use payments::mpp::client::challenges;
use payments::mpp::secrets::{Secrets, Slots};
use serde_json::{Map, Value, json};

use super::moment::random_bytes;
use super::stripe::Stripe;
use super::world::launch;
use super::{Call, Reply, World};

/// The parameters of a challenge that a client sends back.
const ECHOED: [&str; 8] =
    ["id", "realm", "method", "intent", "request", "expires", "digest", "opaque"];

/// One payment method of one customer: the same account each time, a fresh token each time.
#[derive(Clone, Debug)]
pub struct Card {
    customer: String,
    method: &'static str,
}

impl Card {
    /// A card that nobody used before and that pays.
    pub fn new() -> Self {
        Self::of("pm_card_visa")
    }

    /// A card that nobody used before, with this test payment method.
    pub fn of(method: &'static str) -> Self {
        Self { customer: format!("cus_{}", hex::encode(random_bytes::<8>())), method }
    }

    /// A token for at most `cents` US cents.
    pub fn token(&self, stripe: &Stripe, cents: u64) -> String {
        self.token_with(stripe, cents, &[])
    }

    /// A token with further parameters of its own.
    pub fn token_with(&self, stripe: &Stripe, cents: u64, further: &[(&str, &str)]) -> String {
        let cents = cents.to_string();
        let mut params = vec![
            ("payment_method", self.method),
            ("customer", self.customer.as_str()),
            ("usage_limits[currency]", "usd"),
            ("usage_limits[max_amount]", cents.as_str()),
        ];
        params.retain(|(name, _)| further.iter().all(|(other, _)| other != name));
        params.extend(further);
        stripe.emulator.grant(&params).unwrap()["id"].as_str().unwrap().to_owned()
    }
}

/// A challenge as a client holds it: texts that it echoes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge(Map<String, Value>);

impl Challenge {
    /// The one card challenge of a 402, or nothing.
    pub fn find(reply: &Reply) -> Option<Self> {
        let fields = reply.headers.get_all("www-authenticate").iter();
        let mut found =
            fields.flat_map(|field| challenges(field.to_str().unwrap())).map(Result::unwrap);
        let challenge = found.next()?;
        assert!(found.next().is_none(), "more than one card challenge");
        let members = ECHOED
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), challenge.parameter(name)?.into())));
        Some(Self(members.collect()))
    }

    /// The one card challenge of a 402.
    #[track_caller]
    pub fn of(reply: &Reply) -> Self {
        Self::find(reply).unwrap_or_else(|| panic!("no card challenge: {}", reply.brief()))
    }

    /// A parameter; nothing is the empty text.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The terms.
    pub fn request(&self) -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(self.text("request")).unwrap()).unwrap()
    }

    /// What it asks for, in cents.
    pub fn cents(&self) -> u64 {
        self.request()["amount"].as_str().unwrap().parse().unwrap()
    }

    /// Another value in the place of a parameter.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Other terms, spelled as a server would.
    pub fn asking(self, change: impl FnOnce(&mut Value)) -> Self {
        let mut request = self.request();
        change(&mut request);
        self.with("request", URL_SAFE_NO_PAD.encode(request.to_string()))
    }

    pub fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }

    /// With the id that this secret makes for its values.
    pub fn signed_by(self, secret: &str) -> Self {
        let slots = Slots {
            realm: self.text("realm"),
            method: self.text("method"),
            intent: self.text("intent"),
            request: self.text("request"),
            expires: self.text("expires"),
            digest: self.text("digest"),
            header: None,
            opaque: self.text("opaque"),
        };
        let id = Secrets::new([secret]).unwrap().sign(&slots).to_string();
        self.with("id", id)
    }

    /// Answered with this token.
    pub fn answered(&self, token: &str) -> Credential {
        Credential(json!({"challenge": self.0, "payload": {"spt": token}}))
    }
}

/// What an agent sends in `Authorization`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential(pub Value);

impl Credential {
    /// As somebody who calls himself so.
    pub fn with_source(mut self, source: &str) -> Self {
        self.0["source"] = source.into();
        self
    }

    /// The header's value.
    pub fn authorization(&self) -> String {
        format!("Payment {}", URL_SAFE_NO_PAD.encode(self.0.to_string()))
    }

    /// The same call with this credential.
    pub fn on(&self, call: &Call) -> Call {
        call.clone().header("authorization", &self.authorization())
    }
}

/// `POST /launches` without a credential.
pub fn unpaid(title: &str) -> Call {
    Call::new("POST", "/launches").json(&launch(title))
}

/// `POST /credits/purchase` without a credential.
pub fn purchase() -> Call {
    Call::new("POST", "/credits/purchase").json(&json!({"pack": "pack_20"}))
}

impl World {
    pub fn stripe(&self) -> &Stripe {
        self.stripe.as_ref().unwrap()
    }

    /// The secret that challenges are made with.
    pub fn challenge_secret(&self) -> &str {
        self.gateway.setting("mpp.secret_keys")
    }

    /// The challenge for this call.
    pub async fn challenge(&self, call: &Call) -> Challenge {
        Challenge::of(&self.send(call.clone()).await.must(402))
    }

    /// A fresh challenge for this call, answered with a fresh token.
    pub async fn credential(&self, card: &Card, call: &Call) -> Credential {
        let challenge = self.challenge(call).await;
        challenge.answered(&card.token(self.stripe(), challenge.cents()))
    }

    /// This call, paid by card.
    pub async fn pay(&self, card: &Card, call: &Call) -> Reply {
        let credential = self.credential(card, call).await;
        self.send(credential.on(call)).await
    }
}

/// A refused card payment that may be paid again: 402 PAYMENT_003 with a fresh challenge, never
/// kept by a cache.
#[track_caller]
pub fn p3(reply: Reply, reason: &str) -> Challenge {
    let reply = reply.refused(402, "PAYMENT_003");
    assert_eq!(reply.json()["reason"], reason, "{}", reply.brief());
    assert_eq!(reply.header("cache-control"), Some("no-store"), "{}", reply.brief());
    Challenge::of(&reply)
}

/// An outcome that nobody knows yet: 503 with the payment's id and the time to come back, and no
/// challenge of any kind.
#[track_caller]
pub fn pend(reply: Reply) -> String {
    let reply = reply.refused(503, "PAYMENT_005");
    unchallenged(&reply);
    assert!(reply.header("retry-after").is_some(), "{}", reply.brief());
    reply.payment_id().unwrap_or_else(|| panic!("no payment id: {}", reply.brief()))
}

/// No challenge of any kind: money may have moved.
#[track_caller]
pub fn unchallenged(reply: &Reply) {
    for name in ["www-authenticate", "payment-required"] {
        assert!(!reply.headers.contains_key(name), "{name}: {}", reply.brief());
    }
    assert!(reply.json()["accepts"].is_null(), "{}", reply.brief());
}
