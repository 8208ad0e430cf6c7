//! Requests that are refused for their form, before anything is asked about them.

/// What is wrong with the form of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum RequestError {
    /// Its length or protocol can be read in more than one way.
    AmbiguousFraming {
        /// The header that says so.
        header: &'static str,
        /// What would be accepted.
        expected: &'static str,
        /// What was sent.
        got: &'static str,
    },
    /// No route has this path.
    NoSuchPath,
    /// The path takes other methods.
    WrongMethod {
        /// Those that it takes, separated by commas.
        allowed: String,
    },
    /// The body is larger than the limit, in bytes.
    BodyTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The body took too long to arrive.
    BodyTimedOut,
    /// The connection ended within the body.
    BodyBroken,
    /// The body is not plain JSON.
    UnsupportedBody {
        /// The header that says so.
        header: &'static str,
        /// What would be accepted.
        expected: &'static str,
        /// What was sent, shortened.
        got: String,
    },
    /// More than one credential.
    SeveralCredentials {
        /// How many.
        count: usize,
    },
    /// `X-Agent-Token` is malformed or there twice.
    InvalidAgentToken,
    /// A bearer token that is neither an API key nor an agent token.
    UnknownApiKey,
    /// A scheme of `Authorization` that is not supported.
    UnsupportedScheme {
        /// How the API keys begin that pass through, where some do.
        api_key_prefix: Option<String>,
    },
}
