//! What the rules read: our sources, their text without comments, and the paths that they name.

use std::path::{Path, PathBuf};

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files of ours.
pub fn everything() -> Vec<PathBuf> {
    let rooms = ["payments", "testkit", "launch-core", "src", "sandbox", "tests", "bench"];
    rooms.into_iter().flat_map(sources).collect()
}

/// All Rust files below a folder; a folder that does not exist has none.
pub fn sources(folder: &str) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let skipped =
                ["target", "node_modules", ".venv"].iter().any(|name| path.ends_with(name));
            if path.is_dir() && !skipped {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}

/// The file's text without comments.
pub fn code(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(without_comment).collect::<Vec<_>>().join("\n")
}

fn without_comment(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// Fails with every line that `wrong` objects to.
pub fn complain(files: Vec<PathBuf>, wrong: impl Fn(&Path, &str) -> bool) {
    let mut found = Vec::new();
    for file in files {
        for (at, line) in code(&file).lines().enumerate() {
            if wrong(&file, line) {
                found.push(format!("{}:{}: {}", file.display(), at + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The room of a file below `src`, and the module of the room that it is part of.
pub fn place(file: &Path) -> (String, String) {
    let inside = file.strip_prefix(root().join("src")).unwrap().with_extension("");
    let mut parts = inside.iter().map(|part| part.to_string_lossy().into_owned());
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

/// All paths below `crate::` that the code names, braces taken apart, as their segments.
pub fn own_paths(code: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for (at, found) in code.match_indices("crate::") {
        if !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            walk(&code[at + found.len()..], &[], &mut paths);
        }
    }
    paths
}

/// Reads one path or group at the start of `code`; what is left after it.
fn walk<'a>(code: &'a str, before: &[String], paths: &mut Vec<Vec<String>>) -> &'a str {
    let code = code.trim_start();
    if let Some(mut inside) = code.strip_prefix('{') {
        loop {
            inside = inside.trim_start();
            if let Some(rest) = inside.strip_prefix('}') {
                return rest;
            }
            inside = walk(inside, before, paths).trim_start();
            match inside.strip_prefix(',') {
                Some(rest) => inside = rest,
                None => return inside.strip_prefix('}').unwrap_or(inside),
            }
        }
    }
    let end = code.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(code.len());
    let mut path = before.to_vec();
    path.push(code[..end].to_owned());
    match code[end..].strip_prefix("::") {
        Some(rest) if rest.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '{') => {
            walk(rest, &path, paths)
        }
        _ => {
            paths.push(path);
            after_new_name(&code[end..])
        }
    }
}

/// What is left after `as name`.
fn after_new_name(code: &str) -> &str {
    let Some(named) = code.trim_start().strip_prefix("as ") else { return code };
    named.trim_start().trim_start_matches(|c: char| c.is_alphanumeric() || c == '_')
}

/// The path at the start of `code`, or all paths of a group.
pub fn path_at(code: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    walk(code, &[], &mut paths);
    paths
}

#[test]
fn paths_are_read_out_of_groups() {
    let code = "use crate::{books::{sqlite::Books as B, Kind,}, api}; fn f() { crate::rails::base::send(); }";
    let paths: Vec<String> = own_paths(code).iter().map(|path| path.join("::")).collect();
    assert_eq!(paths, ["books::sqlite::Books", "books::Kind", "api", "rails::base::send"]);
}
