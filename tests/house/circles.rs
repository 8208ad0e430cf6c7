//! A module imports only what stands below it: no two modules of a room import each other, not even
//! by way of others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::text::{code, path_at, root, sources};

/// The rooms whose modules form no circle.
const ROOMS: [&str; 3] = ["app", "gateway", "http"];

/// A module's path below `crate`.
type Module = Vec<String>;
type Imports = BTreeMap<Module, BTreeSet<Module>>;

#[test]
fn no_modules_import_each_other() {
    let mut files = BTreeMap::new();
    for room in ROOMS {
        for file in sources(&format!("src/{room}")) {
            if !file.ends_with("tests.rs") {
                files.insert(module(&file), without_tests(&code(&file)));
            }
        }
    }
    let found = circles(&imports(&files));
    assert!(found.is_empty(), "these modules import each other:\n{}", found.join("\n"));
}

fn module(file: &Path) -> Module {
    let inside = file.strip_prefix(root().join("src")).unwrap().with_extension("");
    let parts = inside.iter().map(|part| part.to_string_lossy().into_owned());
    parts.filter(|part| part != "mod").collect()
}

/// What stands before the tests beside the code: `super` means another module in there.
fn without_tests(code: &str) -> String {
    code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
}

fn imports(files: &BTreeMap<Module, String>) -> Imports {
    let of = |own: &Module, code: &String| {
        let children =
            files.keys().filter(|other| other.len() == own.len() + 1 && other.starts_with(own));
        let children: Vec<&str> =
            children.filter_map(|child| child.last()).map(String::as_str).collect();
        let named = paths(code, &children);
        let found = named.iter().filter_map(|path| nearest(absolute(own, path), files));
        found.filter(|other| other != own).collect()
    };
    files.iter().map(|(own, code)| (own.clone(), of(own, code))).collect()
}

/// Every path of ours that the code names: its imports, and what it calls by a path.
fn paths(code: &str, children: &[&str]) -> Vec<Vec<String>> {
    let (imports, rest) = split(code);
    let starts: Vec<&str> =
        ["crate", "super", "self"].into_iter().chain(children.iter().copied()).collect();
    let mut found = Vec::new();
    for import in imports {
        found.extend(path_at(import).into_iter().filter(|path| starts.contains(&path[0].as_str())));
    }
    for start in starts {
        for (at, _) in rest.match_indices(&format!("{start}::")) {
            let whole = !rest[..at].ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c));
            if whole {
                found.extend(path_at(&rest[at..]));
            }
        }
    }
    found
}

/// The paths of `use` statements, and the code without them and without `pub(in ...)`.
fn split(code: &str) -> (Vec<&str>, String) {
    let (mut imports, mut rest, mut left) = (Vec::new(), String::new(), code);
    while let Some(at) = left.find("use ") {
        let line = left[..at].rsplit('\n').next().unwrap_or_default().trim();
        let (before, after) = left.split_at(at + "use ".len());
        rest.push_str(before);
        left = after;
        if (line.is_empty() || line.starts_with("pub"))
            && let Some((import, more)) = after.split_once(';')
        {
            imports.push(import);
            left = more;
        }
    }
    rest.push_str(left);
    (imports, rest.replace("(in super::super)", "").replace("(in crate::", "("))
}

/// The path from the crate's root.
fn absolute(own: &Module, path: &[String]) -> Module {
    let up = path.iter().take_while(|part| ["super", "self"].contains(&part.as_str())).count();
    let supers = path[..up].iter().filter(|part| *part == "super").count();
    let base = match path[0].as_str() {
        "crate" => return path[1..].to_vec(),
        _ => &own[..own.len().saturating_sub(supers)],
    };
    let rest = path[up..].iter().filter(|part| *part != "self");
    base.iter().chain(rest).cloned().collect()
}

/// The module that a path leads into.
fn nearest(mut path: Module, files: &BTreeMap<Module, String>) -> Option<Module> {
    while !path.is_empty() && !files.contains_key(&path) {
        path.pop();
    }
    (!path.is_empty()).then_some(path)
}

fn circles(imports: &Imports) -> Vec<String> {
    let reached: BTreeMap<&Module, BTreeSet<&Module>> =
        imports.keys().map(|own| (own, reached(imports, own))).collect();
    let mut named = BTreeSet::new();
    for (own, theirs) in &reached {
        let circle = theirs
            .iter()
            .filter(|other| reached.get(**other).is_some_and(|back| back.contains(own)));
        let circle: BTreeSet<String> = circle.map(|module| module.join("::")).collect();
        if !circle.is_empty() {
            named.insert(circle.into_iter().collect::<Vec<_>>().join(", "));
        }
    }
    named.into_iter().collect()
}

fn reached<'a>(imports: &'a Imports, from: &Module) -> BTreeSet<&'a Module> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(own) = open.pop() {
        for other in imports.get(own).into_iter().flatten() {
            if seen.insert(other) {
                open.push(other);
            }
        }
    }
    seen
}

#[test]
fn circles_are_found_by_import_and_by_path() {
    let files = |texts: [(&str, &str); 4]| -> BTreeMap<Module, String> {
        let path = |name: &str| name.split("::").map(str::to_owned).collect();
        texts.into_iter().map(|(name, text)| (path(name), text.to_owned())).collect()
    };
    let straight = files([
        ("a", "pub use low::Low;\nfn f() { high::g() }"),
        ("a::high", "use super::{\n    mid as m,\n    low::{self, Low},\n};"),
        ("a::mid", "pub(in super::super) fn h() { super::low::f() }"),
        ("a::low", "use std::sync::Arc;"),
    ]);
    assert_eq!(circles(&imports(&straight)), Vec::<String>::new());
    assert_eq!(imports(&straight).values().map(BTreeSet::len).collect::<Vec<_>>(), [2, 2, 0, 1]);
    let round = files([
        ("a", "pub mod x;"),
        ("a::x", "use crate::a::y::Y;"),
        ("a::y", "fn f() { super::z::g() }"),
        ("a::z", "use super::x;"),
    ]);
    assert_eq!(circles(&imports(&round)), ["a::x, a::y, a::z"]);
}
