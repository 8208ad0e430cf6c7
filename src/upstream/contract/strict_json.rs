//! JSON that every reader understands alike: UTF-8, no member twice, nested at most 64 deep,
//! nothing behind it.
//!
//! A member that is there twice is read as the first by some and as the last by others: the gateway
//! would check one launch and the upstream would make another.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{BodyError, shorten};

/// Deepest nesting of arrays and objects.
const MAX_DEPTH: usize = 64;

/// Parses a body.
pub(super) fn parse(body: &[u8]) -> Result<Value, BodyError> {
    let fail = |got: String| BodyError::new("", "one JSON document".to_owned(), got);
    let text = std::str::from_utf8(body).map_err(|error| {
        fail(format!("bytes that are not UTF-8, from byte {}", error.valid_up_to()))
    })?;
    if text.trim_ascii().is_empty() {
        return Err(fail("an empty body".to_owned()));
    }
    let too_deep = Cell::new(false);
    let seed = Strict { depth: 0, too_deep: &too_deep };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed =
        seed.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    parsed.map_err(|error| {
        if too_deep.get() {
            return fail(format!("nesting deeper than {MAX_DEPTH}"));
        }
        fail(shorten(&error.to_string()))
    })
}

struct Strict<'a> {
    depth: usize,
    too_deep: &'a Cell<bool>,
}

impl Strict<'_> {
    fn deeper<E: Error>(&self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            self.too_deep.set(true);
            return Err(E::custom("too deep"));
        }
        Ok(Self { depth: self.depth + 1, too_deep: self.too_deep })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("a number that is too large"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self.deeper()?)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(self.deeper()?)?;
            if object.contains_key(&name) {
                return Err(A::Error::custom(format!("the member {name:?} twice")));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}
