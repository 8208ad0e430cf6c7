//! Hosted nodes carry their key in the URL and like to repeat it in their errors: it is cut out of
//! every text.

use http::Uri;

/// The longest text of a node that is passed on, in characters.
const MAX_TEXT_CHARS: usize = 200;
/// Shorter parts of a path (`v2`, `rpc`) are words and not keys.
const MIN_SECRET_BYTES: usize = 8;

/// The parts of the node's URL that nobody may see.
#[derive(Clone, Default)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// Everything that can be a credential: user and password, long path segments, the query.
    pub(super) fn of(uri: &Uri, user_info: Option<&str>) -> Self {
        let user_info = user_info.into_iter().flat_map(|text| text.split(':'));
        let path = uri.path().split('/').filter(|part| part.len() >= MIN_SECRET_BYTES);
        let query = uri.query().into_iter().flat_map(|query| query.split('&'));
        let query = query.map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value));
        let mut parts: Vec<String> = user_info
            .chain(path)
            .chain(query)
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect();
        // The longest first: a short one may be a part of it.
        parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
        Self(parts)
    }

    /// The text without them, on one line, cut to a bearable length.
    pub(super) fn redact(&self, text: &str) -> String {
        let clean = self
            .0
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"));
        let clean = clean.chars().map(|c| if c.is_control() { ' ' } else { c });
        clean.take(MAX_TEXT_CHARS).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_of_the_url_that_may_be_a_key_is_shown() {
        let uri = Uri::from_static("https://node.example/v2/abcdefghijkl?key=s3cr");
        let secrets = Secrets::of(&uri, Some("alice:pa55"));
        let shown =
            secrets.redact("v2: no plan for abcdefghijkl, s3cr of alice/pa55\nat node.example");
        assert_eq!(shown, "v2: no plan for ***, *** of ***/*** at node.example");
        assert_eq!(secrets.redact(&"x".repeat(1000)).len(), MAX_TEXT_CHARS);
    }
}
