//! What is sent with a change: a JSON object or a form, read alike.

use axum::extract::Request;
use http::{HeaderValue, header};
use payments::ports::ActionName;
use serde_json::{Map, Value};

use crate::operator::{
    answer::Refusal,
    reason::{self, EXPECTED},
};

/// Largest body that is read; the guard lets no larger one in.
const BODY_BYTES: usize = 64 << 10;

/// The field that names a change before it is made.
const NAME: &str = "idempotency_key";

/// The members of the object, or the fields of the form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::operator) struct Fields(Map<String, Value>);

/// Why something is changed, and whether it is at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::operator) struct Change {
    /// Kept in the books.
    pub(in crate::operator) reason: String,
    /// Only say what would come of it.
    pub(in crate::operator) dry_run: bool,
    /// `page` or `api`.
    pub(in crate::operator) via: &'static str,
    /// What the client called it.
    pub(in crate::operator) name: Option<ActionName>,
}

// === impl Fields ===

impl Fields {
    /// Reads the body.
    pub(in crate::operator) async fn read(request: Request) -> Result<Self, Refusal> {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, BODY_BYTES)
            .await
            .map_err(|_| Refusal::too_large("the body is larger than 64 KiB"))?;
        let kind = head
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default();
        match kind.split(';').next().map(str::trim) {
            Some("application/json") => match serde_json::from_slice(&body) {
                Ok(Value::Object(members)) => Ok(Self(members)),
                _ => Err(Refusal::wrong("body", "a JSON object", &String::from_utf8_lossy(&body))),
            },
            Some("application/x-www-form-urlencoded") => {
                let fields = form_urlencoded::parse(&body)
                    .into_owned()
                    .map(|(name, value)| (name, Value::from(value)));
                Ok(Self(fields.collect()))
            }
            _ if body.is_empty() => Ok(Self::default()),
            _ => Err(Refusal::wrong(
                "content-type",
                "application/json or application/x-www-form-urlencoded",
                kind,
            )),
        }
        .map(|fields| fields.named_by(head.headers.get("idempotency-key")))
    }

    /// A header names the change as the field `idempotency_key` does, and goes before it.
    fn named_by(mut self, header: Option<&HeaderValue>) -> Self {
        if let Some(name) = header {
            self.0.insert(NAME.to_owned(), String::from_utf8_lossy(name.as_bytes()).into());
        }
        self
    }

    /// A text that says something.
    pub(in crate::operator) fn text(&self, name: &str) -> Option<String> {
        let text = self.0.get(name)?.as_str()?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// A text that must be there and be read as something.
    pub(in crate::operator) fn must<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Refusal> {
        let given = match self.0.get(name) {
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(Value::Null) | None => return Err(Refusal::wrong(name, expected, "nothing")),
            Some(other) => other.to_string(),
        };
        read(&given).ok_or_else(|| Refusal::wrong(name, expected, &given))
    }

    /// `true` or `false`, also as a form says it; not there is false.
    pub(in crate::operator) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        let flag = |text: &str| match text {
            "true" | "on" | "1" => Some(true),
            "false" | "0" | "" => Some(false),
            _ => None,
        };
        if self.0.contains_key(name) { self.must(name, "true or false", flag) } else { Ok(false) }
    }

    /// Why, and whether at all.
    pub(in crate::operator) fn change(&self, via: &'static str) -> Result<Change, Refusal> {
        let dry_run = self.flag("dry_run")?;
        let named = self
            .0
            .contains_key(NAME)
            .then(|| self.must(NAME, "1 to 128 visible characters of ASCII", ActionName::parse));
        let name = named.transpose()?;
        Ok(Change {
            reason: self.must("reason", EXPECTED, |text| reason::read(text).ok())?,
            dry_run,
            via,
            name,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use axum::body::Body;

    use super::*;

    async fn fields(kind: &str, body: &'static str) -> Result<Fields, Refusal> {
        Fields::read(
            Request::builder().header("content-type", kind).body(Body::from(body)).unwrap(),
        )
        .await
    }

    #[tokio::test]
    async fn a_form_and_an_object_say_the_same() {
        let object =
            fields("application/json", r#"{"reason": " late ", "dry_run": true}"#).await.unwrap();
        let form =
            fields("application/x-www-form-urlencoded; charset=utf-8", "reason=+late+&dry_run=on")
                .await
                .unwrap();
        let change = Change { reason: String::from("late"), dry_run: true, via: "api", name: None };
        assert_eq!(
            (object.change("api").unwrap(), form.change("api").unwrap()),
            (change.clone(), change)
        );
    }

    #[tokio::test]
    async fn a_change_without_a_reason_is_refused() {
        for body in [
            "{}",
            r#"{"reason": " "}"#,
            r#"{"reason": null}"#,
            r#"{"reason": "two\nlines"}"#,
            r#"{"reason": "x", "dry_run": "perhaps"}"#,
        ] {
            let refused =
                fields("application/json", body).await.unwrap().change("api").unwrap_err();
            assert_eq!(refused.status.as_u16(), 400, "{body}");
        }
        assert!(fields("application/json", "[]").await.is_err());
        assert!(fields("text/plain", "reason=x").await.is_err());
    }
}
