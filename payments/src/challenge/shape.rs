//! Strict version 1 parsers need `error` to be a string, everybody else was promised an object.
//! They cannot be told apart for certain, so a client may ask, and an operator may decide.

/// The form of `error` in a body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ErrorShape {
    /// `{"code","message"}`.
    #[default]
    Object,
    /// `"<code>: <message>"`, with the object as `error_detail`.
    String,
}

/// The operator's setting.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorShapeSetting {
    /// An object unless the client asks for a string.
    #[default]
    Object,
    /// Always a string.
    String,
    /// As `object`, and a string for plain Python and Go clients that show no sign of a newer one.
    Auto,
}

/// The request headers that say what a client can read.
#[derive(Debug, Clone, Copy, Default)]
pub struct ShapeHints<'a> {
    /// `Accept`.
    pub accept: Option<&'a str>,
    /// `X-402-Version`.
    pub x402_version: Option<&'a str>,
    /// `User-Agent`.
    pub user_agent: Option<&'a str>,
    /// The request carries `PAYMENT-SIGNATURE` or `Accept-Payment`.
    pub speaks_newer: bool,
}

impl ErrorShapeSetting {
    /// The form for this client.
    #[must_use]
    pub fn choose(self, hints: &ShapeHints<'_>) -> ErrorShape {
        let string = match self {
            Self::String => true,
            Self::Object => asks_for_string(hints),
            Self::Auto => asks_for_string(hints) || may_be_strict(hints),
        };
        if string { ErrorShape::String } else { ErrorShape::Object }
    }
}

fn asks_for_string(hints: &ShapeHints<'_>) -> bool {
    let accepts =
        |accept: &str| accept.split([',', ';']).any(|part| part.trim() == "application/x402+json");
    hints.accept.is_some_and(accepts)
        || hints.x402_version.is_some_and(|version| version.trim() == "1")
}

fn may_be_strict(hints: &ShapeHints<'_>) -> bool {
    const AGENTS: [&str; 3] = ["python-httpx/", "python-requests/", "Go-http-client/"];
    !hints.speaks_newer
        && hints.user_agent.is_some_and(|agent| AGENTS.iter().any(|known| agent.starts_with(known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asking_beats_the_default_and_auto_guesses_only_plain_clients() {
        let none = ShapeHints::default();
        let asks = ShapeHints { accept: Some("application/x402+json;q=1, */*"), ..none };
        let v1 = ShapeHints { x402_version: Some("1"), ..none };
        let httpx = ShapeHints { user_agent: Some("python-httpx/0.28"), ..none };
        let newer = ShapeHints { speaks_newer: true, ..httpx };
        let (object, string) = (ErrorShape::Object, ErrorShape::String);
        for (setting, hints, expected) in [
            (ErrorShapeSetting::Object, none, object),
            (ErrorShapeSetting::Object, asks, string),
            (ErrorShapeSetting::Object, v1, string),
            (ErrorShapeSetting::Object, httpx, object),
            (ErrorShapeSetting::String, none, string),
            (ErrorShapeSetting::Auto, none, object),
            (ErrorShapeSetting::Auto, httpx, string),
            (ErrorShapeSetting::Auto, newer, object),
        ] {
            assert_eq!(setting.choose(&hints), expected, "{setting:?} {hints:?}");
        }
    }
}
