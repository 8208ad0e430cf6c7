//! The README's table of failures names for every cell the tests that show it; they exist.

use crate::text::{root, sources};

#[test]
fn every_cell_of_the_failure_table_names_a_test_that_exists() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let section = readme
        .split("## What each store's failure does")
        .nth(1)
        .and_then(|rest| rest.split("\n## ").next())
        .unwrap();
    let files = sources("tests/gateway").into_iter().chain(sources("src"));
    let code =
        files.map(|file| std::fs::read_to_string(file).unwrap()).collect::<Vec<_>>().join("\n");
    let rows: Vec<&str> =
        section.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| |")).collect();
    assert!(rows.len() >= 4, "{rows:?}");
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").skip(1).collect();
        assert_eq!(cells.len(), 5, "{row}");
        for cell in cells {
            let tests: Vec<&str> =
                cell.split('`').skip(1).step_by(2).filter(|name| !name.contains('/')).collect();
            assert!(!tests.is_empty() || cell.contains("the same"), "nothing shows: {cell}");
            for test in tests {
                assert!(code.contains(&format!("fn {test}(")), "there is no test {test}");
            }
        }
    }
}
