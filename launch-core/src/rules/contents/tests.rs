//! Content per platform: limits, threads, titles, tiktok settings, merging.
#![allow(clippy::unwrap_used)]
use super::*;
use serde_json::json;

fn fields(contents: &Value, targets: Option<&[Platform]>) -> Vec<String> {
    let found = check(contents.as_object().unwrap(), targets).err().unwrap_or_default();
    found.into_iter().map(|violation| violation.field).collect()
}

/// Product text, `platform_contents` of POST.
#[test]
fn each_limit_is_exact() {
    for platform in Platform::ALL {
        let max = platform.content_max_chars();
        let entry = |len: usize| json!({platform.id(): {"content": "é".repeat(len), "title": "t"}});
        assert_eq!(fields(&entry(max), Some(&[platform])), Vec::<String>::new());
        assert_eq!(
            fields(&entry(max + 1), Some(&[platform])),
            [format!("platform_contents.{}.content", platform.id())]
        );
        if let Some(max) = platform.title_max_chars() {
            let entry = |len: usize| json!({platform.id(): {"title": "é".repeat(len)}});
            assert_eq!(fields(&entry(max), None), Vec::<String>::new());
            assert_eq!(
                fields(&entry(max + 1), None),
                [format!("platform_contents.{}.title", platform.id())]
            );
        }
    }
}

#[test]
fn threads_titles_and_tiktok() {
    let twitter = "platform_contents.twitter";
    for (contents, wanted) in [
        (json!({"twitter": {"thread": ["a", "b".repeat(280)]}}), vec![]),
        (
            json!({"twitter": {"thread": ["a", "b".repeat(281)]}}),
            vec![format!("{twitter}.thread[1]")],
        ),
        (json!({"twitter": {"thread": vec!["a"; 7]}}), vec![format!("{twitter}.thread")]),
        (json!({"twitter": {"thread": []}}), vec![format!("{twitter}.thread")]),
        (json!({"twitter": {"thread": ["a"], "content": "b"}}), vec![twitter.to_owned()]),
        (
            json!({"linkedin": {"thread": ["a"]}}),
            vec!["platform_contents.linkedin.thread".to_owned()],
        ),
        (json!({"reddit": {"content": "a"}}), vec!["platform_contents.reddit.title".to_owned()]),
        (
            json!({"reddit": {"content": "a", "title": " "}}),
            vec!["platform_contents.reddit.title".to_owned()],
        ),
        (
            json!({"tiktok": {"tiktok_settings": {"privacy_level": "SELF_ONLY", "allow_duet": true}}}),
            vec![],
        ),
        (
            json!({"tiktok": {"tiktok_settings": {"privacy_level": "ALL", "allow_duet": 1}}}),
            vec![
                "platform_contents.tiktok.tiktok_settings.privacy_level".to_owned(),
                "platform_contents.tiktok.tiktok_settings.allow_duet".to_owned(),
            ],
        ),
        (
            json!({"tiktok": {"tiktok_settings": {"privacy_level": "SELF_ONLY", "is_branded_content": true}}}),
            vec!["platform_contents.tiktok.tiktok_settings".to_owned()],
        ),
        (json!({"myspace": {"content": "a"}}), vec!["platform_contents.myspace".to_owned()]),
        (json!({"substack": {"content": "a"}}), vec!["platform_contents.substack".to_owned()]),
        (json!({"twitter": "a"}), vec![twitter.to_owned()]),
    ] {
        let targets = [Platform::Twitter, Platform::Linkedin, Platform::Reddit, Platform::Tiktok];
        assert_eq!(fields(&contents, Some(&targets)), wanted, "{contents}");
    }
}

#[test]
fn a_change_keeps_what_it_does_not_name() {
    let mut contents = json!({
        "twitter": {"content": "old"},
        "reddit": {"title": "t", "content": "old"},
        "tiktok": {"content": "c", "tiktok_settings": {"privacy_level": "SELF_ONLY", "allow_duet": true}},
    });
    let into = contents.as_object_mut().unwrap();
    let change = json!({
        "twitter": {"thread": ["a"]},
        "reddit": {"content": "new"},
        "tiktok": {"tiktok_settings": {"allow_duet": false}},
        "linkedin": {"content": "added"},
    });
    merge(into, change.as_object().unwrap()).unwrap();
    assert_eq!(
        contents,
        json!({
            "twitter": {"thread": ["a"]},
            "reddit": {"title": "t", "content": "new"},
            "tiktok": {"content": "c", "tiktok_settings": {"privacy_level": "SELF_ONLY", "allow_duet": false}},
            "linkedin": {"content": "added"},
        })
    );
    let branded = json!({"tiktok": {"tiktok_settings": {"is_branded_content": true}}});
    let found = merge(contents.as_object_mut().unwrap(), branded.as_object().unwrap()).unwrap_err();
    assert_eq!(found[0].field, "platform_contents.tiktok.tiktok_settings");
}
