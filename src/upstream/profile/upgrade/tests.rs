#![allow(clippy::unwrap_used)]

mod spellings;

use testkit::{mutation::mutated, sim::rng::Rng};

use super::*;
use crate::upstream::profile::{Profile, ProfileError, Target};

/// The built-in profile as it was released in schema 1.
const RELEASED: &str = include_str!("../../../../tests/fixtures/profiles/dropspace-schema-1.toml");

fn written(text: &str) -> String {
    match upgrade(text) {
        Ok(Upgrade::Written { text, .. }) => text,
        other => panic!("{other:?} of {text}"),
    }
}

fn load(text: &str) -> Result<Profile, ProfileError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("profile.toml");
    std::fs::write(&path, text).unwrap();
    Profile::load(path.to_str().unwrap(), &|name| (name != "UNSET").then(|| format!("/{name}")))
}

/// The lines of `text` that `other` does not have.
fn beside(text: &str, other: &str) -> Vec<String> {
    text.lines()
        .filter(|line| !line.is_empty() && !other.lines().any(|there| there == *line))
        .map(str::to_owned)
        .collect()
}

/// A profile in words, but for what the released one cannot say: keys of the API that pass, and
/// offers that may be missing.
fn in_words(mut profile: Profile) -> String {
    profile.api_keys.prefixes.clear();
    for route in &mut profile.routes {
        let Target::Upstream(upstream) = &mut route.target else { continue };
        upstream.takes_api_keys = false;
        upstream.offered_if_available.clear();
        // Which schema a body has is compared by what it refuses: a compiled one has no words.
        let refuses = upstream.body.take().map(|body| format!("{:?}", body.contract.check(b"{}")));
        upstream.summary = Some(format!("{:?} {refuses:?}", upstream.summary));
    }
    format!("{profile:#?}")
}

#[test]
fn the_released_profile_changes_in_the_lines_that_schema_2_writes_otherwise() {
    let text = written(RELEASED);
    assert_eq!(
        beside(RELEASED, &text),
        [
            "schema = 1",
            "refused = [400, 403, 404, 409, 422]",
            "ownership = \"core\"",
            "free_tier = { rail = \"x402\", count = 5, window = \"month\" }",
            "billable = { status = [200, 201, 202], has = \"/data/id\" }",
            "resource_id = \"/data/id\"",
        ]
    );
    assert_eq!(
        beside(&text, RELEASED),
        [
            "schema = 2",
            "outcome.refused = { status = [400, 403, 404, 409, 422], has = [\"/error/code\", \"/error/message\"] }",
            "ownership = \"upstream\"",
            "[[quota]]",
            "name = \"launches\"",
            "rail = \"x402\"",
            "count = 5",
            "window = \"month\"",
            "quota = \"launches\"",
            "done = { status = [200, 201, 202], has = \"/data/id\" }",
            "result_id = \"/data/id\"",
        ]
    );
    let comments = |text: &str| {
        text.lines().filter_map(|line| Some(line[line.find('#')?..].to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(comments(&text), comments(RELEASED));
}

#[test]
fn the_released_profile_means_what_the_built_in_one_does() {
    let upgraded = load(&written(RELEASED)).unwrap();
    let built_in = Profile::load("dropspace", &|name| Some(format!("/{name}"))).unwrap();
    assert!(!built_in.api_keys.prefixes.is_empty() && upgraded.api_keys.prefixes.is_empty());
    assert_eq!(in_words(upgraded), in_words(built_in));
}

const HEAD: &str = "schema = 1\nname = \"any\"\nupstream.base_url = \"http://127.0.0.1:1\"\n";

#[test]
fn each_route_gets_a_quota_of_its_own() {
    let tier = "free_tier = { rail = \"x402\", count = 5, window = \"month\" }\n";
    let paths = [
        ("GET", "/launches", "launches-2"),
        ("POST", "/api/launches", "launches"),
        ("POST", "/Posts/:id/Apply_now", "posts-id-apply_now"),
        ("PUT", "/posts/:id/apply_now", "posts-id-apply_now-2"),
        ("GET", "/a-very-long-name/of-more-than-forty/letters", "a-very-long-name-of-more-than-fo"),
    ];
    let routes = paths.map(|(method, path, _)| {
        format!("[[route]]\nmethod = \"{method}\"\npath = \"{path}\"\n{tier}")
    });
    let text = written(&format!("{HEAD}upstream.strip_prefixes = [\"/api\"]\n{}", routes.concat()));
    for (_, _, name) in paths {
        assert_eq!(text.matches(&format!("\nname = \"{name}\"\n")).count(), 1, "{name} in {text}");
        assert_eq!(text.matches(&format!("\nquota = \"{name}\"\n")).count(), 1, "{name} in {text}");
    }
}

#[test]
fn keys_of_the_api_are_told_of_where_the_file_names_none() {
    let keys = "api_keys = { prefixes = [\"ds_\"], routes = [\"POST /launches\"] }\n";
    for (text, named) in [(HEAD.to_owned(), false), (format!("{HEAD}{keys}"), true)] {
        assert!(
            matches!(upgrade(&text), Ok(Upgrade::Written { names_api_keys, .. }) if names_api_keys == named),
            "{text}"
        );
    }
}

#[test]
fn only_schema_1_is_written_anew() {
    assert_eq!(upgrade("schema = 2\nwhatever = 1\n"), Ok(Upgrade::Current));
    assert_eq!(upgrade(&written(RELEASED)), Ok(Upgrade::Current));
    let route = "[[route]]\nmethod = \"GET\"\npath = \"/a\"\n";
    for (text, places) in [
        ("schema = \n".to_owned(), &["file"][..]),
        (String::new(), &["schema"]),
        ("schema = 3\n".to_owned(), &["schema"]),
        ("schema = \"1\"\n".to_owned(), &["schema"]),
        ("[profile]\nschema = 1\n".to_owned(), &["schema"]),
        ("schema = 1\noutcome = {}\nquota = []\n".to_owned(), &["outcome", "quota"]),
        (
            format!("schema = 1\n{route}{route}done = {{}}\nresult_id = \"\"\nquota = \"\"\n"),
            &["route 2 (GET /a).done", "route 2 (GET /a).result_id", "route 2 (GET /a).quota"],
        ),
        (
            format!("schema = 1\n{route}free_tier = {{ count = 0 }}\n"),
            &["route 1 (GET /a).free_tier"],
        ),
    ] {
        let found: Vec<String> =
            upgrade(&text).unwrap_err().into_iter().map(|mistake| mistake.place).collect();
        assert_eq!(found, places, "{text}");
    }
}

#[test]
fn no_text_breaks_the_upgrade() {
    let corpus = [RELEASED, spellings::DOTTED[0], spellings::HEADERS[0], spellings::ARRAY[0]]
        .map(|text| text.as_bytes().to_vec());
    let mut rng = Rng::seeded(13);
    let (mut done, mut refused) = (0, 0);
    for number in 0..1_500 {
        let text = String::from_utf8_lossy(&mutated(&mut rng, &corpus)).into_owned();
        match upgrade(&text) {
            Ok(Upgrade::Written { text: new, .. }) => {
                assert_eq!(upgrade(&new), Ok(Upgrade::Current), "try {number}: {text}");
                done += 1;
            }
            Ok(Upgrade::Current) => assert!(text.contains('2'), "try {number}: {text}"),
            Err(mistakes) => {
                assert!(!mistakes.is_empty(), "try {number}");
                refused += 1;
            }
        }
    }
    assert!(done > 0 && refused > 0, "{done} done, {refused} refused");
}
