//! `${NAME}` in the texts of a configuration or profile file: the value of the environment's
//! variable NAME.

use toml::{Table, Value};

use crate::strict_toml::Mistake;

const MALFORMED: &str = "expected ${NAME} with letters, digits and _, closed by }";

/// What was found while a file's variables were replaced.
#[derive(Debug, Default)]
pub struct Found {
    /// One mistake for each variable without a value, by the key that names it.
    pub unset: Vec<Mistake>,
    /// Variables that cannot be read. Their text is not repeated: it may hold a secret.
    pub malformed: Vec<Mistake>,
}

/// Replaces every variable in the texts of a table, arrays and inner tables included. A variable
/// that is empty has no value.
pub fn expand(
    place: &str,
    table: &mut Table,
    env: &dyn Fn(&str) -> Option<String>,
    found: &mut Found,
) {
    for (key, value) in table.iter_mut() {
        let place = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
        expand_value(&place, value, env, found);
    }
}

fn expand_value(
    place: &str,
    value: &mut Value,
    env: &dyn Fn(&str) -> Option<String>,
    found: &mut Found,
) {
    match value {
        Value::String(text) if text.contains("${") => {
            match expanded(place, text, env, &mut found.unset) {
                Ok(expanded) => *text = expanded,
                Err(text) => found.malformed.push(Mistake::new(place, text)),
            }
        }
        Value::Array(values) => {
            values.iter_mut().for_each(|value| expand_value(place, value, env, found))
        }
        Value::Table(table) => expand(place, table, env, found),
        Value::String(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_) => {}
    }
}

fn expanded(
    place: &str,
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
    unset: &mut Vec<Mistake>,
) -> Result<String, &'static str> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').ok_or(MALFORMED)?;
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(letter) {
            return Err(MALFORMED);
        }
        expanded.push_str(before);
        match env(name).filter(|value| !value.is_empty()) {
            Some(value) => expanded.push_str(&value),
            None => unset.push(Mistake::new(
                place,
                format!("the variable {name} is not set in the environment"),
            )),
        }
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn expand_text(text: &str) -> (Table, Found) {
        let mut table = crate::strict_toml::parse(text).unwrap();
        let mut found = Found::default();
        expand("", &mut table, &|name| (name == "KEY").then(|| "k1".to_owned()), &mut found);
        (table, found)
    }

    #[test]
    fn variables_are_replaced_wherever_a_text_stands() {
        let (table, found) =
            expand_text("a = \"Bearer ${KEY}!\"\nb = \"plain $5\"\n[c]\nd = [1, \"${KEY}\"]\n");
        assert_eq!(table["a"].as_str(), Some("Bearer k1!"));
        assert_eq!(table["b"].as_str(), Some("plain $5"));
        assert_eq!(table["c"]["d"][1].as_str(), Some("k1"));
        assert!(found.unset.is_empty() && found.malformed.is_empty());
    }

    #[test]
    fn an_unset_variable_is_named_with_its_key() {
        let (_, found) = expand_text("[c]\nd = \"${OTHER}-${KEY}\"\n");
        assert_eq!(
            found.unset,
            [Mistake::new("c.d", "the variable OTHER is not set in the environment")]
        );
    }

    #[test]
    fn a_malformed_variable_does_not_repeat_its_text() {
        for bad in ["${KEY", "${}", "${A-B}", "${${KEY}}"] {
            let (_, found) = expand_text(&format!("secret = \"{bad}\"\n"));
            assert_eq!(found.malformed, [Mistake::new("secret", MALFORMED)], "{bad}");
        }
    }
}
