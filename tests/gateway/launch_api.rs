//! The launch API as agents use it: through the gateway, with the built-in core.
//! `contracts/launch-api.md` says which test shows what.

use serde_json::{Value, json};

use crate::support::client::Reply;
use crate::support::moment::now_unix_s;
use crate::support::world::{Totals, creation};
use crate::support::{Call, Setup, Wallet, World};

/// A launch core behind a gateway whose limits are out of the way.
pub struct Launches {
    pub world: World,
}

/// A body, and what the answer to it must be: the label of the case, the body, status, code and
/// member.
pub type Refused<'a> = (&'a str, Value, u16, &'a str, &'a str);

impl Launches {
    /// Every creation is free, so that wallets need no money.
    pub async fn free() -> Self {
        Self::start(Setup::new().set("x402.require_balance_for_free", "false")).await
    }

    /// Every creation costs its price.
    pub async fn paid() -> Self {
        Self::start(Setup::paid()).await
    }

    pub async fn start(setup: Setup) -> Self {
        let setup = setup
            .embedded()
            .set("limits.agent_per_minute", "100000")
            .set("limits.agent_burst", "100000");
        Self { world: setup.start().await }
    }

    /// `POST /launches` by the wallet.
    pub async fn create(&self, wallet: &Wallet, body: &Value) -> Reply {
        self.world.create(&self.world.proof(wallet).v2(), body).await
    }

    /// `POST /launches` by a wallet that nobody has seen before, as its first free launch.
    pub async fn create_first(&self, body: &Value) -> Reply {
        self.create(&Wallet::random(), body).await
    }

    /// A launch of the wallet, and its id.
    pub async fn created(&self, wallet: &Wallet, body: &Value) -> String {
        self.create(wallet, body).await.must(201).launch_id()
    }

    /// A free route by the wallet, with a body where there is one.
    pub async fn call(
        &self,
        wallet: &Wallet,
        method: &str,
        target: &str,
        body: Option<&Value>,
    ) -> Reply {
        let (name, value) = self.world.identity(wallet).v2();
        let call = Call::new(method, target).header(name, &value);
        self.world.send(body.map_or_else(|| call.clone(), |body| call.clone().json(body))).await
    }

    pub async fn get(&self, wallet: &Wallet, target: &str) -> Reply {
        self.call(wallet, "GET", target, None).await
    }

    pub async fn patch(&self, wallet: &Wallet, id: &str, body: &Value) -> Reply {
        self.call(wallet, "PATCH", &format!("/launches/{id}"), Some(body)).await
    }

    pub async fn publish(&self, wallet: &Wallet, id: &str) -> Reply {
        self.call(wallet, "POST", &format!("/launches/{id}/publish"), None).await
    }

    /// What `GET /launches/:id` shows of it.
    pub async fn shown(&self, wallet: &Wallet, id: &str) -> Value {
        self.get(wallet, &format!("/launches/{id}")).await.must(200).json()["data"].take()
    }

    /// Every creation is refused as the case says, and nothing was claimed, charged or made.
    pub async fn refuses(&self, cases: Vec<Refused<'_>>) {
        let wallet = self.world.agent().await;
        for (label, body, status, code, field) in cases {
            // The proof of a refused creation is as good as new; each case takes its own all the
            // same.
            let reply = self.world.send(creation(&self.world.proof(&wallet).v2(), &body)).await;
            explained(label, &reply, status, code, field);
            assert!(reply.charge().starts_with("none"), "{label}: {}", reply.brief());
        }
        self.world.settles_at(Totals::default()).await;
        let left = self.get(&wallet, "/usage").await.must(200).json();
        assert_eq!(left["data"]["limits"]["launches_per_month"]["used"], 0, "{left}");
    }
}

/// The refusal says what is wrong with which member, and lists every finding.
#[track_caller]
pub fn explained(label: &str, reply: &Reply, status: u16, code: &str, field: &str) {
    let body = reply.json();
    assert_eq!(
        (reply.status.as_u16(), reply.code().as_str()),
        (status, code),
        "{label}: {}",
        reply.brief()
    );
    assert_eq!(body["field"], field, "{label}: {}", reply.brief());
    let details = body["details"]
        .as_array()
        .unwrap_or_else(|| panic!("{label}: no details: {}", reply.brief()));
    assert!(details.iter().any(|finding| finding["field"] == field), "{label}: {}", reply.brief());
    for part in details.iter().chain([&body]) {
        for member in ["field", "expected", "got"] {
            assert!(
                part[member].as_str().is_some_and(|text| !text.is_empty()),
                "{label}: {member} is missing: {}",
                reply.brief()
            );
        }
    }
    assert!(
        details.iter().all(|finding| finding["message"].is_string()),
        "{label}: {}",
        reply.brief()
    );
}

/// The smallest good body, with members put in place or (null) taken away.
pub fn body(changes: Value) -> Value {
    let mut body = json!({"title": "a title", "product_description": "words", "platforms": ["twitter", "linkedin"]});
    let members = body.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(members.remove(name)),
            value => drop(members.insert(name.clone(), value.clone())),
        }
    }
    body
}

/// A body whose content for one platform is this.
pub fn contents(platform: &str, entry: Value) -> Value {
    body(
        json!({"product_description": null, "platforms": [platform], "platform_contents": {platform: entry}}),
    )
}

/// So many seconds from now, as the API writes moments.
pub fn in_seconds(seconds: i64) -> String {
    let unix_s = i64::try_from(now_unix_s()).unwrap() + seconds;
    let moment = time::OffsetDateTime::from_unix_timestamp(unix_s).unwrap();
    moment.format(&time::format_description::well_known::Rfc3339).unwrap()
}
