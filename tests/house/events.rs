//! Log events: each has a name, `noun.verb`, and says the rest in fields.

use crate::text::{code, root, sources};

/// The macros that write an event.
const MACROS: [&str; 6] = ["trace!(", "debug!(", "info!(", "warn!(", "error!(", "event!("];

#[test]
fn every_event_is_named_noun_dot_verb() {
    let (mut wrong, mut found) = (Vec::new(), 0);
    for file in
        ["src", "sandbox/src", "launch-core/src", "payments/src"].into_iter().flat_map(sources)
    {
        for event in events(&code(&file)) {
            found += 1;
            let name = message(event);
            if !name.is_some_and(is_name) {
                wrong.push(format!("{}: {}", file.strip_prefix(root()).unwrap().display(), event));
            }
        }
    }
    assert!(found > 50, "only {found} events were found");
    assert!(wrong.is_empty(), "not noun.verb:\n{}", wrong.join("\n"));
}

/// The arguments of every event in the text.
fn events(text: &str) -> Vec<&str> {
    let starts = MACROS.iter().flat_map(|name| {
        text.match_indices(&format!("tracing::{name}"))
            .map(|(at, found)| at + found.len())
            .collect::<Vec<_>>()
    });
    starts.filter_map(|start| arguments(&text[start..])).collect()
}

/// What stands before the parenthesis that closes the call.
fn arguments(text: &str) -> Option<&str> {
    let (mut depth, mut quoted, mut escaped) = (1_u32, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(&text[..at]);
        }
    }
    None
}

/// The message: the last argument, a literal. Fields come before it.
fn message(arguments: &str) -> Option<&str> {
    let rest = arguments.trim_end().trim_end_matches(',').trim_end().strip_suffix('"')?;
    let start = rest.rfind('"')?;
    let before = rest[..start].trim_end();
    (before.is_empty() || before.ends_with(',')).then(|| &rest[start + 1..])
}

fn is_name(message: &str) -> bool {
    let word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    message.split_once('.').is_some_and(|(noun, verb)| word(noun) && word(verb))
}

#[test]
fn messages_are_read_out_of_events() {
    let text = r#"tracing::warn!(error = %chain(&e), why = "a (b", "lease.lost"); tracing::info!("gateway.stopped",);
        tracing::error!(%error); tracing::debug!("a lease was lost: {error}");"#;
    let names: Vec<_> = events(text).into_iter().map(message).collect();
    assert_eq!(names.len(), 4);
    assert!(names.contains(&Some("lease.lost")) && names.contains(&Some("gateway.stopped")));
    assert!(names.contains(&None) && !is_name("a lease was lost: {error}"));
    assert!(is_name("payment.settled") && !is_name("signer.hole: a nonce") && !is_name("settled"));
}
