#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;

const CREATE_LAUNCH: &str = include_str!("../../../contracts/schemas/create-launch.json");

fn contract() -> BodyContract {
    BodyContract::compile(CREATE_LAUNCH).unwrap()
}

/// The sample of the product text, with members put in place or (null) taken away.
fn body(changes: Value) -> Vec<u8> {
    let mut body = json!({
        "title": "My Product Launch",
        "product_description": "An amazing product",
        "platforms": ["twitter", "reddit"],
    });
    for (name, value) in changes.as_object().unwrap() {
        if value == "absent" {
            body.as_object_mut().unwrap().remove(name);
        } else {
            body[name] = value.clone();
        }
    }
    serde_json::to_vec(&body).unwrap()
}

#[test]
fn bodies_of_the_product_text_are_accepted() {
    let nine = [
        "twitter",
        "linkedin",
        "instagram",
        "reddit",
        "facebook",
        "tiktok",
        "youtube",
        "producthunt",
        "hackernews",
    ];
    for changes in [
        json!({}),
        json!({"title": "ü".repeat(200), "product_description": "x".repeat(2000), "platforms": nine}),
        json!({"platforms": "absent", "dropspace_platforms": ["twitter"]}),
        json!({"product_description": "absent", "custom_content": "text", "platforms": ["twitter"]}),
        json!({"product_description": "absent", "custom_content": ["1", "2"], "custom_content_reddit_title": "t"}),
        json!({"product_description": "absent", "platform_contents": {"twitter": {"thread": ["1"]}, "reddit": {"title": "t", "content": "c"}}}),
        json!({"platform_contents": {"tiktok": {"content": "c", "tiktok_settings": {"privacy_level": "SELF_ONLY", "allow_duet": true}}}}),
        json!({"publish": true, "wait": true, "dropspace_platforms": ["twitter"]}),
        json!({"publish": false, "wait": false}),
        json!({"scheduled_date": "2030-01-31T12:00:00Z"}),
        json!({"scheduled_date": "2030-01-31T12:00:00.123+02:00"}),
        json!({"scheduled_date": null, "persona_id": null, "user_platform_accounts": null, "dropspace_platforms": null}),
        json!({"persona_id": "0190b5a0-0000-7000-8000-000000000000"}),
        json!({"product_url": "https://example.com/ä?x=1#y"}),
        json!({"media": [{"source": "url", "url": "https://example.com/a.png"}, {"source": "base64", "data": "AA==", "filename": "a.jpg", "mime_type": "image/jpeg"}]}),
        json!({"media_assets": [{"id": "1", "type": "image", "url": "https://example.com/a.png", "size": 1}], "media_mode": "images", "media_attach_platforms": ["twitter"]}),
        json!({"user_platform_accounts": {"twitter": "x"}}),
        json!({"a_member_of_tomorrow": 1}),
    ] {
        contract()
            .check(&body(changes.clone()))
            .unwrap_or_else(|findings| panic!("{changes}: {findings:?}"));
    }
}

fn refused(cases: Vec<(Value, &str)>) {
    let contract = contract();
    for (changes, field) in cases {
        let error =
            contract.check(&body(changes.clone())).expect_err(&changes.to_string()).remove(0);
        assert_eq!(error.field, dotted(field), "{changes}: {error}");
        assert!(error.got.chars().count() < 130, "{changes}: {error}");
        assert!(!error.expected.contains("rule"), "{changes}: {error}");
    }
}

/// R108 and its neighbours: what is wrong is named by its pointer.
#[test]
fn title_platforms_and_description_are_checked() {
    let ten = [
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
    ];
    refused(vec![
        (json!({"title": "x".repeat(201)}), "/title"),
        (json!({"title": ""}), "/title"),
        (json!({"title": 5}), "/title"),
        (json!({"title": null}), "/title"),
        (json!({"title": "absent"}), "/title"),
        (json!({"platforms": ten}), "/platforms"),
        (json!({"platforms": []}), "/platforms"),
        (json!({"platforms": ["twitter", "twitter"]}), "/platforms"),
        (json!({"platforms": ["twitter", "myspace"]}), "/platforms/1"),
        (json!({"platforms": ["Twitter"]}), "/platforms/0"),
        (json!({"platforms": "twitter"}), "/platforms"),
        (json!({"platforms": "absent"}), ""),
        (json!({"platforms": "absent", "dropspace_platforms": null}), ""),
        (json!({"dropspace_platforms": ["substack"]}), "/dropspace_platforms/0"),
        (json!({"dropspace_platforms": []}), "/dropspace_platforms"),
        (json!({"user_platform_accounts": ["twitter"]}), "/user_platform_accounts"),
        (json!({"product_description": "absent"}), ""),
        (json!({"product_description": ""}), "/product_description"),
        (json!({"product_description": "x".repeat(2001)}), "/product_description"),
    ]);
}

#[test]
fn schedule_persona_address_and_publishing_are_checked() {
    refused(vec![
        (json!({"scheduled_date": "tomorrow"}), "/scheduled_date"),
        (json!({"scheduled_date": "2030-01-31"}), "/scheduled_date"),
        (json!({"scheduled_date": "2030-02-30T12:00:00Z"}), "/scheduled_date"),
        (json!({"scheduled_date": 1_900_000_000}), "/scheduled_date"),
        (json!({"persona_id": "me"}), "/persona_id"),
        (json!({"product_url": "javascript:alert(1)"}), "/product_url"),
        (json!({"product_url": ""}), "/product_url"),
        (json!({"publish": "yes"}), "/publish"),
        (json!({"publish": true}), ""),
        (json!({"wait": true}), "/publish"),
        (json!({"wait": true, "publish": false}), "/publish"),
    ]);
}

#[test]
fn content_and_media_are_checked() {
    let thread = json!({"twitter": {"content": "t", "thread": ["t"]}});
    let both = json!({"custom_content": "t", "platform_contents": {"twitter": {"content": "t"}}});
    let eleven = vec![json!({"source": "url", "url": "https://e.com/a"}); 11];
    let data = json!({"source": "base64", "data": "AA==", "filename": "f"});
    let long = "x".repeat(301);
    let seven = ["1", "2", "3", "4", "5", "6", "7"];
    refused(vec![
        (both, "/custom_content"),
        (json!({"custom_content": []}), "/custom_content"),
        (json!({"custom_content": seven}), "/custom_content"),
        (json!({"custom_content": "t"}), "/custom_content_reddit_title"),
        (
            json!({"custom_content": "t", "custom_content_reddit_title": long}),
            "/custom_content_reddit_title",
        ),
        (json!({"platform_contents": {}}), "/platform_contents"),
        (json!({"platform_contents": {"myspace": {"content": "t"}}}), "/platform_contents"),
        (json!({"platform_contents": {"twitter": "t"}}), "/platform_contents/twitter"),
        (json!({"platform_contents": thread}), "/platform_contents/twitter/content"),
        (json!({"media": [], "media_assets": []}), "/media_assets"),
        (json!({"media": [{"source": "ftp"}]}), "/media/0/source"),
        (json!({"media": [{"source": "url"}]}), "/media/0/url"),
        (json!({"media": [data]}), "/media/0/mime_type"),
        (json!({"media": eleven}), "/media"),
        (json!({"media_mode": "gif"}), "/media_mode"),
    ]);
}

#[test]
fn an_error_says_what_was_expected_and_what_came() {
    let error = contract().check(&body(json!({"title": "x".repeat(201)}))).unwrap_err().remove(0);
    assert_eq!(error.expected, "a text of 1 to 200 characters");
    assert_eq!(error.got, "a text of 201 characters");
    assert_eq!(
        error.message,
        "title: expected a text of 1 to 200 characters, got a text of 201 characters"
    );
    let error = contract().check(&body(json!({"platforms": ["myspace"]}))).unwrap_err().remove(0);
    assert_eq!(error.got, "\"myspace\"");
    let error = contract()
        .check(&body(json!({"platform_contents": {"myspace": {}}})))
        .unwrap_err()
        .remove(0);
    assert_eq!(error.got, "\"myspace\"");
    assert!(error.expected.starts_with("one of twitter"), "{error}");
    let error =
        contract().check(&body(json!({"product_description": "absent"}))).unwrap_err().remove(0);
    assert_eq!(
        error.message,
        "body: expected product_description, custom_content or platform_contents, got an object of 2 members"
    );
}

#[test]
fn json_that_two_readers_could_read_differently_is_refused() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let deep = format!(
        r#"{{"title":"t","product_description":"d","platforms":["twitter"],"x":{}}}"#,
        nested(64)
    );
    for (body, needle) in [
        (b"".to_vec(), "empty"),
        (b" \n".to_vec(), "empty"),
        (b"{".to_vec(), "EOF"),
        (b"{} {}".to_vec(), "trailing"),
        (b"{\"title\":\"a\",\"title\":\"b\"}".to_vec(), "\"title\" twice"),
        (b"{\"x\":{\"a\":1,\"\\u0061\":1}}".to_vec(), "\"a\" twice"),
        (b"{\"title\":\"\xff\"}".to_vec(), "UTF-8"),
        (b"\xef\xbb\xbf{}".to_vec(), "expected value"),
        (b"{\"a\":NaN}".to_vec(), "expected"),
        (b"{\"a\":1e999}".to_vec(), "out of range"),
        (b"{\"a\":01}".to_vec(), "number"),
        (deep.into_bytes(), "deeper than 64"),
        (nested(10_000).into_bytes(), "deeper than 64"),
    ] {
        let error = contract().check(&body).unwrap_err().remove(0);
        assert_eq!(error.field, "body");
        assert!(error.got.contains(needle), "{needle}: {error}");
    }
    for (body, got) in [("[]", "an array of 0 items"), ("null", "null"), ("\"x\"", "\"x\"")] {
        assert_eq!(contract().check(body.as_bytes()).unwrap_err()[0].got, got);
    }
    let allowed = format!(
        r#"{{"title":"t","product_description":"d","platforms":["twitter"],"x":{}}}"#,
        nested(63)
    );
    contract().check(allowed.as_bytes()).unwrap();
}

#[test]
fn a_schema_that_reaches_outside_is_refused() {
    for schema in [
        r#"{"$ref": "https://example.com/schema.json"}"#,
        r#"{"$ref": "file:///etc/passwd"}"#,
        r#"{"type": "strng"}"#,
        r#"{"format": "no-such-format"}"#,
    ] {
        assert!(
            matches!(BodyContract::compile(schema), Err(ContractError::NotASchema(_))),
            "{schema}"
        );
    }
    assert!(matches!(BodyContract::compile("{"), Err(ContractError::NotJson(_))));
}
