//! The documents speak of files, links and keys that there are.

use std::path::{Path, PathBuf};

use crate::text::{code, root};

/// How the name of a file in a document ends.
const ENDINGS: [&str; 10] = ["rs", "md", "toml", "sql", "json", "yaml", "yml", "sol", "mjs", "png"];

/// The documents for people: those of the root, and all below `docs/`.
fn documents() -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![root().join("docs")]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path if path.extension().is_some_and(|ending| ending == "md") => files.push(path),
                _ => {}
            }
        }
    }
    let of_the_root = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];
    files.extend(of_the_root.map(|name| root().join(name)));
    files
}

/// The paths of our files that a text names: what has a slash, and one of the endings.
fn paths(text: &str) -> Vec<&str> {
    let inside = |c: char| c.is_ascii_alphanumeric() || "_-./:*<>{}".contains(c);
    let words = text.split(|c: char| !inside(c)).map(|word| word.trim_end_matches(['.', ':']));
    let named = |word: &&str| {
        let ending = word.rsplit_once('.').map_or("", |(_, ending)| ending);
        let pattern = word.contains(['*', '<', '{', ':']) || word.starts_with(['.', '/']);
        word.contains('/') && ENDINGS.contains(&ending) && !pattern
    };
    words.filter(named).collect()
}

/// The targets of Markdown links that lead to a file.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = targets.map(|target| target.split('#').next().unwrap_or_default());
    files.filter(|file| !file.is_empty() && !file.contains("://")).collect()
}

#[test]
fn every_path_and_link_in_the_documents_leads_to_a_file() {
    let (mut missing, mut seen) = (Vec::new(), 0);
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        let beside = document.parent().unwrap_or(Path::new(""));
        let linked = links(&text).into_iter().map(|link| (link, beside.join(link)));
        let linked: Vec<_> = linked.collect();
        // A path may be written from the root, or from the document.
        let named = paths(&text).into_iter().map(|path| (path, root().join(path)));
        let named = named.filter(|(path, file)| !file.exists() && !beside.join(path).exists());
        seen += linked.len() + paths(&text).len();
        for (path, _) in linked.iter().filter(|(_, file)| !file.exists()).cloned().chain(named) {
            missing.push(format!("{}: {path}", document.display()));
        }
    }
    assert!(seen > 200, "only {seen} paths are read out of the documents");
    assert!(missing.is_empty(), "there is no such file:\n{}", missing.join("\n"));
}

#[test]
fn paths_are_read_out_of_a_text() {
    let text = "see `src/main.rs`, docs/a.md. not https://host/x.md, *.toml, a/*.rs or main.rs";
    assert_eq!(paths(text), ["src/main.rs", "docs/a.md"]);
    assert_eq!(links("[a](b/c.md#d), [e](#f) and [g](https://h)"), ["b/c.md"]);
}

/// The fields of the structs that a profile is read into, as the file names them.
fn profile_keys() -> Vec<(String, String)> {
    let text = code(&root().join("src/upstream/profile/raw.rs"));
    let (mut of, mut renamed, mut keys) = (String::new(), None, Vec::new());
    for line in text.lines().map(str::trim) {
        if let Some(rest) = line.split("struct ").nth(1) {
            of = rest.split([' ', '{']).next().unwrap_or_default().to_owned();
        }
        if let Some(name) = line.strip_prefix("#[serde(rename = \"") {
            renamed = name.split('"').next().map(str::to_owned);
        }
        let field = line.strip_prefix("pub ").and_then(|rest| rest.split_once(':'));
        if let Some((field, _)) = field {
            keys.push((of.clone(), renamed.take().unwrap_or_else(|| field.to_owned())));
        }
    }
    keys
}

#[test]
fn every_key_of_a_profile_is_in_its_page() {
    let page = std::fs::read_to_string(root().join("docs/profiles.md")).unwrap();
    let keys = profile_keys();
    assert!(keys.len() > 50, "only {} keys are read: {keys:?}", keys.len());
    // By its name; or as a table, or with a value.
    let said = |key: &str| {
        let named = [format!("`{key}`"), format!("[{key}]")];
        let set = [format!("`{key} = "), format!(" {key} = ")];
        named.iter().chain(&set).any(|form| page.contains(form))
    };
    let missing: Vec<_> = keys.iter().filter(|(_, key)| !said(key)).collect();
    assert!(missing.is_empty(), "docs/profiles.md says nothing of {missing:?}");
}
