//! Media types, sizes and counts.
use super::*;
use crate::rules::refusal::Refusal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

fn code(body: &Value) -> Option<&'static str> {
    let mut fields = Fields::of(body, true).ok()?;
    read(&mut fields);
    Refusal::of(fields.violations).map(|refusal| refusal.code)
}

fn base64_of(len: usize) -> String {
    STANDARD.encode(vec![7_u8; len])
}

/// Product text, `media` and `media_assets` of POST, and its UPLOAD codes.
#[test]
fn types_sizes_and_counts() {
    let url = |url: &str| json!({"source": "url", "url": url});
    let inline = |mime: &str, len: usize| json!({"source": "base64", "data": base64_of(len), "filename": "f", "mime_type": mime});
    let mb = 1024 * 1024;
    for (name, media, wanted) in [
        ("url image", json!([url("https://a.example/x.PNG?y")]), None),
        ("url without extension", json!([url("https://a.example/image")]), None),
        ("url of a document", json!([url("https://a.example/x.pdf")]), Some("UPLOAD_001")),
        ("relative url", json!([url("/x.png")]), Some("SERVER_002")),
        ("image of 5 MB", json!([inline("image/png", 5 * mb)]), None),
        ("image over 5 MB", json!([inline("image/png", 5 * mb + 1)]), Some("UPLOAD_002")),
        ("video of 4 MB", json!([inline("video/mp4", 4 * mb)]), None),
        ("video over 4 MB", json!([inline("video/mp4", 4 * mb + 1)]), Some("UPLOAD_002")),
        ("svg", json!([inline("image/svg+xml", 3)]), Some("UPLOAD_001")),
        (
            "not base64",
            json!([{"source": "base64", "data": "%%%", "filename": "f", "mime_type": "image/png"}]),
            Some("SERVER_002"),
        ),
        ("unknown source", json!([{"source": "ftp"}]), Some("SERVER_002")),
        ("not an object", json!(["x"]), Some("SERVER_002")),
        ("not an array", json!("x"), Some("SERVER_002")),
        ("9 images", json!(vec![url("https://a.example/x.png"); 9]), None),
        ("10 images", json!(vec![url("https://a.example/x.png"); 10]), Some("SERVER_002")),
        ("2 videos", json!(vec![url("https://a.example/x.mp4"); 2]), Some("SERVER_002")),
        ("11 items", json!(vec![url("https://a.example/x.png"); 11]), Some("SERVER_002")),
    ] {
        assert_eq!(code(&json!({"media": media})), wanted, "{name}");
    }
}

#[test]
fn uploaded_assets() {
    let url = "https://a.example/x";
    for (asset, wanted) in [
        (json!({"url": url, "type": "image"}), None),
        (json!({"url": url, "mime_type": "video/mp4", "size": 512 * 1024 * 1024}), None),
        (json!({"url": url, "type": "video", "size": 512 * 1024 * 1024 + 1}), Some("UPLOAD_002")),
        (json!({"url": url, "type": "image", "mime_type": "image/bmp"}), Some("UPLOAD_001")),
        (json!({"url": url, "type": "image", "mime_type": "video/mp4"}), Some("SERVER_002")),
        (json!({"url": url}), Some("SERVER_002")),
        (json!({"type": "image"}), Some("SERVER_002")),
        (json!({"url": url, "type": "image", "size": -1}), Some("SERVER_002")),
    ] {
        assert_eq!(code(&json!({"media_assets": [asset]})), wanted, "{asset}");
    }
    assert_eq!(code(&json!({"media_assets": [], "media": []})), Some("SERVER_002"));
}
