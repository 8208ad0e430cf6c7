#![allow(clippy::unwrap_used)]

mod mistakes;

use std::num::NonZeroU32;

use serde_json::json;

use payments::{
    money::{UsdCents, UsdcUnits},
    rail::{NotOffered, Rail, RailsHere},
    route::{Access, Quota, Window},
};

use super::outcome::{ErrorShape, SeenAnswer};
use super::*;

fn dropspace() -> Profile {
    Profile::load("dropspace", &|_| Some("key".to_owned())).unwrap()
}

fn load_text(text: &str) -> Result<Profile, ProfileError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("profile.toml");
    std::fs::write(&path, text).unwrap();
    Profile::load(path.to_str().unwrap(), &|name| {
        (name == "SOCIALCLAW_KEY").then(|| "key".to_owned())
    })
}

#[test]
fn dropspace_says_what_the_product_text_says() {
    let profile = dropspace();
    let launch = profile.route("POST /launches").unwrap().upstream().unwrap();
    let terms = launch.access.terms().unwrap();
    assert_eq!(
        (terms.offers.usdc(), terms.offers.usd()),
        (Some(UsdcUnits::new(550_000)), Some(UsdCents::new(60)))
    );
    let free = Quota {
        name: String::from("launches"),
        count: NonZeroU32::new(5).unwrap(),
        window: Window::Month,
    };
    assert_eq!((terms.free.as_ref(), terms.credits.unwrap().get()), (Some(&free), 1));
    assert_eq!(launch.offered_if_available, [Rail::MppStripe]);
    assert!(launch.durable_claim);
    assert!(launch.body.as_ref().unwrap().contract.check(b"{}").is_err());
    assert_eq!(profile.outcome.refused.status, [400, 403, 404, 409, 422]);
    let shape = ["/error/code", "/error/message"].map(String::from);
    assert_eq!(profile.outcome.refused.shape, ErrorShape::Has(shape.to_vec()));
    assert_eq!(profile.ownership, Ownership::Upstream);
    assert_eq!(profile.upstream.timeout_s, 100);
    assert_eq!(profile.upstream.max_body_bytes, 8 << 20);
    assert_eq!(profile.idempotency.header.as_ref().unwrap(), "idempotency-key");
    assert_eq!(profile.idempotency.list.as_deref(), Some("/_core/launches"));
    assert_eq!(profile.idempotency.lookup.as_deref(), Some("/_core/launches/by-key/:key"));
    assert_eq!(profile.codes.get(Condition::MethodNotAllowed).1, "SERVER_004");
    let free: Vec<_> = profile
        .routes
        .iter()
        .filter(|route| route.upstream().unwrap().access.terms().is_none())
        .collect();
    assert_eq!(free.len(), 7);
    for route in free {
        let upstream = route.upstream().unwrap();
        assert_eq!(upstream.durable_claim, route.method != http::Method::GET, "{}", route.key);
        let open = route.key == "GET /dropspace/status";
        assert_eq!(upstream.access == Access::Open, open, "{}", route.key);
    }
}

#[test]
fn answers_are_judged() {
    let profile = dropspace();
    let launch = profile.route("POST /launches").unwrap().upstream().unwrap();
    let made = json!({"data": {"id": "l1"}, "publish_error": {"code": "LAUNCH_007"}});
    let (nothing, no) = (json!({}), json!({"error": {"message": "no"}}));
    let judge = |status, body| {
        launch.judge(&profile.outcome, &SeenAnswer { status, content_type: None, body })
    };
    assert_eq!(judge(201, Some(&made)), Judgement::Done);
    assert_eq!(launch.result_id(&made), Some("l1"));
    for status in [400, 403, 404, 409, 422] {
        assert_eq!(judge(status, Some(&no)), Judgement::Refused);
        assert_eq!(
            (judge(status, None), judge(status, Some(&nothing))),
            (Judgement::Unknown, Judgement::Unknown),
            "{status}"
        );
    }
    for status in [200, 201, 204, 302, 401, 402, 408, 425, 429, 500, 503] {
        assert_eq!(judge(status, Some(&no)), Judgement::Unknown, "{status}");
    }
}

#[test]
fn the_credential_comes_from_the_environment_and_does_not_print() {
    let profile = dropspace();
    let credential = profile.credential.as_ref().unwrap();
    assert_eq!(credential.header, "authorization");
    assert_eq!(credential.value, "Bearer key");
    assert!(!format!("{profile:?}").contains("Bearer"));
    profile.require_network(true).unwrap();
    let unsigned = profile.require_network(false).unwrap_err().to_string();
    assert!(unsigned.contains("signing_secret"), "{unsigned}");

    let without = Profile::load("dropspace", &|_| None).unwrap();
    assert!(without.credential.is_none());
    let error = without.require_network(true).unwrap_err().to_string();
    assert!(error.contains("credential.value: the variable DROPSPACE_KEY is not set"), "{error}");
    let broken = Profile::load("dropspace", &|_| Some("sk\nsecret".to_owned())).unwrap_err();
    assert!(!broken.to_string().contains("secret"), "{broken}");
}

#[test]
fn the_configuration_overrides_the_price_of_a_launch() {
    let mut profile = dropspace();
    let prices = LaunchPrices { usdc_units: Some(700_000), usd_cents: None, free_count: Some(0) };
    assert!(profile.override_launch_price(prices));
    let launch = profile.route("POST /launches").unwrap().upstream().unwrap();
    let terms = launch.access.terms().unwrap();
    assert_eq!(
        (terms.offers.usdc(), terms.offers.usd()),
        (Some(UsdcUnits::new(700_000)), Some(UsdCents::new(60)))
    );
    assert_eq!(terms.free, None);
}

const SOCIALCLAW: &str = r#"
schema = 2
name = "socialclaw"
outcome = { refused = { status = [400, 422], has = "/code" } }
upstream = { base_url = "https://getsocialclaw.com/", health = "/health" }
credential = { header = "authorization", value = "Bearer ${SOCIALCLAW_KEY}" }
envelope = { code = "/code", message = "/message", const = { "/ok" = false } }
codes = { payment_required = [402, "payment_required"], rate_limited = [429, "rate_limited"] }
idempotency = { header = "Idempotency-Key" }
[[route]]
method = "POST"
path = "/v1/posts/apply"
price = { x402 = "0.20", mpp = "0.60" }
done = { status = [201], equals = { "/ok" = true }, unless = { "/duplicate" = true } }
result_id = "/run/id"
"#;

#[test]
fn another_api_becomes_payable_with_one_file() {
    let profile = load_text(SOCIALCLAW).unwrap();
    assert_eq!(profile.upstream.base_url, "https://getsocialclaw.com");
    assert_eq!(profile.ownership, Ownership::Gateway);
    let route = profile.route("POST /posts/apply").unwrap();
    assert_eq!(route.upstream().unwrap().upstream_prefix, "/v1");
    let table = RouteTable::new(&profile, &OwnRoute::ALL).unwrap();
    for path in ["/posts/apply", "/v1/posts/apply"] {
        let found = table.find(&http::Method::POST, path);
        assert!(matches!(found, Find::Route { canonical_path: "/posts/apply", .. }), "{path}");
    }
}

/// The text of a profile whose one route has this price.
fn priced_at(price: &str) -> String {
    SOCIALCLAW.replace("price = { x402 = \"0.20\", mpp = \"0.60\" }", &format!("price = {price}"))
}

#[test]
fn an_offer_that_cannot_stand_is_a_mistake_unless_another_one_can() {
    let (cards, none) = (RailsHere { cards: true }, RailsHere { cards: false });
    let settle = |price: &str, rails| -> Result<Option<UsdCents>, String> {
        let mut profile = load_text(&priced_at(price)).unwrap();
        profile.settle_offers(rails).map_err(|error| error.to_string())?;
        Ok(profile.routes[0].upstream().unwrap().access.terms().unwrap().offers.usd())
    };
    let (both, small) =
        (r#"{ x402 = "0.20", mpp = "0.60" }"#, r#"{ x402 = "0.20", mpp = "0.10" }"#);
    assert_eq!(settle(both, cards), Ok(Some(UsdCents::new(60))));
    for (price, rails, why) in [
        (both, none, NotOffered::RailOff.to_string()),
        (small, cards, NotOffered::BelowMinimum { amount: UsdCents::new(10) }.to_string()),
        (
            r#"{ mpp = { amount = "0.60", offer_if_available = true } }"#,
            none,
            String::from("a priced route needs one offer"),
        ),
    ] {
        let said = settle(price, rails).unwrap_err();
        assert!(said.contains("POST /posts/apply.price") && said.contains(&why), "{price}: {said}");
    }
    for price in ["0.60", "0.10"] {
        let conditional = format!(
            "{{ x402 = \"0.20\", mpp = {{ amount = \"{price}\", offer_if_available = true }} }}"
        );
        assert_eq!(settle(&conditional, none), Ok(None), "{price}");
    }
}
