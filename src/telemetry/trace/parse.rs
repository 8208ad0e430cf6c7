//! Reading the two headers. What is not exactly in the form of the specification is as good as not
//! there.

use http::HeaderMap;

/// Longest `tracestate` that is passed on.
const MAX_STATE_BYTES: usize = 512;
/// The most members of a `tracestate`.
const MAX_MEMBERS: usize = 32;

/// What `traceparent` says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parent {
    /// 32 lower-case hex digits, not all zero.
    pub trace_id: String,
    /// The one flag of level 1: sampled.
    pub flags: u8,
}

/// The trace that the headers name. A later version may say more behind what version 00 says.
pub(super) fn parent(headers: &HeaderMap) -> Option<Parent> {
    let mut values = headers.get_all("traceparent").iter();
    let text = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let mut parts = text.splitn(5, '-');
    let (version, trace_id, span_id, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let more = parts.next();
    let fits = is_hex(version, 2)
        && version != "ff"
        && (version != "00" || more.is_none())
        && is_hex(trace_id, 32)
        && is_hex(span_id, 16)
        && is_hex(flags, 2)
        && !is_zero(trace_id)
        && !is_zero(span_id);
    let flags = u8::from_str_radix(flags, 16).ok()?;
    fits.then(|| Parent { trace_id: trace_id.to_owned(), flags: flags & super::SAMPLED })
}

/// The vendors' list beside it; several headers are one list.
pub(super) fn state(headers: &HeaderMap) -> Option<String> {
    let values = headers
        .get_all("tracestate")
        .iter()
        .map(|value| value.to_str().ok())
        .collect::<Option<Vec<_>>>()?;
    let whole = values.join(",");
    let members: Vec<&str> = whole
        .split(',')
        .map(|member| member.trim_matches([' ', '\t']))
        .filter(|member| !member.is_empty())
        .collect();
    let mut keys = Vec::with_capacity(members.len());
    for member in &members {
        let (key, value) = member.split_once('=')?;
        if !is_key(key) || !is_value(value) || keys.contains(&key) {
            return None;
        }
        keys.push(key);
    }
    let list = members.join(",");
    (!members.is_empty() && members.len() <= MAX_MEMBERS && list.len() <= MAX_STATE_BYTES)
        .then_some(list)
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits
        && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn is_zero(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'0')
}

/// `vendor`, or `tenant@system`.
fn is_key(key: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/".contains(&byte);
    let word = |text: &str, most: usize, digit_first: bool| {
        let first = text.bytes().next().is_some_and(|byte| {
            byte.is_ascii_lowercase() || (digit_first && byte.is_ascii_digit())
        });
        first && text.len() <= most && text.bytes().all(plain)
    };
    match key.split_once('@') {
        Some((tenant, system)) => word(tenant, 241, true) && word(system, 14, false),
        None => word(key, 256, false),
    }
}

fn is_value(value: &str) -> bool {
    let printable = |byte: u8| (0x20..=0x7e).contains(&byte) && byte != b',' && byte != b'=';
    (1..=256).contains(&value.len()) && !value.ends_with(' ') && value.bytes().all(printable)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn with(name: &'static str, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    fn of(values: &[&str]) -> Option<Parent> {
        parent(&with("traceparent", values))
    }

    #[test]
    fn a_traceparent_is_read_as_the_specification_says() {
        let good = |flags| {
            Some(Parent { trace_id: String::from("0af7651916cd43dd8448eb211c80319c"), flags })
        };
        assert_eq!(of(&[GOOD]), good(1));
        assert_eq!(of(&[&GOOD.replace("-01", "-00")]), good(0));
        assert_eq!(of(&[&GOOD.replace("-01", "-ff")]), good(1));
        assert_eq!(of(&[&GOOD.replacen("00", "cc", 1)]), good(1));
        assert_eq!(
            of(&[&format!("{}-what-the-future-will-be-like", GOOD.replacen("00", "cc", 1))]),
            good(1)
        );
    }

    #[test]
    fn what_is_no_traceparent_names_no_trace() {
        let bad = [
            String::new(),
            String::from("00"),
            GOOD.replacen("00", "ff", 1),
            GOOD.replacen("00", "0", 1),
            GOOD.to_uppercase(),
            GOOD.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            GOOD.replace("b7ad6b7169203331", &"0".repeat(16)),
            GOOD.replace("b7ad6b7169203331", "b7ad6b716920333"),
            GOOD.replace("0af7", "0gf7"),
            format!("{GOOD}-more"),
            format!("{GOOD}."),
            format!("{}.x", GOOD.replacen("00", "cc", 1)),
            GOOD.replace("-01", ""),
            GOOD.replace('-', "_"),
        ];
        for text in bad {
            assert_eq!(of(&[&text]), None, "{text:?}");
        }
        assert_eq!(of(&[GOOD, GOOD]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn a_tracestate_is_passed_on_whole_or_not_at_all() {
        let of = |values: &[&str]| state(&with("tracestate", values));
        assert_eq!(
            of(&["rojo=1", "congo=2 , fw529a3039@dt=x;y"]).as_deref(),
            Some("rojo=1,congo=2,fw529a3039@dt=x;y")
        );
        assert_eq!(of(&["a=1,,b=2"]).as_deref(), Some("a=1,b=2"));
        let many = (0..33).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
        let long = format!("a={}", "x".repeat(256));
        for bad in [
            "",
            "a",
            "A=1",
            "a=",
            "a=b=c",
            "a=1,a=2",
            "@x=1",
            "1a=1",
            &many,
            &format!("{long},b={0},c={0}", "x".repeat(200)),
        ] {
            assert_eq!(of(&[bad]), None, "{bad:?}");
        }
        assert_eq!(of(&[&long]), Some(long.clone()));
    }
}
