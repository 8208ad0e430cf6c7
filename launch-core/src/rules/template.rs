//! Content for platforms that the agent wrote nothing for: title, description and address, cut to
//! fit.

use serde_json::{Map, Value};

use super::platforms::{Platform, TWEET_MAX_CHARS};

/// Fills in what is missing for every platform of the list; what is there stays as it is.
pub fn fill(
    contents: &mut Map<String, Value>,
    platforms: &[Platform],
    title: &str,
    description: Option<&str>,
    product_url: Option<&str>,
) {
    for &platform in platforms {
        let slot = contents.entry(platform.id()).or_insert_with(|| Value::Object(Map::new()));
        let Some(entry) = slot.as_object_mut() else {
            continue;
        };
        if is_written(entry) {
            continue;
        }
        entry.insert(
            "content".to_owned(),
            compose(platform, title, description, product_url).into(),
        );
        if let Some(max) = platform.title_max_chars() {
            entry.entry("title").or_insert_with(|| cut(title, max).into());
        }
    }
}

/// Whether the entry has content of its own: a non-empty `content` or `thread`.
#[must_use]
pub fn is_written(entry: &Map<String, Value>) -> bool {
    let content = entry.get("content").and_then(Value::as_str);
    let thread = entry.get("thread").and_then(Value::as_array);
    content.is_some_and(|text| !text.is_empty()) || thread.is_some_and(|tweets| !tweets.is_empty())
}

fn compose(
    platform: Platform,
    title: &str,
    description: Option<&str>,
    product_url: Option<&str>,
) -> String {
    let max = match platform {
        Platform::Twitter => TWEET_MAX_CHARS,
        other => other.content_max_chars(),
    };
    let url = product_url.map(|url| format!("\n\n{url}")).unwrap_or_default();
    let title_and_url = title.chars().count() + url.chars().count();
    // An address that does not fit is worth nothing cut in half.
    let (url, room) = match max.checked_sub(title_and_url) {
        Some(room) => (url.as_str(), room),
        None => ("", max.saturating_sub(title.chars().count())),
    };
    let body = match description {
        // Two line breaks and at least a few characters, otherwise the description says nothing.
        Some(text) if !text.is_empty() && room > 12 => format!("\n\n{}", cut(text, room - 2)),
        _ => String::new(),
    };
    cut(&format!("{title}{body}{url}"), max)
}

/// At most `max` characters; what is cut ends in an ellipsis.
fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(max.saturating_sub(1)).collect();
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_platform_gets_content_within_its_limits() {
        let title = "t".repeat(200);
        let description = "é".repeat(10_000);
        let mut contents = Map::new();
        fill(
            &mut contents,
            &Platform::ALL,
            &title,
            Some(&description),
            Some("https://example.com/x"),
        );
        for platform in Platform::ALL {
            let entry = &contents[platform.id()];
            let content = entry["content"].as_str().unwrap();
            let max =
                if platform == Platform::Twitter { 280 } else { platform.content_max_chars() };
            assert!(content.chars().count() <= max, "{platform:?}");
            assert!(
                content.starts_with(&title) && content.ends_with("https://example.com/x"),
                "{platform:?}"
            );
            match platform.title_max_chars() {
                Some(max) => assert!(entry["title"].as_str().unwrap().chars().count() <= max),
                None => assert_eq!(entry.get("title"), None),
            }
        }
    }

    #[test]
    fn an_address_that_does_not_fit_is_left_out() {
        let url = format!("https://example.com/{}", "p".repeat(300));
        let text = compose(Platform::Twitter, "a title", Some("words"), Some(&url));
        assert_eq!(text, "a title\n\nwords");
    }

    #[test]
    fn what_the_agent_wrote_stays() {
        let mut contents = Map::new();
        contents.insert("twitter".into(), serde_json::json!({"thread": ["a"]}));
        contents.insert("reddit".into(), serde_json::json!({"title": "mine", "content": ""}));
        fill(&mut contents, &[Platform::Twitter, Platform::Reddit], "t", None, None);
        assert_eq!(contents["twitter"], serde_json::json!({"thread": ["a"]}));
        assert_eq!(contents["reddit"], serde_json::json!({"title": "mine", "content": "t"}));
    }
}
