//! How code is written here: no match on a bool, no tuple as a parameter, no error that is a text.

use std::path::Path;

use crate::text::{code, complain, everything, sources};

#[test]
fn nothing_matches_on_a_bool() {
    complain(everything(), |_, line| {
        let arm = line.trim_start();
        let rest = arm.strip_prefix("true ").or_else(|| arm.strip_prefix("false "));
        rest.is_some_and(|rest| rest.starts_with("=>") || rest.starts_with("if "))
    });
}

#[test]
fn no_parameter_is_a_tuple() {
    let found: Vec<String> = everything()
        .iter()
        .flat_map(|file| {
            let tuples = tuple_parameters(&code(file));
            tuples.into_iter().map(|tuple| format!("{}: {tuple}", file.display()))
        })
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// An error is a closed type, so that whoever gets it can tell what happened.
#[test]
fn no_error_is_a_text() {
    let files = ["src", "payments/src", "sandbox/src", "launch-core/src"];
    let found: Vec<String> = files
        .into_iter()
        .flat_map(sources)
        .filter(|file| !is_test(file))
        .flat_map(|file| {
            let code = code(&file);
            let own = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let wrong = text_errors(own);
            wrong.into_iter().map(move |wrong| format!("{}: {wrong}", file.display()))
        })
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

fn is_test(file: &Path) -> bool {
    file.iter().any(|part| part == "tests" || part == "tests.rs")
}

/// Every parameter that is taken apart as a tuple, or is one by its type.
fn tuple_parameters(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, keyword) in code.match_indices("fn ") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let after = &code[at + keyword.len()..];
        let name = after.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(after.len());
        let mut rest = &after[name..];
        if name > 0 && rest.starts_with('<') {
            rest = &rest[inside(rest).len() + 2..];
        }
        if name > 0 && rest.starts_with('(') {
            let parameters = parts(inside(rest)).into_iter();
            found.extend(parameters.filter(|parameter| is_tuple(parameter)).map(str::to_owned));
        }
    }
    found
}

fn is_tuple(parameter: &str) -> bool {
    let of_type = parameter.split_once(": ").map_or("", |(_, of_type)| of_type);
    let of_type = of_type.trim_start_matches('&').trim_start_matches("mut ");
    let is_one = |text: &str| text.starts_with('(') && parts(inside(text)).len() > 1;
    is_one(parameter.trim_start_matches('&')) || is_one(of_type)
}

/// Every `Result` whose error is a `String`.
fn text_errors(code: &str) -> Vec<String> {
    let of = |at: usize| inside(&code[at + "Result".len()..]);
    let results = code.match_indices("Result<").map(|(at, _)| of(at));
    let wrong = results.filter(|named| {
        let parts = parts(named);
        parts.len() == 2 && parts[1] == "String"
    });
    wrong.map(|named| format!("Result<{named}>")).collect()
}

/// What stands between the bracket at the start and the one that closes it.
fn inside(text: &str) -> &str {
    let mut depth = 0_usize;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' | '<' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '>' if !"-=".contains(before) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return &text[1.min(at)..at];
        }
        before = c;
    }
    ""
}

/// What commas divide, outside of all brackets.
fn parts(text: &str) -> Vec<&str> {
    let (mut found, mut depth, mut start, mut before) = (Vec::new(), 0_i32, 0, ' ');
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' | '<' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            '>' if !"-=".contains(before) => depth -= 1,
            ',' if depth == 0 => {
                found.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
        before = c;
    }
    found.push(text[start..].trim());
    found.retain(|part| !part.is_empty());
    found
}

#[test]
fn tuples_and_texts_are_found_where_they_are() {
    // Written otherwise, so that this file itself has none.
    let code = "FN a((x, y): (u8, u8), z: u8) {}
         FN b<T: Into<(u8, u8)>>(both: &(u8, u8), of: &mut (impl A + B)) -> (u8, u8) {}
         pub(super) FN c(f: impl Fn((u8, u8)) -> u8, g: fn(u8), unit: ()) {}";
    let tuples = tuple_parameters(&code.replace("FN", "fn"));
    assert_eq!(tuples, ["(x, y): (u8, u8)", "both: &(u8, u8)"]);
    let texts = text_errors(
        "Result<(u8, String), Error>; Result<String, String>;
         Result<HashMap<u8, String>, Box<dyn Fn(u8) -> String>>;",
    );
    assert_eq!(texts, ["Result<String, String>"]);
}
