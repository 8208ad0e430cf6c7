//! What is wrong in a file, by its place.

use payments::route::Window;

use super::{SOCIALCLAW, load_text};
use crate::{strict_toml::Mistake, upstream::profile::Profile};

const FULL_OF_MISTAKES: &str = r#"
schema = 2
colour = "red"
ownership = "core"
refused = [400]
outcome = { refused = { status = [400, 429, 500], has = "code" } }
quota = [{ name = "a", rail = "x402", count = 0, window = "day" }, { name = "b", rail = "x402", count = 1, window = "month" }]
upstream = { base_url = "ftp://x", timeout = "1h", max_body = 8, per_minute = 0 }
credential = { header = "x-payment", value = "${BROKEN" }
envelope = { code = "code" }
rate_headers = { limit = "a b" }
idempotency = { header = "A b", body = "/b", lookup = "/x/:id", list = "x" }
[codes]
x402_invalid = [400, "X"]
[[route]]
method = "FETCH"
path = "/a/"
[[route]]
method = "POST"
path = "/b"
price = { x402 = "0.5500001", mpp = "0" }
free_tier = { rail = "cash" }
quota = "a"
done = { status = [500], has = "id" }
result_id = "id"
body_schema = "../../etc/passwd"
durable_claim = false
identity = "none"
typo = 1
[[route]]
method = "GET"
path = "/c"
price = "cheap"
credits = 2
[[route]]
method = "GET"
path = "/d"
price = "free"
quota = "c"
[[route]]
method = "GET"
path = "/e"
price = { mpp = "0.60" }
quota = "c"
"#;

const MISTAKEN_PLACES: [&str; 36] = [
    "colour",
    "name",
    "ownership",
    "refused",
    "outcome.refused.status",
    "outcome.refused.has",
    "quota 1 (a).count",
    "quota 2 (b)",
    "upstream.base_url",
    "upstream.timeout",
    "upstream.max_body",
    "upstream.per_minute",
    "credential.header",
    "credential.value",
    "envelope.code",
    "rate_headers.limit",
    "idempotency.body",
    "idempotency.header",
    "idempotency.lookup",
    "idempotency.list",
    "codes.x402_invalid",
    "route 1 (FETCH /a/).method",
    "route 1 (FETCH /a/).path",
    "route 2 (POST /b).price.x402",
    "route 2 (POST /b).price.mpp",
    "route 2 (POST /b).free_tier",
    "route 2 (POST /b).done.status",
    "route 2 (POST /b).done.has",
    "route 2 (POST /b).result_id",
    "route 2 (POST /b).body_schema",
    "route 2 (POST /b).typo",
    "route 2 (POST /b)",
    "route 3 (GET /c).price",
    "route 4 (GET /d).quota",
    "route 5 (GET /e).quota",
    "route 5 (GET /e)",
];

#[test]
fn every_mistake_is_named_at_once() {
    let error = load_text(FULL_OF_MISTAKES).unwrap_err();
    let named =
        |place: &str| error.mistakes.iter().filter(|mistake| mistake.place == place).count();
    for place in MISTAKEN_PLACES {
        assert!(named(place) > 0, "{place} is not named in:\n{error}");
    }
    assert_eq!((named("outcome.refused.status"), named("refused")), (2, 1));
    // Neither rail nor quota is there; the mistakes of a quota are its own.
    assert_eq!((named("route 5 (GET /e).quota"), named("route 2 (POST /b).quota")), (2, 0));
}

#[test]
fn another_schema_is_the_only_mistake_of_its_file() {
    let upgrade = "expected 2; `turnpike profile upgrade FILE` writes it from schema 1";
    for (line, text) in [
        ("schema = 1", upgrade),
        ("schema = 3", "expected 2"),
        ("schema = \"2\"", "expected 2"),
        ("", "expected 2"),
    ] {
        let error = load_text(&FULL_OF_MISTAKES.replace("schema = 2", line)).unwrap_err();
        assert_eq!(error.mistakes, [Mistake::new("schema", text)], "{line}");
    }
}

#[test]
fn free_calls_are_given_on_any_route_as_often_as_the_books_have_room_for() {
    let quota = |name: &str, count: u32, window: &str| {
        format!(
            "quota = \"{name}\"\n[[quota]]\nname = \"{name}\"\nrail = \"x402\"\ncount = {count}\nwindow = \"{window}\"\n"
        )
    };
    let profile = load_text(&format!("{SOCIALCLAW}{}", quota("trial", 1_000, "day"))).unwrap();
    let free = profile
        .route("POST /posts/apply")
        .unwrap()
        .upstream()
        .unwrap()
        .access
        .terms()
        .unwrap()
        .free
        .clone()
        .unwrap();
    assert_eq!((free.name.as_str(), free.count.get(), free.window), ("trial", 1_000, Window::Day));
    for (name, count) in [("trial", 1_001), ("launches", 6)] {
        let error = load_text(&format!("{SOCIALCLAW}{}", quota(name, count, "month"))).unwrap_err();
        let places: Vec<&str> =
            error.mistakes.iter().map(|mistake| mistake.place.as_str()).collect();
        assert_eq!(places, [format!("quota 1 ({name}).count")], "{error}");
    }
}

#[test]
fn what_is_not_a_profile_is_said_so() {
    let missing = Profile::load("/nowhere/profile.toml", &|_| None).unwrap_err().to_string();
    assert!(missing.contains("built-in profile (dropspace)"), "{missing}");
    let broken = load_text("schema = 2\nname = \n").unwrap_err().to_string();
    assert!(broken.contains("line 2"), "{broken}");
    let twice = format!(
        "{SOCIALCLAW}[[route]]\nmethod = \"POST\"\npath = \"/posts/apply\"\nprice = \"free\"\n"
    );
    let error = load_text(&twice).unwrap_err().to_string();
    assert!(error.contains("POST /posts/apply: is there twice"), "{error}");
    for ownership in ["", "ownership = \"upstream\"\n"] {
        let nameless = SOCIALCLAW
            .replace("result_id = \"/run/id\"\n", "")
            .replace("name = ", &format!("{ownership}name = "));
        let error = load_text(&nameless).unwrap_err().to_string();
        assert!(error.contains("POST /posts/apply: a priced route needs result_id"), "{error}");
    }
}
