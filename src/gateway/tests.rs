//! The pipeline without a socket: a [`GatewayRequest`] goes in, a [`GatewayReply`] comes out, and
//! the books in memory say what was paid.

#![allow(clippy::unwrap_used)]

use std::{
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use payments::{
    agent::Payer,
    fingerprint::Fingerprint,
    funding::Funding,
    intent::{Intent, State},
    ports::{AgentLimiter, Books, Rate, Taken},
    x402::X402Version,
};
use serde_json::json;
use testkit::{
    rail::Asked,
    wallet::{MAX_WINDOW_S, TestWallet, VALID_FOR_S, test_token},
    world::TestWorld,
};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    telemetry::Telemetry,
    upstream::profile::{OwnRoute, Profile, RouteTable},
    worker::drives::Drives,
};

const LAUNCHES: &str = "POST /launches";
/// Free launches a month.
const FREE: u64 = 5;
/// The first that costs something.
const SIXTH: u64 = FREE + 1;

/// Nobody asks too often.
struct Unlimited;

#[async_trait]
impl AgentLimiter for Unlimited {
    async fn take(&self, _: &Payer) -> Taken {
        Taken::Passed { remaining: 1 }
    }

    fn forget_idle(&self) {}
}

/// The pipeline in a world in which everything goes well.
struct Pipeline {
    world: TestWorld,
    gateway: Arc<Gateway>,
    wallet: TestWallet,
}

impl Pipeline {
    fn new() -> Self {
        let world = TestWorld::new();
        let profile = Profile::load("dropspace", &|_| None).unwrap();
        let table = RouteTable::new(&profile, &OwnRoute::ALL).unwrap();
        let routes = table.routes().map(|route| (route.number, route.key.as_str(), true));
        let telemetry = Telemetry::new(routes);
        let (token, to) = (test_token(), payments::agent::Wallet::new([0xaa; 20]));
        let url = "https://gateway.test";
        let many = NonZeroU32::new(1_000).unwrap();
        let agent = Rate { per_minute: many, burst: many };
        let gateway = Gateway {
            world: world.world.clone(),
            drives: Drives::new(world.world.clone(), Arc::clone(&telemetry)),
            challenges: Challenges::prepare(&table, url, &token, to, VALID_FOR_S, None).unwrap(),
            cards: None,
            table,
            turns: Turns::default(),
            limits: Limits::new(
                LimitSettings { agent, peer_per_minute: many },
                Arc::new(Unlimited),
            ),
            load: Load::new(LoadLimits { requests: 10, intents: 10, body_bytes: 1 << 20 }),
            body_rules: Box::new(|_, _, _| Ok(())),
            settings: GatewaySettings {
                answer_deadline: Duration::from_secs(30),
                drain_deadline: Duration::from_secs(1),
                max_window_s: MAX_WINDOW_S,
                quotas: Vec::new(),
            },
            telemetry,
            draining: CancellationToken::new(),
        };
        Self { world, gateway: Arc::new(gateway), wallet: TestWallet::numbered(1) }
    }

    /// The wallet's payment of this number for a launch.
    fn payment(&self, number: u64) -> Credential {
        let challenged = self.gateway.challenges.find(LAUNCHES).unwrap();
        let offer = self.gateway.challenges.requirements_of(challenged);
        let now = self.gateway.world.clock.now();
        Credential::X402(self.wallet.header(offer, number, now, X402Version::V2).into_bytes())
    }

    /// The launch of this number, as a door hands it over.
    async fn launch(
        &self,
        number: u64,
        credential: &Credential,
    ) -> Result<GatewayReply, GatewayError> {
        let title = format!("Launch {number}");
        let body =
            json!({"title": title, "product_description": "A widget", "platforms": ["twitter"]});
        let body = Bytes::from(body.to_string());
        let route = self.gateway.table.routes().find(|route| route.key == LAUNCHES).unwrap();
        let mut call = GatewayRequest {
            route: route.key.clone(),
            path_and_query: route.pattern.clone(),
            id: None,
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            content_type: Some(String::from("application/json")),
            idempotency_key: IdempotencyKey::Absent,
            event_signatures: Vec::new(),
            agent_token: None,
            fingerprint: Fingerprint::of("POST", &route.pattern, "", &body),
            body,
            challenged: self.gateway.challenges.find(&route.key),
            request_id: String::from("r1"),
            rate: None,
            proven: None,
        };
        upstream_route(&self.gateway, route.upstream().unwrap(), &mut call, credential).await
    }

    async fn free_launches(&self) {
        for number in 1..=FREE {
            let launched = self.launch(number, &self.payment(number)).await;
            assert!(launched.is_ok(), "{:?}", launched.err());
        }
    }

    /// The payment that a reply names.
    async fn paid(&self, reply: &GatewayReply) -> Intent {
        let id = reply.get("x-payment-id").unwrap().parse().unwrap();
        self.world.books.intent(id).await.unwrap().unwrap()
    }

    /// How many transactions the chain was asked to take.
    fn sent(&self) -> usize {
        self.world.rail.asked().iter().filter(|asked| matches!(asked, Asked::Send(_))).count()
    }

    fn created(&self) -> usize {
        self.world.upstream.creations().len()
    }
}

#[tokio::test]
async fn a_call_without_a_credential_is_asked_to_pay() {
    let pipeline = Pipeline::new();
    let refused = pipeline.launch(1, &Credential::None).await;
    assert!(matches!(refused, Err(GatewayError::NoCredential)));
    assert_eq!((pipeline.sent(), pipeline.created()), (0, 0));
}

#[tokio::test]
async fn a_wallets_first_launch_is_free() {
    let pipeline = Pipeline::new();
    let reply = pipeline.launch(1, &pipeline.payment(1)).await.unwrap();
    let paid = pipeline.paid(&reply).await;
    assert_eq!((reply.status, paid.state, paid.funding), (201, State::Created, Funding::Free));
    assert_eq!((pipeline.sent(), pipeline.created()), (0, 1));
}

#[tokio::test]
async fn the_launch_after_the_free_ones_is_settled_before_it_is_forwarded() {
    let pipeline = Pipeline::new();
    pipeline.free_launches().await;
    let reply = pipeline.launch(SIXTH, &pipeline.payment(SIXTH)).await.unwrap();
    let paid = pipeline.paid(&reply).await;
    assert_eq!((reply.status, paid.state, paid.funding), (201, State::Created, Funding::X402));
    assert!(paid.settlement.is_some() && reply.get("payment-response").is_some());
    assert_eq!((pipeline.sent(), pipeline.created()), (1, 6));
}

#[tokio::test]
async fn the_same_proof_again_is_answered_from_the_books() {
    let pipeline = Pipeline::new();
    pipeline.free_launches().await;
    let payment = pipeline.payment(SIXTH);
    let first = pipeline.launch(SIXTH, &payment).await.unwrap();
    let again = pipeline.launch(SIXTH, &payment).await.unwrap();
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(pipeline.paid(&again).await.id, pipeline.paid(&first).await.id);
    assert_eq!(again.get("idempotent-replayed"), Some("true"));
    assert_eq!((pipeline.sent(), pipeline.created()), (1, 6), "nothing happens twice");
}
