//! Tests cite the catalogue of faults by number, in their names and in what they say: every number
//! that is cited has its row there.

use std::collections::BTreeSet;

use crate::text::{everything, root};

#[test]
fn every_number_that_is_cited_is_in_the_catalogue() {
    let catalogue = std::fs::read_to_string(root().join("docs/faults.md")).unwrap();
    let rows: BTreeSet<String> = catalogue
        .lines()
        .filter_map(|line| line.strip_prefix("| R"))
        .map(|row| row.chars().take(3).collect())
        .collect();
    assert!(rows.len() > 200, "the catalogue has {} rows", rows.len());
    let mut cited = BTreeSet::new();
    for file in everything() {
        let text = std::fs::read_to_string(&file).unwrap();
        cited.extend(text.split("fn r").skip(1).filter_map(number));
        cited.extend(text.split(|c: char| !c.is_alphanumeric()).filter_map(word));
    }
    assert!(cited.len() > 100, "the tests cite {} numbers", cited.len());
    let missing: Vec<_> = cited.difference(&rows).collect();
    assert!(missing.is_empty(), "docs/faults.md has no row for {missing:?}");
}

/// The three digits before an underscore that a test's name begins with.
fn number(name: &str) -> Option<String> {
    let (digits, _) = name.split_once('_')?;
    (digits.len() == 3 && digits.chars().all(|c| c.is_ascii_digit())).then(|| digits.to_owned())
}

/// The three digits of a word such as R036.
fn word(word: &str) -> Option<String> {
    let digits = word.strip_prefix('R')?;
    (digits.len() == 3 && digits.chars().all(|c| c.is_ascii_digit())).then(|| digits.to_owned())
}
