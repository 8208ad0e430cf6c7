//! `contracts/launch-api.md` names for every row the tests that show it; they exist, and so do the
//! cases that it names.

use std::path::Path;

use crate::text::{root, sources};

/// A row has as many cells.
const CELLS: usize = 4;
/// Every code that an agent may get of the launch API.
const CODES: [&str; 15] = [
    "SERVER_002",
    "SERVER_003",
    "SERVER_004",
    "UPLOAD_001",
    "UPLOAD_002",
    "LAUNCH_001",
    "LAUNCH_003",
    "LAUNCH_004",
    "LAUNCH_007",
    "AUTH_002",
    "PAYMENT_001",
    "POST /launches",
    "PATCH /launches/:id",
    "DELETE /launches/:id",
    "POST /launches/:id/publish",
];

#[test]
fn every_row_of_the_launch_api_is_shown_by_a_test() {
    let contract = std::fs::read_to_string(root().join("contracts/launch-api.md")).unwrap();
    for code in CODES {
        assert!(contract.contains(code), "no row speaks of {code}");
    }
    let through_the_gateway = read(
        |file| {
            file.file_stem().is_some_and(|name| name.to_string_lossy().starts_with("launch_api"))
        },
        "tests/gateway",
    );
    let core = read(|_| true, "launch-core/src");
    let rows: Vec<&str> = contract
        .lines()
        .filter(|line| line.starts_with("| ") && !line.ends_with("| shown by |"))
        .collect();
    assert!(rows.len() > 50, "only {} rows", rows.len());
    let mut complaints = Vec::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        assert_eq!(cells.len(), CELLS, "{row}");
        let shown = shown(cells[CELLS - 1]);
        if shown.is_empty() {
            complaints.push(format!("nothing shows: {row}"));
        }
        for (name, case) in shown {
            let (name, text) = name
                .strip_prefix("core:")
                .map_or((name, &through_the_gateway), |name| (name, &core));
            match test(text, name) {
                None => complaints.push(format!("there is no test {name}")),
                Some(body) if case.is_some_and(|case| !body.contains(&format!("\"{case}\""))) => {
                    complaints.push(format!("{name} has no case {case:?}"));
                }
                Some(_) => {}
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

fn read(wanted: impl Fn(&Path) -> bool, folder: &str) -> String {
    let files = sources(folder).into_iter().filter(|file| wanted(file));
    files.map(|file| std::fs::read_to_string(file).unwrap()).collect::<Vec<_>>().join("\n")
}

/// The tests that a cell names, each with its case: `` `name` "case", `other` ``.
fn shown(cell: &str) -> Vec<(&str, Option<&str>)> {
    let parts: Vec<&str> = cell.split('`').collect();
    let pairs = parts[1..].chunks(2);
    pairs.filter(|pair| pair.len() == 2).map(|pair| (pair[0], pair[1].split('"').nth(1))).collect()
}

/// The text of a test, up to the next function.
fn test<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let at = text.find(&format!("fn {name}("))?;
    let before = &text[..at];
    let attribute = before[before.rfind("#[").unwrap_or(0)..].starts_with("#[tokio::test")
        || before[before.rfind("#[").unwrap_or(0)..].starts_with("#[test]");
    let body = &text[at..];
    attribute.then(|| &body[..body.find("\n}\n").map_or(body.len(), |end| end + 2)])
}
