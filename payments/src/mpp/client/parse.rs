//! The grammar of `WWW-Authenticate` (RFC 9110, section 11.6.1): challenges and their parameters
//! share one comma-separated list, and a comma inside quotes separates nothing.

use super::MalformedChallenge;

type Parameters = Vec<(String, String)>;

/// The parameters of each Payment challenge, names in lower case.
pub(super) fn payment_challenges(field_value: &str) -> Vec<Result<Parameters, MalformedChallenge>> {
    let mut found: Vec<Result<Parameters, MalformedChallenge>> = Vec::new();
    let mut ours = false;
    for element in elements(field_value) {
        let (token, rest) =
            element.split_at(element.find(|c: char| !is_token(c)).unwrap_or(element.len()));
        let parameter = if rest.trim_start().starts_with('=') {
            element
        } else {
            ours = token.eq_ignore_ascii_case("payment");
            if ours {
                found.push(Ok(Vec::new()));
            }
            rest.trim_start()
        };
        let challenge = if ours && !parameter.is_empty() { found.last_mut() } else { None };
        if let Some(challenge) = challenge
            && let Ok(parameters) = challenge
            && let Err(malformed) = push(parameters, parameter)
        {
            *challenge = Err(malformed);
        }
    }
    found
}

/// The elements of the list, without the blanks around them and without empty ones.
fn elements(field_value: &str) -> Vec<&str> {
    let (mut elements, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in field_value.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                elements.push(&field_value[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    elements.push(&field_value[start..]);
    elements
        .into_iter()
        .map(|element| element.trim_matches([' ', '\t']))
        .filter(|element| !element.is_empty())
        .collect()
}

fn push(parameters: &mut Parameters, parameter: &str) -> Result<(), MalformedChallenge> {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    let name = name.trim_end().to_ascii_lowercase();
    let malformed = |wrong| MalformedChallenge { parameter: name.clone(), wrong };
    if name.is_empty() || !name.chars().all(is_token) {
        return Err(malformed("has no name"));
    }
    if parameters.iter().any(|(known, _)| *known == name) {
        return Err(malformed("occurs twice"));
    }
    let value = value.trim_start();
    let value = match value.strip_prefix('"') {
        Some(quoted) => unquoted(quoted).ok_or_else(|| malformed("is not a whole quoted text"))?,
        None if !value.is_empty() && value.chars().all(is_token) => value.to_owned(),
        None => return Err(malformed("is neither a token nor quoted")),
    };
    parameters.push((name, value));
    Ok(())
}

/// The text up to the closing quote, which must end it. Beside the quoted pairs of RFC 9110,
/// `\uXXXX` in UTF-16 units, which the published servers write for what Latin-1 cannot hold.
fn unquoted(text: &str) -> Option<String> {
    let mut units = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => break,
            '\\' => match chars.next()? {
                'u' if chars
                    .as_str()
                    .get(..4)
                    .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit())) =>
                {
                    let (digits, rest) = chars.as_str().split_at(4);
                    units.push(u16::from_str_radix(digits, 16).ok()?);
                    chars = rest.chars();
                }
                c => units.extend(c.encode_utf16(&mut [0; 2]).iter()),
            },
            c => units.extend(c.encode_utf16(&mut [0; 2]).iter()),
        }
    }
    chars.as_str().is_empty().then(|| String::from_utf16_lossy(&units))
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn escapes_and_commas_inside_quotes_are_text() {
        let field = r#"Basic realm="a, Payment id=\"x\"", Payment id = "a\"b\\c, d" ,E=f, description="20 \u2014 \ud83d\ude80""#;
        let found = payment_challenges(field);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            found,
            [Ok(vec![pair("id", r#"a"b\c, d"#), pair("e", "f"), pair("description", "20 — 🚀")])]
        );
    }

    #[test]
    fn a_malformed_challenge_spoils_no_other() {
        let found = payment_challenges(
            r#"Payment id="a", id="b", Payment id="c", Negotiate abc==, Payment id=d e"#,
        );
        assert_eq!(found.len(), 3);
        assert!(found[0].is_err() && found[2].is_err());
        assert_eq!(found[1].as_ref().unwrap().len(), 1);
    }
}
