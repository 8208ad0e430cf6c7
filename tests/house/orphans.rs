//! Every file is a module of its crate: one that no `mod` names is never compiled.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use crate::text::{code, root, sources};

const CRATES: [(&str, &str); 5] = [
    ("src", "main.rs"),
    ("payments/src", "lib.rs"),
    ("testkit/src", "lib.rs"),
    ("launch-core/src", "lib.rs"),
    ("sandbox/src", "lib.rs"),
];

#[test]
fn every_file_is_reached_from_its_crates_root() {
    for (folder, top) in CRATES {
        let mut reached = BTreeSet::new();
        let mut open = vec![root().join(folder).join(top).canonicalize().unwrap()];
        while let Some(file) = open.pop() {
            if reached.insert(file.clone()) {
                open.extend(declared(&file));
            }
        }
        let files = sources(folder).into_iter().map(|file| file.canonicalize().unwrap());
        let orphans: Vec<_> = files.filter(|file| !reached.contains(file)).collect();
        assert!(reached.len() > 1 && orphans.is_empty(), "no module names {orphans:?}");
    }
}

/// The files that a file declares as its modules.
fn declared(file: &Path) -> Vec<PathBuf> {
    let beside = file.parent().unwrap();
    let folders = [beside.join(file.file_stem().unwrap_or_default()), beside.to_owned()];
    let code = code(file);
    let mut found = Vec::new();
    let mut named = None;
    for line in code.lines() {
        if let Some(name) = module_name(line) {
            // Where a path is given, it is read from the file's own folder.
            let given = named.take().map(|path: &str| beside.join(path));
            found.extend(given.or_else(|| existing(&folders, name)));
        }
        named = line.trim().strip_prefix("#[path = \"").and_then(|path| path.strip_suffix("\"]"));
    }
    found.iter().filter_map(|file| file.canonicalize().ok()).collect()
}

fn existing(folders: &[PathBuf], name: &str) -> Option<PathBuf> {
    let places = folders
        .iter()
        .flat_map(|folder| [folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs")]);
    places.into_iter().find(|place| place.is_file())
}

/// The name in `mod name;`, however public it is.
fn module_name(line: &str) -> Option<&str> {
    let (before, name) = line.trim().strip_suffix(';')?.split_once("mod ")?;
    let visible = before.is_empty() || (before.starts_with("pub") && before.ends_with(' '));
    (visible && name.chars().all(|c| c.is_alphanumeric() || c == '_')).then_some(name)
}

#[test]
fn modules_are_read_out_of_their_declarations() {
    let names = ["mod a;", "pub mod b;", "    pub(in crate::x) mod c;", "use mod d;", "mod e {"];
    assert_eq!(names.map(module_name), [Some("a"), Some("b"), Some("c"), None, None]);
}
