//! What a request says about its own length and protocol. Whoever stands before us may have read it
//! in another way: such a request is the last one on its connection, so that nothing behind it can
//! be taken for a second one. Towards the upstream every request is framed anew.
//!
//! hyper refuses a transfer coding that does not end with chunked, unequal lengths, a coding in
//! HTTP/1.0, chunk sizes that overflow and folded headers; it drops a length beside a coding. What
//! it lets through and we do not want is refused here.

use http::{HeaderMap, Version, header, request::Parts};

use super::error::RequestError;

/// Whether the connection ends with this request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connection {
    /// Further requests may follow.
    Keep,
    /// The answer is the last one.
    Close,
}

/// Whether the connection is to end with a request whose length or protocol somebody could read in
/// another way.
pub(super) fn connection(parts: &Parts) -> Connection {
    let told = parts.headers.contains_key(header::TRANSFER_ENCODING)
        || parts.headers.contains_key(header::UPGRADE);
    match parts.version {
        Version::HTTP_10 | Version::HTTP_11 if told => Connection::Close,
        _ => Connection::Keep,
    }
}

/// Refuses what has more than one reading.
///
/// # Errors
/// 400.
pub(super) fn check(headers: &HeaderMap) -> Result<(), RequestError> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next() {
        if !coding.as_bytes().eq_ignore_ascii_case(b"chunked") || codings.next().is_some() {
            return Err(refused("Transfer-Encoding", "chunked, once", "another coding"));
        }
        if headers.contains_key(header::CONTENT_LENGTH) {
            return Err(refused("Content-Length", "no length beside Transfer-Encoding", "both"));
        }
    }
    if headers.get_all(header::CONTENT_LENGTH).iter().count() > 1 {
        return Err(refused("Content-Length", "one length", "several"));
    }
    // Stock clients offer h2c with their first plain-text request and go on without it; every other
    // upgrade is another protocol.
    let upgrades = headers.get_all(header::UPGRADE);
    if upgrades.iter().any(|upgrade| !upgrade.as_bytes().eq_ignore_ascii_case(b"h2c")) {
        return Err(refused("Upgrade", "HTTP/1.1 without an upgrade", "another protocol"));
    }
    Ok(())
}

fn refused(header: &'static str, expected: &'static str, got: &'static str) -> RequestError {
    RequestError::AmbiguousFraming { header, expected, got }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use http::{HeaderName, Request};

    use super::*;

    fn parts(lines: &[(&str, &str)]) -> Parts {
        let mut request = Request::new(());
        for (name, value) in lines {
            request
                .headers_mut()
                .append(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        request.into_parts().0
    }

    #[test]
    fn one_plain_length_or_one_plain_coding_passes() {
        assert_eq!(connection(&parts(&[("content-length", "5")])), Connection::Keep);
        assert_eq!(connection(&parts(&[("transfer-encoding", "Chunked")])), Connection::Close);
        for lines in [
            &[("content-length", "5")][..],
            &[("transfer-encoding", "Chunked")],
            &[("upgrade", "h2c")],
            &[],
        ] {
            assert!(check(&parts(lines).headers).is_ok(), "{lines:?}");
        }
    }

    #[test]
    fn everything_with_two_readings_is_refused() {
        for lines in [
            &[("content-length", "5"), ("transfer-encoding", "chunked")][..],
            &[("content-length", "5"), ("content-length", "5")],
            &[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
            &[("transfer-encoding", "gzip, chunked")],
            &[("transfer-encoding", "xchunked")],
            &[("transfer-encoding", "chunked ")],
            &[("upgrade", "websocket")],
            &[("upgrade", "h2c"), ("upgrade", "websocket")],
        ] {
            assert!(check(&parts(lines).headers).is_err(), "{lines:?}");
        }
    }
}
