//! The same by card: a payment token is minted for the price and sent, or an agent token spends a
//! credit of its account.

use std::path::PathBuf;

use clap::Args;
use http::{HeaderValue, Method, Uri};
use payments::money::{UsdCents, UsdcUnits};
use sandbox::{
    agent::{
        Agent, Card, CardAgreed, CardProof, CardSpending, Challenge, Mint, MintError, Reading,
        Spending,
    },
    stripe::SECRET_KEY,
};

use super::{
    InvalidPayArgument, PayArguments,
    print::{self, Signed},
    purse, request, unanswered, url,
};
use crate::{
    cli::{
        exit::{Exit, Failure},
        output::Format,
        transport::Web,
    },
    clock,
    config::Config,
};

/// Where Stripe and its emulator mint tokens for a test card.
const MINT_PATH: &str = "/v1/test_helpers/shared_payment/granted_tokens";

/// How to pay by card.
#[derive(Args)]
pub(super) struct CardArguments {
    /// Pay by card (MPP) with this test card; in a sandbox only.
    #[arg(long, value_name = "PM", num_args = 0..=1, default_missing_value = "pm_card_visa", value_parser = test_card)]
    #[arg(conflicts_with_all = ["wallet", "key_file", "chain", "v1"])]
    pub(super) card: Option<String>,
    /// Test customer; the same test card of another customer is another card.
    #[arg(long, value_name = "NAME", requires = "card")]
    pub(super) customer: Option<String>,
    /// Spend a credit of the account with this agent token, or name the account beside `--card`.
    #[arg(long, value_name = "TOKEN|@FILE", conflicts_with_all = ["wallet", "key_file", "chain", "v1"])]
    pub(super) agent_token: Option<String>,
    /// Token endpoint; default: the emulator of the configured sandbox.
    #[arg(long, value_name = "URL", value_parser = url, requires = "card")]
    pub(super) mint_url: Option<Uri>,
    /// File with the endpoint's test key; default: the emulator's.
    #[arg(long, value_name = "FILE", requires = "card")]
    pub(super) mint_key_file: Option<PathBuf>,
    /// Maximum price of the call by card; a pack costs more than a launch.
    #[arg(long, value_name = "USD", default_value = "1.00")]
    pub(super) max_usd: UsdCents,
    /// Print the agent token in full: it can spend the account's credits.
    #[arg(long)]
    pub(super) show_token: bool,
}

/// Calls with a card, an agent token, or both.
pub(super) async fn run(config: &Config, arguments: &PayArguments) -> Result<Exit, Failure> {
    let agent = Agent { reading: Reading::NewestFirst, transport: Web::new() };
    let token = arguments.by_card.agent_token.as_deref().map(agent_token).transpose()?;
    let card = arguments
        .by_card
        .card
        .clone()
        .map(|method| Card { method, customer: arguments.by_card.customer.clone() });
    let mint = mint(config, arguments)?;
    let mut request = request(arguments)?;
    let format = Format::choose(arguments.json);
    if let (Some(token), None, false) = (&token, &card, arguments.dry_run) {
        if request.method() == Method::POST {
            // The only name by which the gateway knows a repeat of a launch that a credit pays.
            let key = hex::encode(
                clock::random_bytes::<16>()
                    .map_err(|error| Failure::from_error(Exit::Failed, &error))?,
            );
            request.headers_mut().insert(
                "idempotency-key",
                HeaderValue::from_str(&key).map_err(|error| wrong(error.to_string()))?,
            );
        }
        let response = agent.present_token(&request, token).await.map_err(unanswered)?;
        return Ok(print::answer(format, &response, &Signed::Token, arguments.by_card.show_token));
    }
    let asked = agent.send(&request).await.map_err(unanswered)?;
    if asked.status() != http::StatusCode::PAYMENT_REQUIRED {
        return Ok(print::answer(format, &asked, &Signed::Nothing, arguments.by_card.show_token));
    }
    let chosen = CardSpending { most: arguments.by_card.max_usd }.choose(&asked);
    if arguments.verbose {
        verbose(&asked);
    }
    let Some(card) = card else {
        let price = CardSpending { most: UsdCents::new(u64::MAX) }.choose(&asked).ok();
        print::dry_run(
            format,
            wallet_price(config, arguments, &asked).as_ref(),
            price.as_ref(),
            &Signed::Token,
        );
        return Ok(Exit::DryRun);
    };
    let agreed = chosen.map_err(|refusal| Failure::from_error(Exit::Payment, &refusal))?;
    let signed = Signed::Card(&agreed, &card);
    if arguments.dry_run {
        print::dry_run(
            format,
            wallet_price(config, arguments, &asked).as_ref(),
            Some(&agreed),
            &signed,
        );
        return Ok(Exit::DryRun);
    }
    let proof = CardProof::new(&agreed, &minted(&agent, &mint, &card, &agreed).await?, None);
    let response =
        agent.present_card(&request, &proof, token.as_deref()).await.map_err(unanswered)?;
    Ok(print::answer(format, &response, &signed, arguments.by_card.show_token))
}

async fn minted(
    agent: &Agent<Web>,
    mint: &Mint,
    card: &Card,
    agreed: &CardAgreed,
) -> Result<payments::mpp::stripe::token::PaymentToken, Failure> {
    mint.token(&agent.transport, card, agreed).await.map_err(|error| match error {
        MintError::Connection(_) => Failure::from_error(Exit::Connection, &error),
        MintError::Refused { .. } => Failure::from_error(Exit::Payment, &error),
    })
}

/// What the same call costs a wallet, whatever it costs.
fn wallet_price(
    config: &Config,
    arguments: &PayArguments,
    asked: &http::Response<bytes::Bytes>,
) -> Option<sandbox::agent::Agreed> {
    let spending =
        Spending { token: purse::token(config, arguments).ok()?, most: UsdcUnits::new(u64::MAX) };
    spending.choose(&Challenge::read(asked, Reading::NewestFirst).ok()?).ok()
}

fn verbose(asked: &http::Response<bytes::Bytes>) {
    let fields = asked.headers().get_all(http::header::WWW_AUTHENTICATE);
    for field in fields.iter().filter_map(|field| field.to_str().ok()) {
        eprintln!("< 402 Payment Required\n< WWW-Authenticate: {field}");
    }
}

/// The names of Stripe's test cards: a real card's number is never taken.
fn test_card(text: &str) -> Result<String, InvalidPayArgument> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let test = plain && text.starts_with("pm_") && text.len() <= 64;
    test.then(|| text.to_owned()).ok_or(InvalidPayArgument::TestCard)
}

/// The emulator of the configured sandbox, or where the arguments say.
fn mint(config: &Config, arguments: &PayArguments) -> Result<Mint, Failure> {
    let url = match &arguments.by_card.mint_url {
        Some(url) => url.clone(),
        None => {
            let usual = format!("http://{}{MINT_PATH}", config.sandbox.stripe_listen);
            usual
                .parse::<Uri>()
                .map_err(|error| wrong(format!("sandbox.stripe_listen: {error}")))?
        }
    };
    let key = match &arguments.by_card.mint_key_file {
        Some(path) => {
            let read = std::fs::read_to_string(path)
                .map_err(|error| wrong(format!("cannot read {}: {error}", path.display())))?;
            let key = read.trim().to_owned();
            let test = ["sk_test_", "rk_test_"].iter().any(|test| key.starts_with(test));
            test.then_some(key).ok_or_else(|| {
                wrong(format!(
                    "{} does not hold a test key, sk_test_...: no other mints test tokens",
                    path.display()
                ))
            })?
        }
        None => SECRET_KEY.to_owned(),
    };
    Ok(Mint { url, key, api_version: config.stripe.api_version.clone() })
}

/// The token itself, or `@` and a file with it: a command line is seen by everybody on the machine.
fn agent_token(text: &str) -> Result<String, Failure> {
    let token = match text.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file)
            .map_err(|error| wrong(format!("--agent-token: cannot read {file}: {error}")))?,
        None => text.to_owned(),
    };
    let token = token.trim();
    if token.starts_with("tpk_") && token.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(token.to_owned())
    } else {
        Err(wrong(
            "--agent-token wants the value of X-Agent-Token, tpk_..., or @file; it comes with the answer of a paid call".to_owned(),
        ))
    }
}

fn wrong(text: String) -> Failure {
    Failure::new(Exit::Arguments, text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_agent_token_is_given_or_read_and_in_no_error() {
        assert_eq!(agent_token("tpk_abc").unwrap(), "tpk_abc");
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        std::fs::write(&file, "tpk_abc\n").unwrap();
        assert_eq!(agent_token(&format!("@{}", file.display())).unwrap(), "tpk_abc");
        for bad in ["", "s3cr3t", "tpk_s3cr3t s3cr3t", "@/nowhere"] {
            let failure = agent_token(bad).unwrap_err();
            assert!(
                failure.exit == Exit::Arguments && !failure.text.contains("s3cr3t"),
                "{}",
                failure.text
            );
        }
    }
}
