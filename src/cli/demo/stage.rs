//! What every act needs: the gateway's address, the agent and its purse, and somebody who tells
//! what happens.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};
use payments::agent::{Payer, Wallet};
use payments::money::UsdCents;
use payments::x402::offer::Token;
use sandbox::{
    agent::{
        Agent, Agreed, Asked, CardSpending, Challenge, Mint, Moment, Proof, Reading, Spending,
    },
    stripe::SECRET_KEY,
    wallet::{DevWallet, Signer},
};
use serde_json::{Value, json};

use super::{error::DemoError, story::Story};
use crate::{
    app::Running,
    cli::transport::Web,
    clock::{self, SystemClock},
    config::Config,
};

/// The most that the demo's agent pays for one call.
const MOST: &str = "1.00";
/// And by card: a pack is the most expensive.
const MOST_BY_CARD: UsdCents = UsdCents::new(1_200);

/// The set.
pub(super) struct Stage<'a> {
    pub(super) base_url: String,
    pub(super) running: &'a Running,
    pub(super) agent: Agent<Web>,
    pub(super) signer: Signer,
    pub(super) spending: Spending,
    pub(super) cents: CardSpending,
    pub(super) mint: Mint,
    pub(super) story: &'a Story,
}

/// An answer, read.
pub(super) struct Seen {
    pub(super) response: Response<Bytes>,
    pub(super) body: Value,
}

// === impl Stage ===

impl<'a> Stage<'a> {
    /// The first development wallet plays the agent.
    pub(super) fn set(
        config: &Config,
        running: &'a Running,
        story: &'a Story,
    ) -> Result<Self, DemoError> {
        let wallet = DevWallet::from_index(0).ok_or("no development wallet")?;
        let x402 = &config.x402;
        let asset = x402.asset.0.ok_or("no USDC on this chain")?;
        let token = Token::new(
            Wallet::new(asset.into_array()),
            &x402.domain_name,
            &x402.domain_version,
            x402.chain_id,
        );
        let stripe =
            running.stripe_url.as_deref().ok_or("no cards are taken")?.trim_end_matches('/');
        let mint = format!("{stripe}/v1/test_helpers/shared_payment/granted_tokens");
        Ok(Self {
            base_url: format!("http://{}", running.agents),
            running,
            agent: Agent { reading: Reading::NewestFirst, transport: Web::new() },
            signer: wallet.signer().clone(),
            spending: Spending { token, most: MOST.parse().map_err(|_| "no limit")? },
            cents: CardSpending { most: MOST_BY_CARD },
            mint: Mint {
                url: mint.parse().map_err(|_| "the emulator has no address")?,
                key: SECRET_KEY.to_owned(),
                api_version: config.stripe.api_version.clone(),
            },
            story,
        })
    }

    /// The agent as the books name it.
    pub(super) fn payer(&self) -> Payer {
        Payer::Wallet(Wallet::new(self.signer.address().into_array()))
    }

    pub(super) fn get(&self, path: &str) -> Result<Request<Bytes>, DemoError> {
        self.request(Method::GET, path, Bytes::new())
    }

    pub(super) fn launch(&self, title: &str) -> Result<Request<Bytes>, DemoError> {
        let about = "A widget that pays for itself";
        self.post("/launches", &json!({"title": title, "product_description": about, "platforms": ["twitter", "linkedin"]}))
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Request<Bytes>, DemoError> {
        let mut request = self.request(Method::POST, path, body.to_string().into())?;
        request
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(request)
    }

    /// A request without payment; it must be answered with 402.
    pub(super) async fn challenged(
        &self,
        request: &Request<Bytes>,
    ) -> Result<(Seen, Challenge), DemoError> {
        match self.agent.ask(request).await? {
            Asked::Challenged(response, challenge) => Ok((Seen::new(response), challenge)),
            Asked::Answered(response) => Err(DemoError::NotChallenged {
                uri: request.uri().to_string(),
                status: response.status(),
            }),
        }
    }

    pub(super) fn sign(&self, agreed: &Agreed) -> Result<Proof, DemoError> {
        let nonce = clock::random_bytes()?;
        let now_unix_s = u64::try_from(SystemClock::default().now_unix_s()).unwrap_or(0);
        Ok(Proof::sign(&self.signer, agreed, &Moment { now_unix_s, nonce }))
    }

    /// A request with a proof; it must be answered with this status.
    pub(super) async fn paid(
        &self,
        request: &Request<Bytes>,
        proof: &Proof,
        status: u16,
    ) -> Result<Seen, DemoError> {
        let response = self.agent.present(request, proof).await?;
        Seen::new(response)
            .expect(status)
            .map_err(|why| DemoError::At { uri: request.uri().to_string(), why: Box::new(why) })
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Request<Bytes>, DemoError> {
        let request =
            Request::builder().method(method).uri(format!("{}{path}", self.base_url)).body(body);
        Ok(request?)
    }
}

// === impl Seen ===

impl Seen {
    pub(super) fn new(response: Response<Bytes>) -> Self {
        let body = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
        Self { response, body }
    }

    /// Itself, if it has this status.
    pub(super) fn expect(self, status: u16) -> Result<Self, DemoError> {
        if self.response.status().as_u16() == status {
            Ok(self)
        } else {
            Err(DemoError::Status {
                status: self.response.status(),
                expected: status,
                body: self.body,
            })
        }
    }

    /// A header's text, or nothing.
    pub(super) fn header(&self, name: &str) -> &str {
        self.response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
