//! What the agent wrote itself: `platform_contents` or `custom_content`.

use serde_json::{Map, Value, json};

use super::super::contents as rules;
use super::super::fields::Fields;
use super::super::platforms::Platform;
use super::super::refusal::Violation;

const REDDIT_TITLE_MAX_CHARS: usize = 300;

/// The agent's own content per platform, from `platform_contents` or `custom_content`; `None` when
/// it wrote nothing.
pub(super) fn contents(
    fields: &mut Fields<'_>,
    platforms: &[Platform],
) -> Option<Map<String, Value>> {
    let custom = fields.get("custom_content");
    let Some(value) = fields.get("platform_contents") else {
        return custom.map(|custom| custom_contents(fields, custom, platforms));
    };
    if custom.is_some() {
        fields.refuse(Violation::invalid(
            "custom_content",
            "custom_content and platform_contents are mutually exclusive",
        ));
    }
    let Some(map) = value.as_object() else {
        let violation =
            Violation::invalid("platform_contents", "platform_contents must be an object");
        fields.refuse(violation.expected("an object").got(value));
        return Some(Map::new());
    };
    if let Err(found) = rules::check(map, Some(platforms)) {
        fields.violations.extend(found);
    }
    (!map.is_empty()).then(|| map.clone())
}

fn custom_contents(
    fields: &mut Fields<'_>,
    custom: &Value,
    platforms: &[Platform],
) -> Map<String, Value> {
    let (thread, text) = match custom {
        Value::String(text) => (None, text.clone()),
        Value::Array(tweets) => {
            if !platforms.contains(&Platform::Twitter) {
                fields.refuse(Violation::invalid(
                    "custom_content",
                    "a thread needs twitter in platforms",
                ));
            }
            rules::check_thread("custom_content", custom, &mut fields.violations);
            let tweets: Vec<&str> = tweets.iter().filter_map(Value::as_str).collect();
            (Some(custom.clone()), tweets.join("\n\n"))
        }
        other => {
            let expected = "a string or an array of tweets";
            let violation =
                Violation::invalid("custom_content", format!("custom_content must be {expected}"));
            fields.refuse(violation.expected(expected).got(other));
            return Map::new();
        }
    };
    // As a thread its own limit is twitter's; elsewhere the joined text counts.
    let limited =
        platforms.iter().filter(|platform| thread.is_none() || **platform != Platform::Twitter);
    if let Some(tightest) = limited.min_by_key(|platform| platform.content_max_chars())
        && (text.chars().count() > tightest.content_max_chars() || text.trim().is_empty())
    {
        let expected =
            format!("1 to {} characters ({})", tightest.content_max_chars(), tightest.id());
        fields.refuse(
            Violation::invalid("custom_content", format!("custom_content must have {expected}"))
                .expected(expected)
                .got(custom),
        );
    }
    let reddit_title = fields.text("custom_content_reddit_title", 1, REDDIT_TITLE_MAX_CHARS);
    if platforms.contains(&Platform::Reddit) && !fields.has("custom_content_reddit_title") {
        let name = "custom_content_reddit_title";
        fields.refuse(Violation::invalid(
            name,
            format!("{name} is required when custom_content goes to reddit"),
        ));
    }
    let entry = |platform: &Platform| match (platform, &thread, &reddit_title) {
        (Platform::Twitter, Some(thread), _) => json!({"thread": thread}),
        (Platform::Reddit, _, Some(title)) => json!({"title": title, "content": text}),
        _ => json!({"content": text}),
    };
    platforms.iter().map(|platform| (platform.id().to_owned(), entry(platform))).collect()
}
