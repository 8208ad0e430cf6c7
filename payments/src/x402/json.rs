//! A small reader for untrusted JSON: borrows its strings, refuses a key that occurs twice in one
//! object (two parsers could disagree about which one counts) and nesting beyond [`MAX_DEPTH`].

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

/// Deepest nesting of objects and arrays, the outermost counted.
pub const MAX_DEPTH: usize = 16;

/// One JSON value. Array elements are checked and dropped: no member that we read is an array.
#[derive(Debug)]
pub enum Node<'a> {
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
    Text(Cow<'a, str>),
    Unsigned(u64),
    Array,
    Other,
}

impl<'a> Node<'a> {
    /// Reads exactly one value.
    pub fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let node = Seed { room: MAX_DEPTH }.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(node)
    }

    /// The member of an object; `None` when absent or when this is no object.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => {
                members.iter().find(|(name, _)| name == key).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// What kind of value this is, for error texts.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Object(_) => "an object",
            Self::Text(_) => "a string",
            Self::Unsigned(_) => "a number",
            Self::Array => "an array",
            Self::Other => "null, a boolean or another number",
        }
    }
}

/// Appends a JSON string. Nearly every text needs no escape and is copied as it is.
pub fn push_quoted(out: &mut String, text: &str) {
    if text.bytes().any(|b| b < 0x20 || b == b'"' || b == b'\\') {
        out.push_str(&serde_json::Value::from(text).to_string());
    } else {
        out.push('"');
        out.push_str(text);
        out.push('"');
    }
}

/// A text as a JSON string.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_quoted(&mut out, text);
    out
}

#[derive(Clone, Copy)]
struct Seed {
    room: usize,
}

impl Seed {
    fn inner<E: Error>(self) -> Result<Self, E> {
        match self.room.checked_sub(1) {
            Some(room) => Ok(Self { room }),
            None => Err(E::custom(format_args!("nested deeper than {MAX_DEPTH}"))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seed {
    type Value = Node<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Node<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node<'de>, A::Error> {
        let inner = self.inner()?;
        let mut members = Vec::with_capacity(8);
        while let Some(Node::Text(key)) = map.next_key_seed(Seed { room: 0 })? {
            members.push((key, map.next_value_seed(inner)?));
        }
        refuse_duplicates(&members)?;
        Ok(Node::Object(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node<'de>, A::Error> {
        let inner = self.inner()?;
        while seq.next_element_seed(inner)?.is_some() {}
        Ok(Node::Array)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node<'de>, E> {
        Ok(Node::Unsigned(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node<'de>, E> {
        Ok(Node::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node<'de>, E> {
        Ok(Node::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node<'de>, E> {
        Ok(Node::Other)
    }

    fn visit_unit<E>(self) -> Result<Node<'de>, E> {
        Ok(Node::Other)
    }
}

/// Small objects are compared pair by pair; large ones are sorted, so that a hostile object costs
/// no quadratic time.
fn refuse_duplicates<E: Error>(members: &[(Cow<'_, str>, Node<'_>)]) -> Result<(), E> {
    let duplicate = if members.len() <= 16 {
        members
            .iter()
            .enumerate()
            .find_map(|(i, (key, _))| members[..i].iter().any(|(k, _)| k == key).then_some(&**key))
    } else {
        let mut keys: Vec<&str> = members.iter().map(|(key, _)| &**key).collect();
        keys.sort_unstable();
        keys.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
    };
    match duplicate {
        Some(key) => Err(E::custom(format_args!("the key {key:?} occurs twice"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_members_by_name() {
        let node = Node::parse(r#"{"a":{"b":"x","c":7,"d":[1,{"e":null}],"\u0066":"y"}}"#).unwrap();
        let a = node.get("a").unwrap();
        assert!(matches!(a.get("b"), Some(Node::Text(text)) if text == "x"));
        assert!(matches!(a.get("c"), Some(Node::Unsigned(7))));
        assert!(matches!(a.get("d"), Some(Node::Array)));
        assert!(matches!(a.get("f"), Some(Node::Text(text)) if text == "y"));
        assert!(a.get("e").is_none());
    }

    #[test]
    fn duplicate_keys_are_refused_at_any_place_and_size() {
        let many: String = (0..40).map(|i| format!("\"k{i}\":{i},")).collect();
        for text in [
            r#"{"a":1,"a":1}"#.to_owned(),
            r#"{"x":[{"a":1,"\u0061":2}]}"#.to_owned(),
            format!("{{{many}\"k3\":0}}"),
        ] {
            let error = Node::parse(&text).unwrap_err().to_string();
            assert!(error.contains("occurs twice"), "{error}");
        }
        assert!(Node::parse(&format!("{{{many}\"k40\":0}}")).is_ok());
    }

    #[test]
    fn quoting_agrees_with_serde_json() {
        for text in ["", "plain", "a\"b", "a\\b", "a\nb\u{1}", "naïve – 发射 🚀", "\u{7f}"] {
            assert_eq!(quoted(text), serde_json::to_string(text).unwrap());
        }
    }

    #[test]
    fn depth_ends_at_the_limit() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Node::parse(&nested(MAX_DEPTH)).is_ok());
        assert!(Node::parse(&nested(MAX_DEPTH + 1)).is_err());
        assert!(Node::parse(&"[".repeat(10_000)).is_err());
        assert!(Node::parse("{} {}").is_err());
    }
}
