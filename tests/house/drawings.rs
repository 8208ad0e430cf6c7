//! `docs/architecture.md` draws what the types say, and has the steps that the code cites.

use std::collections::BTreeSet;

use payments::{intent::State, obligation::ObligationState};

use crate::text::{code, root, sources};

fn page() -> String {
    std::fs::read_to_string(root().join("docs/architecture.md")).unwrap()
}

/// The arrows of the drawing under this heading; `[*]` is its beginning and its end.
fn arrows(heading: &str) -> BTreeSet<(String, String)> {
    let page = page();
    let section = page.split(&format!("\n### {heading}\n")).nth(1).unwrap();
    let drawing = section.split("```").nth(1).unwrap();
    let arrows = drawing.lines().filter_map(|line| line.split_once("-->"));
    let word = |text: &str| text.split(':').next().unwrap_or_default().trim().to_owned();
    arrows.map(|(from, to)| (from.trim().to_owned(), word(to))).collect()
}

fn arrow(from: &str, to: &str) -> (String, String) {
    (from.to_owned(), to.to_owned())
}

#[test]
fn the_drawing_of_obligations_has_exactly_their_steps() {
    let mut drawn = arrows("Obligation");
    drawn.retain(|(from, _)| from != "[*]");
    let mut steps = BTreeSet::new();
    for from in ObligationState::ALL {
        let next = ObligationState::ALL.into_iter().filter(|to| from.step(*to).is_ok());
        steps.extend(next.map(|to| arrow(from.word(), to.word())));
    }
    assert_eq!(drawn, steps);
}

#[test]
fn the_drawing_of_payments_has_every_state_and_its_ends() {
    let drawn = arrows("Payment");
    for state in State::ALL {
        let word = state.word();
        let ends = drawn.contains(&arrow(word, "[*]"));
        assert_eq!(ends, state.is_terminal(), "{word}");
        assert!(drawn.iter().any(|(_, to)| to == word), "nothing leads to {word}");
        let goes_on = drawn.iter().any(|(from, to)| from == word && to != "[*]");
        assert_eq!(goes_on, !state.is_terminal(), "{word}");
    }
    let known = |word: &str| word == "[*]" || State::from_word(word).is_some();
    let strange: Vec<_> = drawn.iter().filter(|(from, to)| !known(from) || !known(to)).collect();
    assert!(strange.is_empty(), "no states of a payment: {strange:?}");
}

/// The states that a list of the code names.
fn states(list: &str) -> Vec<State> {
    let ends = |c: char| !c.is_alphanumeric();
    let names = list.split("State::").skip(1).map(|rest| rest.split(ends));
    let named = |name: &str| State::ALL.into_iter().find(|state| format!("{state:?}") == name);
    names.filter_map(|mut parts| named(parts.next()?)).collect()
}

/// What the methods of a payment allow: from each state of a list to one.
fn transitions() -> BTreeSet<(String, String)> {
    let files = sources("payments/src/intent/transition").into_iter();
    let text = files.map(|file| code(&file)).collect::<Vec<_>>().join(" ");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // What a transfer may do is the most that any payment may.
    let text = text.replace("self.unpaid()", "TRANSFERRING");
    let list = |name: &str| {
        let rest = text.split(&format!("const {name}: [State; ")).nth(1).unwrap();
        states(rest.split(';').next().unwrap())
    };
    let mut found = BTreeSet::new();
    for call in text.split("self.change(").skip(1) {
        let call = call.trim_start().trim_start_matches('&');
        let (from, rest) = match call.strip_prefix('[') {
            Some(rest) => rest.split_once(']').map(|(from, rest)| (states(from), rest)).unwrap(),
            None => call.split_once(',').map(|(name, rest)| (list(name.trim()), rest)).unwrap(),
        };
        let to = states(rest)[0];
        found.extend(from.into_iter().map(|from| arrow(from.word(), to.word())));
    }
    found
}

#[test]
fn the_drawing_of_payments_has_exactly_their_transitions() {
    let mut drawn = arrows("Payment");
    // What the claim makes is no transition: the row begins there.
    drawn.retain(|(from, to)| from != "[*]" && to != "[*]");
    let mut transitions = transitions();
    // A settler's round makes it, for several payments in one commit.
    transitions.insert(arrow(State::Queued.word(), State::Signed.word()));
    assert!(transitions.len() > 15, "only {transitions:?}");
    assert_eq!(drawn, transitions);
}

/// The numbers of the steps that a line of comment cites: "step 7", "Steps 4 to 11".
fn cited(line: &str) -> Vec<usize> {
    let line = line.to_lowercase();
    let Some((_, rest)) = line.split_once("steps ").or_else(|| line.split_once("step ")) else {
        return Vec::new();
    };
    let words = rest.split([' ', ',', '.', ':', ')']);
    let belongs = |word: &&str| matches!(*word, "to" | "and") || word.parse::<u8>().is_ok();
    let listed = words.take_while(belongs);
    listed.filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn every_step_that_the_code_cites_is_in_the_page() {
    let page = page();
    let life = page.split("\n## The life of a payment\n").nth(1).unwrap();
    let life = life.split("\n## ").next().unwrap();
    let steps = (1..).take_while(|number| life.contains(&format!("\n{number}. **"))).count();
    let mut found = 0;
    for file in sources("src").into_iter().chain(sources("payments/src")) {
        let text = std::fs::read_to_string(&file).unwrap();
        for line in text.lines().filter(|line| line.trim_start().starts_with("//")) {
            let numbers = cited(line);
            found += numbers.len();
            let missing: Vec<_> = numbers.iter().filter(|number| **number > steps).collect();
            assert!(missing.is_empty(), "{}: no step {missing:?} in the page", file.display());
        }
    }
    assert!(found > 5, "the code cites {found} steps");
}

#[test]
fn citations_are_read_out_of_a_comment() {
    assert_eq!(cited("//! Steps 4 to 11 of docs/architecture.md."), [4, 11]);
    assert_eq!(cited("/// Step 3: no credential"), [3]);
    assert!(cited("/// One step of an obligation").is_empty());
}
