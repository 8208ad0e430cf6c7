//! The HTTP side: async-stripe builds the requests, the house's client carries them, because the
//! library's own one neither lets the API version be chosen nor shows whether an answer was
//! replayed. No text here repeats a key, a token or an address.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use payments::ports::{CardError, Clock};
use stripe_client_core::{
    CustomizedStripeRequest, IdempotencyKey, RequestBuilder, RequestStrategy, StripeClient,
    StripeClientErr, StripeMethod,
};

use super::{
    StripeConfigError,
    gate::{AccountUnknown, Breaker, Closed, Gate},
    key::ApiKey,
    objects::Account,
    refusal::Refusal,
};

/// The largest answer that is read: a page of 100 payment intents with everything in them is below
/// 1 MiB.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// Connections are given up at Stripe's side after a while; ours go first.
const IDLE: Duration = Duration::from_secs(20);

/// Stripe's API, or an emulator of it.
pub(super) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    base: String,
    authorization: HeaderValue,
    version: HeaderValue,
    timeout: Duration,
    clock: Arc<dyn Clock>,
    /// The books that the account must belong to; none for a look beside them.
    pub gate: Option<Gate>,
    breaker: Breaker,
}

/// An object that Stripe answered with.
pub(super) struct Told<T> {
    pub object: T,
    /// The answer is the kept one of an earlier call under the same idempotency key: true then,
    /// perhaps not now.
    pub replayed: bool,
}

/// Why there is no object.
#[derive(Debug)]
pub(super) enum Fault {
    /// No answer, or none that can be read: what was asked for may have happened.
    Lost(String),
    /// Stripe said no.
    Refused(Box<Refusal>),
    /// It was not asked: the account is not known to be ours.
    Closed(Closed),
}

/// One call. The library hands on the body alone, so that what the headers say is kept here.
struct Call<'a> {
    http: &'a Http,
    replayed: AtomicBool,
}

// === impl Http ===

impl Http {
    /// `base` is `https://host`, or `http://` on the loopback, where nobody listens on the way.
    pub(super) fn new(
        base: &str,
        key: &ApiKey,
        version: &str,
        timeout: Duration,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StripeConfigError> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(Duration::from_secs(5).min(timeout)));
        let tls = HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).build(tls),
            base: checked_base(base)?,
            authorization: key.authorization()?,
            version: HeaderValue::from_str(version).map_err(|_| StripeConfigError::Version)?,
            timeout,
            clock,
            gate: None,
            breaker: Breaker::default(),
        })
    }

    /// Makes the call and reads the object. `key` makes a repetition of the call harmless.
    pub(super) async fn ask<T>(
        &self,
        request: RequestBuilder,
        key: Option<&str>,
    ) -> Result<Told<T>, Fault>
    where
        T: miniserde::Deserialize + Send,
    {
        self.pass_gate().await.map_err(Fault::Closed)?;
        self.ask_anybody(request, key).await
    }

    /// Passes once the account is known to be that of the books.
    pub(super) async fn pass_gate(&self) -> Result<(), Closed> {
        match &self.gate {
            Some(gate) => gate.pass(&*self.clock, self.account()).await,
            None => Ok(()),
        }
    }

    /// The name of the account that the key belongs to, or why it is not told.
    async fn account(&self) -> Result<String, AccountUnknown> {
        match self
            .ask_anybody::<Account>(RequestBuilder::new(StripeMethod::Get, "/account"), None)
            .await
        {
            Ok(told) if plain_id(&told.object.id) => Ok(told.object.id),
            Ok(_) => Err(AccountUnknown::Unnamed),
            Err(fault) => Err(CardError::from(fault).into()),
        }
    }

    async fn ask_anybody<T>(
        &self,
        request: RequestBuilder,
        key: Option<&str>,
    ) -> Result<Told<T>, Fault>
    where
        T: miniserde::Deserialize + Send,
    {
        if let Some(wait_s) = self.breaker.wait_s(self.clock.now()) {
            return Err(Fault::Refused(Box::new(Refusal::of_patience(wait_s))));
        }
        let strategy = match key.map(IdempotencyKey::new).transpose() {
            Ok(key) => key.map_or(RequestStrategy::Once, RequestStrategy::Idempotent),
            Err(_) => return Err(Fault::Lost(String::from("the idempotency key cannot be used"))),
        };
        let call = Call { http: self, replayed: AtomicBool::new(false) };
        let object = request.customize::<T>().request_strategy(strategy).send(&call).await?;
        Ok(Told { object, replayed: call.replayed.into_inner() })
    }

    fn request(
        &self,
        asked: RequestBuilder,
        key: Option<&IdempotencyKey>,
    ) -> Result<Request<Full<Bytes>>, http::Error> {
        let query = asked
            .query
            .filter(|query| !query.is_empty())
            .map_or(String::new(), |query| format!("?{query}"));
        let mut request = Request::builder()
            .method(match asked.method {
                StripeMethod::Get => Method::GET,
                StripeMethod::Post => Method::POST,
                StripeMethod::Delete => Method::DELETE,
            })
            .uri(format!("{}/v1{}{query}", self.base, asked.path))
            .header(header::AUTHORIZATION, self.authorization.clone())
            .header(header::ACCEPT, "application/json")
            .header("stripe-version", self.version.clone());
        if let Some(key) = key {
            request = request.header("idempotency-key", key.as_str());
        }
        if asked.body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        request.body(Full::from(asked.body.unwrap_or_default()))
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<http::Response<Bytes>, Fault> {
        let answer = self.client.request(request).await.map_err(|error| {
            let why = if error.is_connect() { "no connection" } else { "the connection broke" };
            Fault::Lost(String::from(why))
        })?;
        let (parts, body) = answer.into_parts();
        match Limited::new(body, MAX_ANSWER_BYTES).collect().await {
            Ok(body) => Ok(http::Response::from_parts(parts, body.to_bytes())),
            Err(_) => Err(Fault::Lost(String::from("the answer broke off or is too large"))),
        }
    }
}

/// Neither the key nor the address.
impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("version", &self.version).finish_non_exhaustive()
    }
}

// === impl Call ===

impl StripeClient for Call<'_> {
    type Err = Fault;

    async fn execute(&self, request: CustomizedStripeRequest) -> Result<Bytes, Fault> {
        let (asked, config) = request.into_pieces();
        let key = config.request_strategy.and_then(|strategy| strategy.get_key());
        let request = self
            .http
            .request(asked, key.as_ref())
            .map_err(|_| Fault::Lost(String::from("the request cannot be built")))?;
        let answer =
            match tokio::time::timeout(self.http.timeout, self.http.exchange(request)).await {
                Ok(answer) => answer?,
                Err(_) => {
                    return Err(Fault::Lost(format!(
                        "no whole answer within {} ms",
                        self.http.timeout.as_millis()
                    )));
                }
            };
        let replayed = says(answer.headers(), "idempotent-replayed") == Some("true");
        self.replayed.store(replayed, Ordering::Relaxed);
        if answer.status().is_success() {
            return Ok(answer.into_body());
        }
        let mut refusal = Refusal::read(answer.status().as_u16(), answer.body());
        refusal.replayed = replayed;
        refusal.retry_after_s =
            says(answer.headers(), "retry-after").and_then(|text| text.trim().parse().ok());
        refusal.request_id =
            says(answer.headers(), "request-id").filter(|id| plain_id(id)).map(str::to_owned);
        if refusal.status == 429 {
            self.http.breaker.open(self.http.clock.now(), refusal.wait_s());
        }
        Err(Fault::Refused(Box::new(refusal)))
    }
}

impl StripeClientErr for Fault {
    /// Never the library's words about a body that could not be read: it may repeat it.
    fn deserialize_err(_: impl fmt::Display) -> Self {
        Self::Lost(String::from("the answer is not what was asked for"))
    }
}

fn says<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Whether a text may stand in a path or a log: the ids that Stripe makes are letters, digits and
/// underscores.
pub(super) fn plain_id(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn checked_base(base: &str) -> Result<String, StripeConfigError> {
    let uri: http::Uri = base.parse().map_err(|_| StripeConfigError::Url)?;
    let plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
        && uri.query().is_none();
    let safe = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => uri.host().is_some_and(loopback),
        _ => false,
    };
    if plain && safe {
        Ok(base.trim_end_matches('/').to_owned())
    } else {
        Err(StripeConfigError::Url)
    }
}

fn loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
