//! What an agent may ask of a launch beyond the schema: official accounts only, no personas, a schedule that can be kept.
//!
//! The product text of POST /launches and of agent payments; checked before any claim.

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A schedule must be at least this far ahead.
const MIN_SCHEDULE_AHEAD_S: i64 = 15 * 60;

/// Why an agent may not create this launch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct AgentRefusal {
    /// HTTP status.
    pub status: u16,
    /// The product's error code.
    pub code: &'static str,
    /// One sentence for people.
    pub message: String,
    /// JSON pointer to the member.
    pub field: String,
    /// What would be accepted.
    pub expected: String,
    /// What was sent, shortened.
    pub got: String,
}

/// Checks a body that the schema accepted. `connected` are the platforms with a connected official account.
///
/// 1. Accounts of users: 403 AUTH_002.
/// 2. Official accounts that are not connected: 400 LAUNCH_007.
/// 3. A persona; agents own none: 404 SERVER_003.
/// 4. `publish` together with a schedule: 400 SERVER_002.
/// 5. A schedule less than 15 minutes ahead: 400 SERVER_002.
///
/// # Errors
/// The first rule that does not hold.
pub fn check(body: &Value, connected: &[&str], now_unix_s: i64) -> Result<(), AgentRefusal> {
    no_user_accounts(body)?;
    connected_accounts_only(body, connected)?;
    no_persona(body)?;
    publish_or_schedule(body)?;
    schedule_ahead(body, now_unix_s)
}

fn no_user_accounts(body: &Value) -> Result<(), AgentRefusal> {
    if given(body, "user_platform_accounts").is_none() {
        return Ok(());
    }
    Err(AgentRefusal {
        status: 403,
        code: "AUTH_002",
        message: "agents post to official dropspace accounts only".to_owned(),
        field: "/user_platform_accounts".to_owned(),
        expected: "no user_platform_accounts; use dropspace_platforms".to_owned(),
        got: "user_platform_accounts".to_owned(),
    })
}

fn connected_accounts_only(body: &Value, connected: &[&str]) -> Result<(), AgentRefusal> {
    let asked = given(body, "dropspace_platforms").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let outside = asked.iter().enumerate().find(|(_, platform)| platform.as_str().is_none_or(|platform| !connected.contains(&platform)));
    let Some((index, platform)) = outside else {
        return Ok(());
    };
    let expected =
        if connected.is_empty() { "none: no official account is connected".to_owned() } else { format!("one of {}", connected.join(", ")) };
    let got = short(platform);
    Err(AgentRefusal {
        status: 400,
        code: "LAUNCH_007",
        message: format!("the official account of {got} is not connected"),
        field: format!("/dropspace_platforms/{index}"),
        expected,
        got,
    })
}

fn no_persona(body: &Value) -> Result<(), AgentRefusal> {
    let Some(persona) = given(body, "persona_id") else {
        return Ok(());
    };
    Err(AgentRefusal {
        status: 404,
        code: "SERVER_003",
        message: "persona not found".to_owned(),
        field: "/persona_id".to_owned(),
        expected: "no persona_id: agents own no personas".to_owned(),
        got: short(persona),
    })
}

fn publish_or_schedule(body: &Value) -> Result<(), AgentRefusal> {
    let publishes = given(body, "publish").and_then(Value::as_bool) == Some(true);
    match given(body, "scheduled_date") {
        Some(date) if publishes => Err(invalid(
            "/scheduled_date",
            "publish and scheduled_date are mutually exclusive",
            "publish or scheduled_date, not both".to_owned(),
            short(date),
        )),
        _ => Ok(()),
    }
}

fn schedule_ahead(body: &Value, now_unix_s: i64) -> Result<(), AgentRefusal> {
    let Some(date) = given(body, "scheduled_date") else {
        return Ok(());
    };
    let field = "/scheduled_date";
    let parsed = date.as_str().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    let Some(scheduled) = parsed else {
        return Err(invalid(
            field,
            "scheduled_date is not a date and time",
            "a date and time with offset (ISO 8601)".to_owned(),
            short(date),
        ));
    };
    let earliest_unix_s = now_unix_s.saturating_add(MIN_SCHEDULE_AHEAD_S);
    if scheduled.unix_timestamp() >= earliest_unix_s {
        return Ok(());
    }
    let earliest = OffsetDateTime::from_unix_timestamp(earliest_unix_s)
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_else(|| "15 minutes from now".to_owned());
    Err(invalid(field, "scheduled_date must be at least 15 minutes ahead", format!("{earliest} or later"), short(date)))
}

/// A member that is there and not null.
fn given<'a>(body: &'a Value, name: &str) -> Option<&'a Value> {
    body.get(name).filter(|value| !value.is_null())
}

fn invalid(field: &str, message: &str, expected: String, got: String) -> AgentRefusal {
    AgentRefusal { status: 400, code: "SERVER_002", message: message.to_owned(), field: field.to_owned(), expected, got }
}

fn short(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    /// 2026-01-01T00:00:00Z.
    const NOW: i64 = 1_767_225_600;
    const CONNECTED: [&str; 2] = ["twitter", "facebook"];

    #[test]
    fn what_agents_may_do() {
        for body in [
            json!({}),
            json!({"dropspace_platforms": ["twitter", "facebook"], "publish": true}),
            json!({"user_platform_accounts": null, "persona_id": null, "scheduled_date": null, "dropspace_platforms": null, "publish": true}),
            json!({"scheduled_date": "2026-01-01T00:15:00Z"}),
            json!({"scheduled_date": "2026-01-01T02:15:00+02:00", "publish": false}),
        ] {
            assert_eq!(check(&body, &CONNECTED, NOW), Ok(()), "{body}");
        }
    }

    #[test]
    fn what_agents_may_not_do() {
        for (body, status, code, field) in [
            (json!({"user_platform_accounts": {}}), 403, "AUTH_002", "/user_platform_accounts"),
            (json!({"user_platform_accounts": {"twitter": "t"}, "persona_id": "p"}), 403, "AUTH_002", "/user_platform_accounts"),
            (json!({"dropspace_platforms": ["twitter", "reddit"]}), 400, "LAUNCH_007", "/dropspace_platforms/1"),
            (json!({"dropspace_platforms": ["Twitter"]}), 400, "LAUNCH_007", "/dropspace_platforms/0"),
            (json!({"persona_id": "0190b5a0-0000-7000-8000-000000000000"}), 404, "SERVER_003", "/persona_id"),
            (json!({"scheduled_date": "2026-01-01T00:14:59Z"}), 400, "SERVER_002", "/scheduled_date"),
            (json!({"scheduled_date": "2026-01-01T01:00:00+01:00"}), 400, "SERVER_002", "/scheduled_date"),
            (json!({"scheduled_date": "2026-13-01T00:00:00Z"}), 400, "SERVER_002", "/scheduled_date"),
            (json!({"scheduled_date": "2027-01-01T00:00:00Z", "publish": true}), 400, "SERVER_002", "/scheduled_date"),
        ] {
            let refusal = check(&body, &CONNECTED, NOW).unwrap_err();
            assert_eq!((refusal.status, refusal.code, refusal.field.as_str()), (status, code, field), "{body}");
        }
        let refusal = check(&json!({"dropspace_platforms": ["twitter"]}), &[], NOW).unwrap_err();
        assert_eq!(refusal.code, "LAUNCH_007");
    }

    #[test]
    fn the_earliest_schedule_is_named() {
        let body = json!({"scheduled_date": "2026-01-01T00:00:00Z"});
        let refusal = check(&body, &CONNECTED, NOW).unwrap_err();
        assert_eq!(refusal.expected, "2026-01-01T00:15:00Z or later");
        assert_eq!(refusal.got, "2026-01-01T00:00:00Z");
    }
}
