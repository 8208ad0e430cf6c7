//! Media by address and by base64: types, sizes, counts, and that nothing is ever fetched.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::launch_api::{Launches, Refused, body};
use crate::support::Wallet;

const MIB: usize = 1 << 20;

fn by_url(url: &str) -> Value {
    json!({"source": "url", "url": url})
}

fn by_base64(bytes: usize, mime: &str) -> Value {
    json!({"source": "base64", "data": STANDARD.encode(vec![7_u8; bytes]), "filename": "a.bin", "mime_type": mime})
}

fn with(items: Vec<Value>) -> Value {
    body(json!({"media": items}))
}

fn image() -> Value {
    by_url("https://a.example/x.png")
}

fn asset(kind: &str, size: u64) -> Value {
    json!({"media_assets": [{"id": "1", "type": kind, "url": "https://a.example/x", "size": size}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn media_are_checked_before_money() {
    let api = Launches::paid().await;
    let case = |label, body, field| -> Refused<'_> { (label, body, 400, "SERVER_002", field) };
    let without = |member: &str| {
        let mut item = by_base64(3, "image/png");
        item.as_object_mut().unwrap().remove(member);
        with(vec![item])
    };
    let video = || by_url("https://a.example/x.mp4");
    let both = json!({"media": [image()], "media_assets": [{"type": "image", "url": "https://a.example/x"}]});
    let lying = json!({"media_assets": [{"type": "video", "url": "https://a.example/x", "mime_type": "image/png"}]});
    let not_base64 =
        json!({"source": "base64", "data": "?", "filename": "a", "mime_type": "image/png"});
    api.refuses(vec![
        case("media beside media_assets", body(both), "media_assets"),
        case("eleven items", with(vec![image(); 11]), "media"),
        case("ten images", with(vec![image(); 10]), "media"),
        case("two videos", with(vec![video(), video()]), "media"),
        case("an unknown source", with(vec![json!({"source": "ftp"})]), "media[0].source"),
        case("a source without address", with(vec![json!({"source": "url"})]), "media[0].url"),
        case(
            "an address of another scheme",
            with(vec![by_url("file:///etc/passwd")]),
            "media[0].url",
        ),
        case("base64 without data", without("data"), "media[0].data"),
        case("base64 without filename", without("filename"), "media[0].filename"),
        case("base64 without mime_type", without("mime_type"), "media[0].mime_type"),
        case("data that is no base64", with(vec![not_base64]), "media[0].data"),
        case("media as an object", body(json!({"media": {}})), "media"),
        case(
            "an asset without address",
            body(json!({"media_assets": [{"type": "image"}]})),
            "media_assets[0].url",
        ),
        case("an asset whose types differ", body(lying), "media_assets[0].type"),
        case("media_mode gif", body(json!({"media_mode": "gif"})), "media_mode"),
        case(
            "media for no target",
            body(json!({"media": [image()], "media_attach_platforms": ["youtube"]})),
            "media_attach_platforms",
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn types_and_sizes_of_media_are_checked_before_money() {
    let api = Launches::paid().await;
    api.refuses(vec![
        (
            "a type by mime_type",
            with(vec![by_base64(3, "image/tiff")]),
            400,
            "UPLOAD_001",
            "media[0].mime_type",
        ),
        (
            "a type by extension",
            with(vec![by_url("https://a.example/x.pdf")]),
            400,
            "UPLOAD_001",
            "media[0].url",
        ),
        (
            "an image beyond 5 MiB",
            with(vec![by_base64(5 * MIB + 1, "image/png")]),
            400,
            "UPLOAD_002",
            "media[0].data",
        ),
        (
            "a video beyond 4 MiB in base64",
            with(vec![by_base64(4 * MIB + 1, "video/mp4")]),
            400,
            "UPLOAD_002",
            "media[0].data",
        ),
        (
            "an image asset beyond 5 MiB",
            body(asset("image", 5 * MIB as u64 + 1)),
            400,
            "UPLOAD_002",
            "media_assets[0].size",
        ),
        (
            "a video asset beyond 512 MiB",
            body(asset("video", 512 * MIB as u64 + 1)),
            400,
            "UPLOAD_002",
            "media_assets[0].size",
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn media_at_the_limit_are_kept_and_never_fetched() {
    let api = Launches::free().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/x.png", listener.local_addr().unwrap());
    let mut items = vec![by_url(&address); 9];
    items.push(by_url("https://a.example/film.MOV?sig=1"));
    let wallet = Wallet::random();
    let mut asked = with(items);
    asked["product_url"] = json!(address);
    let id = api.created(&wallet, &asked).await;
    let shown = api.shown(&wallet, &id).await;
    assert_eq!(shown["media_assets"].as_array().unwrap().len(), 10);
    assert_eq!(shown["media_assets"][0], json!({"type": "image", "url": address}));
    assert_eq!(shown["media_assets"][9]["type"], "video");
    // Inferred: a video shows as video, on every platform.
    assert_eq!(
        (&shown["media_mode"], &shown["media_attach_platforms"]),
        (&json!("video"), &json!(["twitter", "linkedin"]))
    );
    let asked_for =
        tokio::time::timeout(std::time::Duration::from_millis(300), listener.accept()).await;
    assert!(asked_for.is_err(), "the core fetched an address that it was given");

    for (bytes, mime) in
        [(5 * MIB, "image/jpeg"), (4 * MIB, "video/quicktime"), (1, "image/gif"), (1, "image/webp")]
    {
        let wallet = Wallet::random();
        let id = api.created(&wallet, &with(vec![by_base64(bytes, mime)])).await;
        let asset = api.shown(&wallet, &id).await["media_assets"][0].take();
        assert_eq!(
            (&asset["size"], &asset["mime_type"], &asset["filename"]),
            (&json!(bytes), &json!(mime), &json!("a.bin")),
            "{asset}"
        );
        assert!(asset["url"].as_str().is_some_and(|url| url.contains("/feed/media/")), "{asset}");
    }
    for (kind, size) in [("image", 5 * MIB as u64), ("video", 512 * MIB as u64)] {
        api.create_first(&body(asset(kind, size))).await.must(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_replaces_all_media() {
    let api = Launches::free().await;
    let wallet = Wallet::random();
    let id = api.created(&wallet, &with(vec![by_base64(9, "image/png"), image()])).await;
    let video = json!({"media": [by_url("https://a.example/x.mp4")]});
    let changed = api.patch(&wallet, &id, &video).await.must(200).json();
    assert_eq!(
        changed["data"]["media_assets"],
        json!([{"type": "video", "url": "https://a.example/x.mp4"}])
    );
    assert_eq!(changed["data"]["media_mode"], "video");
    let both = json!({"media": [image()], "media_assets": []});
    api.patch(&wallet, &id, &both).await.refused(400, "SERVER_002");
    let kind = json!({"media": [by_base64(3, "image/tiff")]});
    api.patch(&wallet, &id, &kind).await.refused(400, "UPLOAD_001");
    let size = json!({"media": [by_base64(5 * MIB + 1, "image/png")]});
    api.patch(&wallet, &id, &size).await.refused(400, "UPLOAD_002");
    let none = api.patch(&wallet, &id, &json!({"media_assets": []})).await.must(200).json();
    assert_eq!(
        (&none["data"]["media_assets"], &none["data"]["media_mode"]),
        (&json!([]), &Value::Null)
    );
    let mode = api
        .patch(
            &wallet,
            &id,
            &json!({"media_mode": "images", "media_attach_platforms": ["twitter"]}),
        )
        .await
        .must(200)
        .json();
    assert_eq!(
        (&mode["data"]["media_mode"], &mode["data"]["media_attach_platforms"]),
        (&json!("images"), &json!(["twitter"]))
    );
}
