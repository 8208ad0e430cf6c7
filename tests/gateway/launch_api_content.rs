//! What an agent may write: content per platform, threads, one text for all, TikTok's settings.

use serde_json::{Value, json};

use crate::launch_api::{Launches, Refused, body, contents};
use crate::support::Wallet;

/// Longest content and longest title of each platform, in characters.
const LIMITS: [(&str, usize, Option<usize>); 10] = [
    ("twitter", 1_680, None),
    ("linkedin", 3_000, None),
    ("instagram", 2_200, None),
    ("reddit", 3_000, Some(300)),
    ("facebook", 3_000, None),
    ("tiktok", 4_000, None),
    ("youtube", 5_000, Some(100)),
    ("producthunt", 500, Some(60)),
    ("hackernews", 2_000, Some(80)),
    ("substack", 3_000, None),
];

fn entry(content: usize, title: Option<usize>) -> Value {
    match title {
        Some(title) => json!({"content": "é".repeat(content), "title": "é".repeat(title)}),
        None => json!({"content": "é".repeat(content)}),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_platforms_limits_are_enforced() {
    let api = Launches::free().await;
    for (platform, content, title) in LIMITS {
        let wallet = Wallet::random();
        let id = api.created(&wallet, &contents(platform, entry(content, title))).await;
        let shown = api.shown(&wallet, &id).await;
        assert_eq!(shown["platform_contents"][platform], entry(content, title), "{platform}");
        let long = api
            .patch(
                &wallet,
                &id,
                &json!({"platform_contents": {platform: entry(content + 1, None)}}),
            )
            .await;
        let field = format!("platform_contents.{platform}.content");
        crate::launch_api::explained(platform, &long, 400, "SERVER_002", &field);
    }
    let fields: Vec<_> =
        LIMITS.map(|(platform, ..)| format!("platform_contents.{platform}.content")).into();
    let titles: Vec<_> =
        LIMITS.map(|(platform, ..)| format!("platform_contents.{platform}.title")).into();
    let mut cases: Vec<Refused<'_>> = Vec::new();
    for (at, (platform, content, title)) in LIMITS.into_iter().enumerate() {
        cases.push((
            platform,
            contents(platform, entry(content + 1, title)),
            400,
            "SERVER_002",
            &fields[at],
        ));
        if let Some(title) = title {
            cases.push((
                platform,
                contents(platform, entry(1, Some(title + 1))),
                400,
                "SERVER_002",
                &titles[at],
            ));
        }
    }
    let paid = Launches::paid().await;
    paid.refuses(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn written_content_is_checked_before_money() {
    let api = Launches::paid().await;
    let twitter = "platform_contents.twitter";
    let both = json!({"platform_contents": {"twitter": {"content": "a"}}, "custom_content": "b"});
    let other = json!({"platform_contents": {"youtube": {"content": "a"}}});
    let case = |label, body, field| -> Refused<'_> { (label, body, 400, "SERVER_002", field) };
    api.refuses(vec![
        case("no platform in the contents", body(json!({"platform_contents": {}})), "platform_contents"),
        case("contents as a list", body(json!({"platform_contents": []})), "platform_contents"),
        case("an unknown platform", body(json!({"platform_contents": {"myspace": {"content": "a"}}})), "platform_contents"),
        case("a platform that is no target", body(other), "platform_contents.youtube"),
        case("content that is a number", contents("twitter", json!({"content": 5})), "platform_contents.twitter.content"),
        case("content as a text", contents("twitter", json!("words")), twitter),
        case("seven tweets", contents("twitter", json!({"thread": vec!["a"; 7]})), "platform_contents.twitter.thread"),
        case("no tweet", contents("twitter", json!({"thread": []})), "platform_contents.twitter.thread"),
        case(
            "a tweet of 281 characters",
            contents("twitter", json!({"thread": ["a", "é".repeat(281)]})),
            "platform_contents.twitter.thread[1]",
        ),
        case("thread and content", contents("twitter", json!({"thread": ["a"], "content": "b"})), "platform_contents.twitter.content"),
        case("a thread for linkedin", contents("linkedin", json!({"thread": ["a"]})), "platform_contents.linkedin.thread"),
        case("reddit without a title", contents("reddit", json!({"content": "a"})), "platform_contents.reddit.title"),
        case("custom_content beside platform_contents", body(both), "custom_content"),
        case("custom_content of seven tweets", body(json!({"custom_content": vec!["a"; 7]})), "custom_content"),
        case("a custom tweet of 281 characters", body(json!({"custom_content": ["é".repeat(281)]})), "custom_content[0]"),
        case("custom tweets without twitter", body(json!({"platforms": ["linkedin"], "custom_content": ["a"]})), "custom_content"),
        case("custom_content beyond the tightest limit", body(json!({"custom_content": "é".repeat(1_681)})), "custom_content"),
        case("empty custom_content", body(json!({"custom_content": ""})), "custom_content"),
        case("custom_content that is a number", body(json!({"custom_content": 5})), "custom_content"),
        case(
            "custom_content for reddit without a title",
            body(json!({"platforms": ["reddit"], "custom_content": "a"})),
            "custom_content_reddit_title",
        ),
        case(
            "a reddit title of 301 characters",
            body(json!({"platforms": ["reddit"], "custom_content": "a", "custom_content_reddit_title": "é".repeat(301)})),
            "custom_content_reddit_title",
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tiktok_settings_are_checked_and_merged() {
    let settings = "platform_contents.tiktok.tiktok_settings";
    let tiktok =
        |settings: Value| contents("tiktok", json!({"content": "a", "tiktok_settings": settings}));
    let api = Launches::free().await;
    for level in ["PUBLIC_TO_EVERYONE", "FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]
    {
        api.create_first(&tiktok(json!({"privacy_level": level, "auto_add_music": true})))
            .await
            .must(201);
    }
    let wallet = Wallet::random();
    let all = json!({"privacy_level": "SELF_ONLY", "allow_comments": true, "allow_duet": false, "allow_stitch": true,
        "is_commercial": true, "is_your_brand": true, "is_branded_content": false, "auto_add_music": false});
    let id = api.created(&wallet, &tiktok(all.clone())).await;
    let change =
        |settings: Value| json!({"platform_contents": {"tiktok": {"tiktok_settings": settings}}});
    let changed =
        api.patch(&wallet, &id, &change(json!({"allow_duet": true}))).await.must(200).json();
    let mut merged = all;
    merged["allow_duet"] = json!(true);
    assert_eq!(
        changed["data"]["platform_contents"]["tiktok"],
        json!({"content": "a", "tiktok_settings": merged})
    );
    // Each half is good by itself; together they are not.
    let branded = api.patch(&wallet, &id, &change(json!({"is_branded_content": true}))).await;
    crate::launch_api::explained(
        "branded content that is private",
        &branded,
        400,
        "SERVER_002",
        settings,
    );
    let public = json!({"privacy_level": "PUBLIC_TO_EVERYONE", "is_branded_content": true});
    api.patch(&wallet, &id, &change(public)).await.must(200);

    let level = "platform_contents.tiktok.tiktok_settings.privacy_level";
    let flag = "platform_contents.tiktok.tiktok_settings.allow_duet";
    let paid = Launches::paid().await;
    paid.refuses(vec![
        (
            "an unknown privacy level",
            tiktok(json!({"privacy_level": "FRIENDS"})),
            400,
            "SERVER_002",
            level,
        ),
        ("a setting that is a text", tiktok(json!({"allow_duet": "yes"})), 400, "SERVER_002", flag),
        ("settings as a list", tiktok(json!([])), 400, "SERVER_002", settings),
        (
            "branded and private",
            tiktok(json!({"privacy_level": "SELF_ONLY", "is_branded_content": true})),
            400,
            "SERVER_002",
            settings,
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn custom_content_goes_to_every_platform() {
    let api = Launches::free().await;
    let wallet = Wallet::random();
    let targets = json!(["twitter", "linkedin", "reddit"]);
    let text = json!({"product_description": null, "platforms": targets, "custom_content": "words", "custom_content_reddit_title": "a title"});
    let id = api.created(&wallet, &body(text)).await;
    let contents = api.shown(&wallet, &id).await["platform_contents"].take();
    assert_eq!(contents["twitter"], json!({"content": "words"}));
    assert_eq!(contents["linkedin"], json!({"content": "words"}));
    assert_eq!(contents["reddit"], json!({"content": "words", "title": "a title"}));
    let tweets = json!({"product_description": null, "custom_content": ["one", "two"]});
    let id = api.created(&wallet, &body(tweets)).await;
    let contents = api.shown(&wallet, &id).await["platform_contents"].take();
    assert_eq!(contents["twitter"], json!({"thread": ["one", "two"]}));
    assert_eq!(contents["linkedin"], json!({"content": "one\n\ntwo"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_of_six_full_tweets_is_taken_and_missing_platforms_are_filled() {
    let api = Launches::free().await;
    let wallet = Wallet::random();
    let thread = vec!["é".repeat(280); 6];
    let partial = json!({"platforms": ["twitter", "linkedin"], "platform_contents": {"twitter": {"thread": thread}}});
    let id = api.created(&wallet, &body(partial)).await;
    let shown = api.shown(&wallet, &id).await;
    assert_eq!(shown["platform_contents"]["twitter"], json!({"thread": thread}));
    assert_eq!(shown["platform_contents"]["linkedin"], json!({"content": "a title\n\nwords"}));
}
