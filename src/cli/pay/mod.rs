//! `turnpike pay`: a small agent at the command line. It asks, shows the price, pays within its
//! limit and prints the answer.

mod card;
mod print;
mod purse;

use std::path::PathBuf;

use bytes::Bytes;
use card::CardArguments;
use clap::Args;
use http::{Method, Request, Uri, header};
use payments::money::{UsdCents, UsdcUnits};
use print::Signed;
use sandbox::agent::{Agent, AgentError, Asked, CardSpending, Moment, Proof, Reading, Spending};

use super::{
    exit::{Exit, Failure},
    output::Format,
    transport::Web,
};
use crate::{
    clock::{self, SystemClock},
    config::Config,
};

/// What to call, and what it may cost.
#[derive(Args)]
pub(super) struct PayArguments {
    /// URL to call, `http(s)://host[:port]/path`.
    #[arg(value_parser = url)]
    url: Uri,
    /// HTTP method; default: POST with a body, GET without.
    #[arg(long)]
    method: Option<Method>,
    /// A JSON body, or `@file`.
    #[arg(long, value_name = "JSON|@FILE")]
    body: Option<String>,
    /// Development wallet that pays, 0 to 9 (public test key).
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..10), conflicts_with = "key_file")]
    wallet: u32,
    /// A file with a private key, 32 bytes in hex.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Chain to pay on, with that chain's USDC; default: the configured chain.
    #[arg(long, value_name = "ID")]
    chain: Option<u64>,
    /// Maximum price of the call.
    #[arg(long, value_name = "USDC", default_value = "1.00")]
    max_usdc: UsdcUnits,
    /// Use x402 version 1.
    #[arg(long)]
    v1: bool,
    #[command(flatten)]
    by_card: Box<CardArguments>,
    /// Ask for the prices and sign nothing; exits 10 if it would be paid.
    #[arg(long)]
    dry_run: bool,
    /// Show the decoded challenge on standard error.
    #[arg(short, long)]
    verbose: bool,
    /// Always print JSON.
    #[arg(long)]
    json: bool,
}

/// Calls, and pays if asked to.
pub(super) async fn run(config: &Config, arguments: PayArguments) -> Result<Exit, Failure> {
    if arguments.by_card.card.is_some() || arguments.by_card.agent_token.is_some() {
        return card::run(config, &arguments).await;
    }
    let signer = purse::signer(&arguments)?;
    let spending = Spending { token: purse::token(config, &arguments)?, most: arguments.max_usdc };
    let reading = if arguments.v1 { Reading::OnlyV1 } else { Reading::NewestFirst };
    let agent = Agent { reading, transport: Web::new() };
    let request = request(&arguments)?;
    let format = Format::choose(arguments.json);
    let (asked, challenge) = match agent.ask(&request).await.map_err(unanswered)? {
        Asked::Answered(response) => {
            return Ok(print::answer(
                format,
                &response,
                &Signed::Nothing,
                arguments.by_card.show_token,
            ));
        }
        Asked::Challenged(response, challenge) => (response, challenge),
    };
    if arguments.verbose {
        eprintln!(
            "< 402 Payment Required, x402 version {}:\n{:#}",
            print::number(challenge.version()),
            challenge.json()
        );
    }
    let agreed = spending
        .choose(&challenge)
        .map_err(|refusal| Failure::from_error(Exit::Payment, &refusal))?;
    if arguments.dry_run {
        let card = CardSpending { most: UsdCents::new(u64::MAX) }.choose(&asked).ok();
        print::dry_run(format, Some(&agreed), card.as_ref(), &Signed::Wallet(&agreed, &signer));
        return Ok(Exit::DryRun);
    }
    let proof = Proof::sign(&signer, &agreed, &moment(config)?);
    if arguments.verbose {
        let amount = agreed.amount();
        eprintln!(
            "> {} {} with {}: {amount} USDC signed by {}",
            request.method(),
            request.uri(),
            proof.header_name(),
            signer.address()
        );
    }
    let response = agent.present(&request, &proof).await.map_err(unanswered)?;
    Ok(print::answer(
        format,
        &response,
        &Signed::Wallet(&agreed, &signer),
        arguments.by_card.show_token,
    ))
}

fn moment(config: &Config) -> Result<Moment, Failure> {
    let clock = SystemClock::new(
        Some(config.test.clock_file.clone()).filter(|path| !path.as_os_str().is_empty()),
    );
    let nonce = clock::random_bytes().map_err(|error| Failure::from_error(Exit::Failed, &error))?;
    Ok(Moment { now_unix_s: u64::try_from(clock.now_unix_s()).unwrap_or(0), nonce })
}

fn request(arguments: &PayArguments) -> Result<Request<Bytes>, Failure> {
    let body = match &arguments.body {
        None => None,
        Some(text) => Some(body(text)?),
    };
    let method =
        arguments.method.clone().unwrap_or(if body.is_some() { Method::POST } else { Method::GET });
    let mut request = Request::new(body.clone().unwrap_or_default());
    *request.method_mut() = method;
    *request.uri_mut() = arguments.url.clone();
    request
        .headers_mut()
        .insert(header::ACCEPT, header::HeaderValue::from_static("application/json"));
    request.headers_mut().insert(
        header::USER_AGENT,
        header::HeaderValue::from_static(concat!("turnpike/", env!("CARGO_PKG_VERSION"))),
    );
    if body.is_some() {
        request
            .headers_mut()
            .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    }
    Ok(request)
}

/// A body that is no JSON is a mistake at the command line, most often of quoting.
fn body(text: &str) -> Result<Bytes, Failure> {
    let wrong = |text: String| Failure::new(Exit::Arguments, text);
    let bytes = match text.strip_prefix('@') {
        Some(file) => std::fs::read(file)
            .map_err(|error| wrong(format!("--body: cannot read {file}: {error}")))?,
        None => text.as_bytes().to_vec(),
    };
    match serde_json::from_slice::<serde::de::IgnoredAny>(&bytes) {
        Ok(_) => Ok(bytes.into()),
        Err(error) => Err(wrong(format!("--body is not JSON: {error}"))),
    }
}

/// Why an argument of `turnpike pay` is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum InvalidPayArgument {
    #[error("expected http(s)://host[:port]/path")]
    Url,
    #[error("expected the name of a test card, such as pm_card_visa, after the URL")]
    TestCard,
}

fn url(text: &str) -> Result<Uri, InvalidPayArgument> {
    let uri =
        text.parse::<Uri>().ok().filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
    uri.filter(|uri| uri.host().is_some_and(|host| !host.is_empty())).ok_or(InvalidPayArgument::Url)
}

fn unanswered(error: AgentError) -> Failure {
    match error {
        AgentError::Connection(_) | AgentError::InvalidAgentToken => {
            Failure::from_error(Exit::Connection, &error)
        }
        AgentError::Challenge(_) => Failure::from_error(Exit::Payment, &error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_web_addresses_are_called() {
        for good in ["http://127.0.0.1:8402/launches", "https://pay.example.com"] {
            assert!(url(good).is_ok(), "{good}");
        }
        for bad in ["", "127.0.0.1:8402", "/launches", "ftp://x/y", "http://", "http:///x"] {
            assert!(url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_body_is_json_or_a_file_of_it() {
        assert_eq!(body("{\"a\":1}").unwrap(), "{\"a\":1}");
        assert_eq!(body("{a:1}").unwrap_err().exit, Exit::Arguments);
        assert!(body("@/nowhere").unwrap_err().text.contains("/nowhere"));
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("body.json");
        std::fs::write(&file, "[1]").unwrap();
        assert_eq!(body(&format!("@{}", file.display())).unwrap(), "[1]");
    }
}
