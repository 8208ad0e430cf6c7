//! What the page's browser loads: our style and script, and two libraries as they were published.

use axum::{
    extract::Path,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use rust_embed::RustEmbed;

/// Everything below `assets`, in the binary.
#[derive(RustEmbed)]
#[folder = "src/operator/page/assets"]
struct Assets;

/// `GET /operator/assets/{path}`: the file, by its content's name, so that a new program is never
/// shown with an old style.
pub(super) async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    let Some(file) = Assets::get(&path) else {
        return (StatusCode::NOT_FOUND, "no such asset\n").into_response();
    };
    let tag = format!("\"{}\"", hex::encode(file.metadata.sha256_hash()));
    let about = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, String::from("no-cache"))];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    let kind = match path.rsplit_once('.').map(|(_, end)| end) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    };
    (about, [(header::CONTENT_TYPE, kind)], file.data.into_owned()).into_response()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The files of the packages htmx.org 4.0.1 and uplot 1.6.32 of the npm registry, unchanged.
    const VENDORED: [(&str, &str); 5] = [
        (
            "vendor/htmx-4.0.1.min.js",
            "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
        ),
        (
            "vendor/htmx-LICENSE.txt",
            "d3d2456f76414f2456104660ebd65aff1c04cd7966b942bdabd63f3cdb316a38",
        ),
        (
            "vendor/uplot-1.6.32.iife.min.js",
            "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
        ),
        (
            "vendor/uplot-1.6.32.min.css",
            "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
        ),
        (
            "vendor/uplot-LICENSE.txt",
            "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
        ),
    ];

    #[test]
    fn the_libraries_are_as_they_were_published() {
        for (path, sha256) in VENDORED {
            assert_eq!(
                hex::encode(Assets::get(path).unwrap().metadata.sha256_hash()),
                sha256,
                "{path}"
            );
        }
        let known: Vec<_> = Assets::iter().filter(|path| path.starts_with("vendor/")).collect();
        assert_eq!(known.len(), VENDORED.len(), "{known:?}");
    }

    #[test]
    fn nothing_of_ours_asks_for_anything_outside() {
        for path in Assets::iter().filter(|path| !path.starts_with("vendor/")) {
            let text = String::from_utf8(Assets::get(&path).unwrap().data.into_owned()).unwrap();
            let outside = text.replace("http://www.w3.org/2000/svg", "");
            assert!(
                !outside.contains("http://")
                    && !outside.contains("https://")
                    && !outside.contains("@import"),
                "{path}"
            );
        }
    }
}
