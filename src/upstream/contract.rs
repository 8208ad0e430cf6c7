//! What a body must look like, checked before anything is claimed: strict JSON, then a JSON Schema
//! (2020-12).

mod strict_json;

use std::fmt;

use jsonschema::Validator;
use jsonschema::error::{ValidationError, ValidationErrorKind};
use serde_json::Value;

/// The most findings that one refusal lists.
const MAX_FINDINGS: usize = 20;
/// The longest excerpt of a value in an error, in characters.
const MAX_GOT_CHARS: usize = 60;

/// A compiled schema. No reference leaves the schema: nothing is ever fetched.
pub struct BodyContract {
    validator: Validator,
    /// Kept for the `description` of the part that a body breaks.
    schema: Value,
}

impl fmt::Debug for BodyContract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyContract")
            .field("title", &self.schema.get("title"))
            .finish_non_exhaustive()
    }
}

/// A schema that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContractError {
    /// Not JSON.
    #[error("the schema is not JSON: {0}")]
    NotJson(String),
    /// Not a schema, or with references that leave it.
    #[error("the schema cannot be compiled: {0}")]
    NotASchema(String),
}

/// The first thing that is wrong with a body: 400 SERVER_002.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BodyError {
    /// The member, for example `platform_contents.twitter.thread[2]`; `body` for the whole.
    pub field: String,
    /// What would be accepted.
    pub expected: String,
    /// What was sent, shortened; never the whole body.
    pub got: String,
    /// One sentence for people.
    pub message: String,
}

impl BodyError {
    /// `pointer` is a JSON pointer.
    fn new(pointer: &str, expected: String, got: String) -> Self {
        let field = dotted(pointer);
        let message = format!("{field}: expected {expected}, got {got}");
        Self { field, expected, got, message }
    }
}

impl BodyContract {
    /// Compiles a schema.
    ///
    /// # Errors
    /// [`ContractError`].
    pub fn compile(schema_json: &str) -> Result<Self, ContractError> {
        let schema: Value = serde_json::from_str(schema_json)
            .map_err(|error| ContractError::NotJson(error.to_string()))?;
        let validator = jsonschema::draft202012::options()
            .offline()
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false)
            .build(&schema)
            .map_err(|error| ContractError::NotASchema(error.to_string()))?;
        Ok(Self { validator, schema })
    }

    /// The schema itself, for the generated descriptions.
    #[must_use]
    pub const fn schema(&self) -> &Value {
        &self.schema
    }

    /// Reads and checks a body.
    ///
    /// # Errors
    /// Not UTF-8, not JSON, a member twice, nested deeper than 64; or the parts of the schema that
    /// do not hold, at most 20. Never empty.
    pub fn check(&self, body: &[u8]) -> Result<Value, Vec<BodyError>> {
        let body = strict_json::parse(body).map_err(|error| vec![error])?;
        let mut findings: Vec<BodyError> = Vec::new();
        for error in self.validator.iter_errors(&body) {
            let finding = self.explain(&error);
            // One member can break several rules of the schema; the first says enough.
            if findings.iter().all(|other| other.field != finding.field) {
                findings.push(finding);
            }
            if findings.len() == MAX_FINDINGS {
                break;
            }
        }
        if findings.is_empty() { Ok(body) } else { Err(findings) }
    }

    fn explain(&self, error: &ValidationError<'_>) -> BodyError {
        let mut field = error.instance_path().as_str().to_owned();
        let schema_path = error.schema_path().as_str();
        let mut part = schema_path.rsplit_once('/').map_or("", |(part, _)| part).to_owned();
        let mut got = excerpt(error.instance());
        match error.kind() {
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                let name = name.replace('~', "~0").replace('/', "~1");
                field = format!("{field}/{name}");
                part = format!("{part}/properties/{name}");
                if self.description(&part).is_none() {
                    part = format!("/properties/{name}");
                }
                "nothing".clone_into(&mut got);
            }
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                if let Some(name) = unexpected.first() {
                    got = shorten(&format!("the unknown member {name:?}"));
                }
            }
            ValidationErrorKind::PropertyNames { error: inner } => {
                got = excerpt(inner.instance());
                if let Some((inner_part, _)) = inner.schema_path().as_str().rsplit_once('/') {
                    inner_part.clone_into(&mut part);
                }
            }
            _ => {}
        }
        let expected = self.description(&part).map_or_else(|| rule(error.kind()), str::to_owned);
        BodyError::new(&field, expected, got)
    }

    fn description(&self, part: &str) -> Option<&str> {
        self.schema.pointer(part)?.get("description")?.as_str()
    }
}

/// `/a/b/2` as `a.b[2]`.
fn dotted(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        let name = part.replace("~1", "/").replace("~0", "~");
        match name.parse::<usize>() {
            Ok(index) if !path.is_empty() => path.push_str(&format!("[{index}]")),
            _ if path.is_empty() => path = name,
            _ => path.push_str(&format!(".{name}")),
        }
    }
    if path.is_empty() { "body".to_owned() } else { path }
}

/// The broken rule, for a part of a schema without a description.
fn rule(kind: &ValidationErrorKind) -> String {
    use ValidationErrorKind as Kind;
    match kind {
        Kind::MaxLength { limit } => format!("at most {limit} characters"),
        Kind::MinLength { limit } => format!("at least {limit} characters"),
        Kind::MaxItems { limit } => format!("at most {limit} items"),
        Kind::MinItems { limit } => format!("at least {limit} items"),
        Kind::Enum { options } => shorten(&format!("one of {options}")),
        Kind::Constant { expected_value } => shorten(&expected_value.to_string()),
        Kind::Format { format } => format!("the format {format}"),
        Kind::Required { .. } => "the member".to_owned(),
        Kind::Type { kind } => format!("{kind:?}").to_lowercase(),
        other => format!("what the rule {} of the schema says", other.keyword()),
    }
}

/// A value for an error text: short ones as they are, long ones by their size.
fn excerpt(value: &Value) -> String {
    match value {
        Value::String(text) if text.chars().count() > MAX_GOT_CHARS => {
            format!("a text of {} characters", text.chars().count())
        }
        Value::Array(items) => format!("an array of {} items", items.len()),
        Value::Object(members) => format!("an object of {} members", members.len()),
        other => shorten(&other.to_string()),
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_GOT_CHARS * 2) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
