//! `platform_contents`: what each platform's entry may hold, and how a change is merged into it.

use serde_json::{Map, Value};

use super::platforms::{Platform, THREAD_MAX_TWEETS, TWEET_MAX_CHARS};
use super::refusal::Violation;

const PRIVACY_LEVELS: [&str; 4] =
    ["PUBLIC_TO_EVERYONE", "FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"];
const TIKTOK_FLAGS: [&str; 7] = [
    "allow_comments",
    "allow_duet",
    "allow_stitch",
    "is_commercial",
    "is_your_brand",
    "is_branded_content",
    "auto_add_music",
];

/// Checks every entry. With `targets` (at creation) an entry must belong to one of them and written
/// reddit content needs a title.
///
/// # Errors
/// Every violation found.
pub fn check(
    contents: &Map<String, Value>,
    targets: Option<&[Platform]>,
) -> Result<(), Vec<Violation>> {
    let mut found = Vec::new();
    for (id, value) in contents {
        let at = format!("platform_contents.{id}");
        let Some(platform) = Platform::from_id(id) else {
            found.push(
                Violation::invalid(at, "unknown platform")
                    .expected(Platform::names(&Platform::ALL))
                    .got(&Value::from(id.as_str())),
            );
            continue;
        };
        if targets.is_some_and(|targets| !targets.contains(&platform)) {
            found.push(Violation::invalid(
                &at,
                format!("{id} is not one of the launch's platforms"),
            ));
        }
        match value.as_object() {
            Some(entry) => check_entry(&at, platform, entry, targets.is_some(), &mut found),
            None => found
                .push(Violation::invalid(at, "must be an object").expected("an object").got(value)),
        }
    }
    if found.is_empty() { Ok(()) } else { Err(found) }
}

fn check_entry(
    at: &str,
    platform: Platform,
    entry: &Map<String, Value>,
    at_creation: bool,
    found: &mut Vec<Violation>,
) {
    let has = |name: &str| entry.get(name).filter(|value| !value.is_null());
    let content = has("content");
    if let Some(value) = content {
        check_text(&format!("{at}.content"), value, 0, platform.content_max_chars(), found);
    }
    if let Some(value) = has("thread") {
        if platform == Platform::Twitter {
            check_thread(&format!("{at}.thread"), value, found);
        } else {
            found.push(Violation::invalid(format!("{at}.thread"), "only twitter has threads"));
        }
        if content.is_some_and(|content| content != "") {
            found.push(Violation::invalid(at, "content and thread are mutually exclusive"));
        }
    }
    if let Some(max) = platform.title_max_chars() {
        let needs_title = platform == Platform::Reddit;
        match has("title") {
            Some(value) => {
                check_text(&format!("{at}.title"), value, usize::from(needs_title), max, found)
            }
            None if needs_title && at_creation && content.is_some_and(|content| content != "") => {
                found.push(
                    Violation::invalid(format!("{at}.title"), "reddit requires a title")
                        .expected("1 to 300 characters"),
                );
            }
            None => {}
        }
    }
    if let Some(value) = has("tiktok_settings").filter(|_| platform == Platform::Tiktok) {
        check_tiktok(&format!("{at}.tiktok_settings"), value, found);
    }
}

fn check_text(at: &str, value: &Value, min: usize, max: usize, found: &mut Vec<Violation>) {
    let fits = |text: &str| {
        (min..=max).contains(&text.chars().count()) && (min == 0 || !text.trim().is_empty())
    };
    if !value.as_str().is_some_and(fits) {
        let expected = format!("a string of {min} to {max} characters");
        found.push(
            Violation::invalid(at, format!("must be {expected}")).expected(expected).got(value),
        );
    }
}

/// A thread: one to six tweets of 1 to 280 characters.
pub(super) fn check_thread(at: &str, value: &Value, found: &mut Vec<Violation>) {
    match value.as_array().filter(|tweets| (1..=THREAD_MAX_TWEETS).contains(&tweets.len())) {
        None => {
            let expected = format!("an array of 1 to {THREAD_MAX_TWEETS} tweets");
            found.push(
                Violation::invalid(at, format!("must be {expected}")).expected(expected).got(value),
            );
        }
        Some(tweets) => {
            for (index, tweet) in tweets.iter().enumerate() {
                check_text(&format!("{at}[{index}]"), tweet, 1, TWEET_MAX_CHARS, found);
            }
        }
    }
}

fn check_tiktok(at: &str, value: &Value, found: &mut Vec<Violation>) {
    let Some(settings) = value.as_object() else {
        found.push(Violation::invalid(at, "must be an object").expected("an object").got(value));
        return;
    };
    let has = |name: &str| settings.get(name).filter(|value| !value.is_null());
    if let Some(level) = has("privacy_level")
        && !level.as_str().is_some_and(|level| PRIVACY_LEVELS.contains(&level))
    {
        let at = format!("{at}.privacy_level");
        found.push(
            Violation::invalid(at, "unknown privacy level")
                .expected(PRIVACY_LEVELS.join(", "))
                .got(level),
        );
    }
    for flag in TIKTOK_FLAGS {
        if let Some(value) = has(flag).filter(|value| !value.is_boolean()) {
            found.push(
                Violation::invalid(format!("{at}.{flag}"), "must be true or false")
                    .expected("true or false")
                    .got(value),
            );
        }
    }
    if settings.get("is_branded_content") == Some(&Value::Bool(true))
        && settings.get("privacy_level").and_then(Value::as_str) == Some("SELF_ONLY")
    {
        found.push(Violation::invalid(at, "branded content cannot use SELF_ONLY privacy"));
    }
}

/// Merges a change, already checked by itself, into what there is: per platform, and inside
/// `tiktok_settings` per setting. Content and thread replace each other.
///
/// # Errors
/// What only the merged whole breaks, for example branded content that becomes SELF_ONLY.
pub fn merge(
    into: &mut Map<String, Value>,
    change: &Map<String, Value>,
) -> Result<(), Vec<Violation>> {
    for (id, value) in change {
        let slot = into.entry(id).or_insert_with(|| Value::Object(Map::new()));
        let (Some(entry), Some(members)) = (slot.as_object_mut(), value.as_object()) else {
            continue;
        };
        for (name, new) in members {
            match (name.as_str(), entry.get_mut(name), new) {
                ("tiktok_settings", Some(Value::Object(old)), Value::Object(settings)) => {
                    old.extend(settings.iter().map(|(name, value)| (name.clone(), value.clone())));
                }
                _ => {
                    entry.insert(name.clone(), new.clone());
                }
            }
            match (name.as_str(), new) {
                ("thread", Value::Array(_)) => drop(entry.shift_remove("content")),
                ("content", Value::String(text)) if !text.is_empty() => {
                    drop(entry.shift_remove("thread"))
                }
                _ => {}
            }
        }
    }
    check(into, None)
}

#[cfg(test)]
mod tests;
