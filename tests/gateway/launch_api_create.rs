//! `POST /launches`: what is taken, and what is refused before any money.

use serde_json::{Value, json};

use crate::launch_api::{Launches, Refused, body, in_seconds};

const UUID: &str = "0b6f2f1c-57a7-4d0e-9f5e-0d9f6f0b7a11";
const INVALID: (u16, &str) = (400, "SERVER_002");

/// A case of 400 SERVER_002.
fn invalid<'a>(label: &'a str, changes: Value, field: &'a str) -> Refused<'a> {
    (label, body(changes), INVALID.0, INVALID.1, field)
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_and_addresses_are_checked_before_money() {
    let api = Launches::paid().await;
    api.refuses(vec![
        invalid("no title", json!({"title": null}), "title"),
        invalid("an empty title", json!({"title": ""}), "title"),
        invalid("a blank title", json!({"title": "  "}), "title"),
        invalid("a title of 201 characters", json!({"title": "é".repeat(201)}), "title"),
        invalid("a title that is a number", json!({"title": 7}), "title"),
        invalid("no description and no content", json!({"product_description": null}), "body"),
        invalid("an empty description", json!({"product_description": ""}), "product_description"),
        invalid(
            "a description of 2001 characters",
            json!({"product_description": "é".repeat(2_001)}),
            "product_description",
        ),
        invalid("an address without scheme", json!({"product_url": "example.com"}), "product_url"),
        invalid(
            "an address of another scheme",
            json!({"product_url": "ftp://example.com"}),
            "product_url",
        ),
        invalid(
            "an address of 2049 characters",
            json!({"product_url": format!("https://a.example/{}", "p".repeat(2_031))}),
            "product_url",
        ),
        ("a body that is no object", json!([1, 2]), 400, "SERVER_002", "body"),
        ("a body that is a text", json!("launch"), 400, "SERVER_002", "body"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn platforms_and_accounts_are_checked_before_money() {
    let api = Launches::paid().await;
    let own = json!({"twitter": UUID, "linkedin:organization:12": UUID});
    api.refuses(vec![
        invalid("no platforms and no accounts", json!({"platforms": null}), "body"),
        invalid("an empty list of platforms", json!({"platforms": []}), "platforms"),
        invalid("an unknown platform", json!({"platforms": ["twitter", "myspace"]}), "platforms[1]"),
        invalid("a platform in capitals", json!({"platforms": ["Twitter"]}), "platforms[0]"),
        invalid("platforms as a text", json!({"platforms": "twitter"}), "platforms"),
        invalid("a platform twice", json!({"platforms": ["twitter", "twitter"]}), "platforms"),
        invalid("ten platforms", json!({"platforms": ten_platforms()}), "platforms"),
        invalid("an official account outside platforms", json!({"dropspace_platforms": ["facebook"]}), "dropspace_platforms"),
        invalid("an official account that does not exist", json!({"dropspace_platforms": ["substack"]}), "dropspace_platforms[0]"),
        invalid("no official account in the list", json!({"dropspace_platforms": []}), "dropspace_platforms"),
        (
            "an official account that is not connected",
            body(json!({"platforms": ["twitter", "reddit"], "dropspace_platforms": ["twitter", "reddit"]})),
            400,
            "LAUNCH_007",
            "dropspace_platforms[1]",
        ),
        ("instagram without media", body(json!({"platforms": null, "dropspace_platforms": ["instagram"]})), 400, "LAUNCH_007", "media"),
        ("accounts of one's own", body(json!({"user_platform_accounts": own})), 403, "AUTH_002", "user_platform_accounts"),
        invalid("accounts that are no object", json!({"user_platform_accounts": [1]}), "user_platform_accounts"),
        ("a persona", body(json!({"persona_id": UUID})), 404, "SERVER_003", "persona_id"),
        invalid("a persona that is no UUID", json!({"persona_id": "me"}), "persona_id"),
    ])
    .await;
}

fn ten_platforms() -> [&'static str; 10] {
    [
        "twitter",
        "linkedin",
        "instagram",
        "reddit",
        "facebook",
        "tiktok",
        "youtube",
        "producthunt",
        "hackernews",
        "substack",
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_and_publishing_are_checked_before_money() {
    let api = Launches::paid().await;
    let twitter = json!(["twitter"]);
    let late = json!({"dropspace_platforms": twitter, "publish": true, "scheduled_date": in_seconds(86_400)});
    api.refuses(vec![
        invalid(
            "a date without offset",
            json!({"scheduled_date": "2099-01-01T00:00:00"}),
            "scheduled_date",
        ),
        invalid("a date in words", json!({"scheduled_date": "tomorrow"}), "scheduled_date"),
        invalid(
            "a date as a number",
            json!({"scheduled_date": 4_070_908_800_u64}),
            "scheduled_date",
        ),
        invalid(
            "a date of the past",
            json!({"scheduled_date": "2020-01-01T00:00:00Z"}),
            "scheduled_date",
        ),
        invalid(
            "a date in 14 minutes",
            json!({"scheduled_date": in_seconds(14 * 60)}),
            "scheduled_date",
        ),
        invalid("publish with a date", late, "publish"),
        invalid(
            "publish as a text",
            json!({"dropspace_platforms": twitter, "publish": "yes"}),
            "publish",
        ),
        invalid("publish without an account", json!({"publish": true}), "body"),
        invalid(
            "wait without publish",
            json!({"dropspace_platforms": twitter, "wait": true}),
            "publish",
        ),
        invalid(
            "wait as a number",
            json!({"dropspace_platforms": twitter, "publish": true, "wait": 1}),
            "wait",
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_at_the_limit_is_taken() {
    let api = Launches::free().await;
    let nine = &ten_platforms()[..9];
    let address = format!("https://a.example/{}", "p".repeat(2_030));
    for (label, changes) in [
        ("the sample of the product text", json!({})),
        (
            "a title of 200 characters and a description of 2000",
            json!({"title": "é".repeat(200), "product_description": "é".repeat(2_000)}),
        ),
        ("nine platforms", json!({"platforms": nine})),
        (
            "platforms inferred from the official accounts",
            json!({"platforms": null, "dropspace_platforms": ["twitter", "linkedin"]}),
        ),
        ("an address of 2048 characters", json!({"product_url": address})),
        ("a date in 16 minutes", json!({"scheduled_date": in_seconds(16 * 60)})),
        ("an offset", json!({"scheduled_date": "2099-01-01T02:00:00+02:00"})),
        ("an unknown member", json!({"a_member_of_tomorrow": 1})),
        ("publish and wait that are false", json!({"publish": false, "wait": false})),
    ] {
        let reply = api.create_first(&body(changes)).await.must(201);
        assert_eq!(reply.charge(), "none; reason=free_tier; remaining=4", "{label}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_created_launch_has_the_documented_members() {
    let api = Launches::free().await;
    let wallet = crate::support::Wallet::random();
    let date = in_seconds(3_600);
    let asked = json!({"platforms": null, "dropspace_platforms": ["twitter"], "scheduled_date": date, "product_url": "https://a.example"});
    let reply = api.create(&wallet, &body(asked)).await.must(201).json();
    let data = &reply["data"];
    let members: Vec<&String> = data.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        ["id", "name", "status", "platforms", "scheduled_date", "created_at", "updated_at"]
    );
    assert_eq!(
        (&data["name"], &data["status"], &data["platforms"]),
        (&json!("a title"), &json!("scheduled"), &json!(["twitter"]))
    );
    for moment in ["created_at", "updated_at", "scheduled_date"] {
        let text = data[moment].as_str().unwrap();
        assert!(
            text.len() == 24 && text.ends_with('Z') && &text[19..20] == ".",
            "{moment} is {text}"
        );
    }
    // Content that the agent did not write comes from the template: nothing is fetched and nothing
    // is asked of a model.
    let shown = api.shown(&wallet, data["id"].as_str().unwrap()).await;
    assert_eq!(
        shown["platform_contents"]["twitter"]["content"],
        "a title\n\nwords\n\nhttps://a.example"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_follows_from_accounts_date_and_content() {
    let api = Launches::free().await;
    let written = json!({"twitter": {"content": "mine"}});
    for (changes, status) in [
        (json!({}), "draft"),
        (json!({"platform_contents": written}), "manual"),
        (json!({"scheduled_date": in_seconds(3_600)}), "draft"),
        (json!({"dropspace_platforms": ["twitter"]}), "trigger"),
        (
            json!({"dropspace_platforms": ["twitter"], "scheduled_date": in_seconds(3_600)}),
            "scheduled",
        ),
    ] {
        let reply = api.create_first(&body(changes.clone())).await.must(201).json();
        assert_eq!(reply["data"]["status"], status, "{changes}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_answer_names_every_mistake() {
    let api = Launches::paid().await;
    let wallet = api.world.agent().await;
    let by_schema =
        json!({"title": "", "platforms": ["myspace"], "media_mode": "gif", "publish": 1});
    let by_rules = json!({"platforms": ["twitter", "linkedin"], "dropspace_platforms": ["facebook"],
        "platform_contents": {"linkedin": {"content": "x".repeat(3_001)}, "youtube": {"content": "x"}}});
    for (changes, fields) in [
        (by_schema, vec!["media_mode", "platforms[0]", "publish", "title"]),
        (
            by_rules,
            vec![
                "dropspace_platforms",
                "platform_contents.linkedin.content",
                "platform_contents.youtube",
            ],
        ),
    ] {
        let reply = api.create(&wallet, &body(changes)).await.refused(400, "SERVER_002").json();
        let mut found: Vec<&str> = reply["details"]
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| finding["field"].as_str().unwrap())
            .collect();
        found.sort_unstable();
        assert_eq!(found, fields, "{reply}");
        assert_eq!(
            (&reply["reason"], &reply["retry"]),
            (&json!("invalid_body"), &json!("fix_request"))
        );
    }
}
