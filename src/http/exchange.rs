//! One request and its answer: what is read before a route serves it (steps 1 to 3 of
//! docs/architecture.md: the route, the peer's limit, the credential, the body), and what every
//! answer says.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use axum::{body::Body, extract::FromRequestParts, response::Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts};
use payments::{
    challenge::{ErrorShape, ShapeHints},
    fingerprint::Fingerprint,
};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    asked::Asked,
    body::{self, ReadBody},
    credential::{self, Presented},
    error::{ApiError, RequestError},
    framing::{self, Connection},
    headers::header_value,
    problem::respond,
    rate,
    state::Api,
    told, trace as note,
};
use crate::{
    gateway::{BodyShare, Credential, GatewayError, GatewayRequest},
    telemetry::{Rail, trace::Trace},
    upstream::profile::{Find, OwnRoute, Route, Target},
};

/// A request on its way to its answer.
pub(super) struct Exchange {
    /// Its trace, which its log lines and the upstream name.
    pub trace: Arc<Trace>,
    request_id: String,
    connection: Connection,
    asked: Asked,
}

/// A request whose route is known and whose body is read.
pub(super) struct Received<'a> {
    /// The route that serves it.
    pub route: &'a Route,
    /// What the gateway is asked.
    pub call: GatewayRequest,
    /// The one credential.
    pub credential: Credential,
    _share: BodyShare,
    _place: OwnedSemaphorePermit,
}

// === impl Exchange ===

impl Exchange {
    fn begin(api: &Api, parts: &Parts) -> Self {
        let asked = Asked {
            url: called_url(api, &parts.uri),
            shape: shape(api, &parts.headers),
            challenged: None,
            body: Bytes::new(),
            route: None,
            route_key: String::from("none"),
            rail: Rail::None,
        };
        let request_id = api.clock.new_uuid().simple().to_string();
        Self {
            trace: Trace::of(&parts.headers),
            request_id,
            connection: framing::connection(parts),
            asked,
        }
    }

    /// The span of its log lines. Whatever the level of the log, they are found by their trace.
    pub(super) fn span(&self) -> tracing::Span {
        let (trace_id, request_id) = (self.trace.id(), self.request_id.as_str());
        tracing::error_span!("request", trace_id, request_id, payment_id = tracing::field::Empty)
    }

    /// Finds the route and reads the whole request. What would be refused anyway is refused before
    /// the body is read.
    ///
    /// # Errors
    /// [`ApiError`].
    pub(super) async fn receive<'a>(
        &mut self,
        api: &'a Api,
        peer: SocketAddr,
        parts: &'a Parts,
        body: Body,
    ) -> Result<Received<'a>, ApiError> {
        framing::check(&parts.headers)?;
        let (route, canonical_path, params) =
            match api.gateway.table.find(&parts.method, parts.uri.path()) {
                Find::Route { route, canonical_path, params } => (route, canonical_path, params),
                Find::WrongMethod { allow } => return Err(wrong_method(&allow).into()),
                Find::NotFound => return Err(RequestError::NoSuchPath.into()),
            };
        self.asked.route_key.clone_from(&route.key);
        self.asked.route = Some(route.number);
        self.asked.challenged = api.gateway.challenges.find(&route.key);
        let peer = api.trusted_proxies.client(peer, &parts.headers);
        api.gateway.limits.peer(peer)?;
        let Presented { credential, agent_token } = match route.target {
            // The signature over an event's body is its credential, and descriptions are public.
            Target::Own(OwnRoute::CardEvents | OwnRoute::OpenApi | OwnRoute::Llms) => {
                Presented::NOTHING
            }
            _ => credential::find(&parts.headers, &api.settings.api_keys)?,
        };
        let ReadBody { bytes: body, share } = body::read(api, &parts.headers, body).await?;
        let place = api.gateway.load.request()?;
        self.asked.body = body.clone();
        self.asked.rail = rail(&credential);
        let query = parts.uri.query();
        let call = GatewayRequest {
            route: route.key.clone(),
            path_and_query: query.map_or_else(
                || canonical_path.to_owned(),
                |query| format!("{canonical_path}?{query}"),
            ),
            id: params.first().map(|(_, value)| (*value).to_owned()),
            fingerprint: Fingerprint::of(
                parts.method.as_str(),
                canonical_path,
                query.unwrap_or_default(),
                &body,
            ),
            peer,
            agent_token,
            body,
            content_type: text(&parts.headers, "content-type").map(str::to_owned),
            idempotency_key: credential::idempotency_key(&parts.headers),
            event_signatures: event_signatures(&parts.headers),
            challenged: self.asked.challenged,
            request_id: self.request_id.clone(),
            rate: None,
            proven: None,
        };
        Ok(Received { route, call, credential, _share: share, _place: place })
    }

    /// The answer of a request that was refused before a route served it.
    pub(super) fn refused(&self, api: &Api, error: &ApiError) -> Response {
        respond(api, error, &self.asked)
    }

    /// What a route answered, noted for the operator where the payer is proven.
    pub(super) fn served(
        &self,
        api: &Api,
        mut call: GatewayRequest,
        served: Result<Response, GatewayError>,
    ) -> Response {
        let mut response = served.unwrap_or_else(|error| respond(api, &error.into(), &self.asked));
        if let Some(payer) = call.proven.take() {
            let world = &api.gateway.world;
            world.books.note_request(note::of(&call, payer, &response, world.clock.now()));
        }
        if let Some(state) = call.rate {
            rate::write(state, &api.settings.rate_headers, response.headers_mut());
        }
        response
    }

    /// Counts and logs the answer, and writes what every answer says.
    pub(super) fn finish(self, api: &Api, mut response: Response) -> Response {
        let status = response.status().as_u16();
        told::of(api, &self.asked, &response);
        let took = self.trace.age();
        api.gateway.telemetry.answered(self.asked.route, status, took);
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            request_id = self.request_id,
            route = self.asked.route_key,
            status,
            duration_ms,
            "request.answered"
        );
        finish(api, &self.request_id, response.headers_mut());
        if self.connection == Connection::Close {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl FromRequestParts<Arc<Api>> for Exchange {
    type Rejection = Infallible;

    /// Begun as soon as the head is there.
    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Infallible> {
        Ok(Self::begin(api, parts))
    }
}

fn rail(credential: &Credential) -> Rail {
    match credential {
        Credential::None | Credential::ApiKey(_) => Rail::None,
        Credential::X402(_) => Rail::X402,
        Credential::Card(_) | Credential::AgentToken(_) => Rail::Mpp,
    }
}

fn wrong_method(allow: &[http::Method]) -> RequestError {
    RequestError::WrongMethod {
        allowed: allow.iter().map(http::Method::as_str).collect::<Vec<_>>().join(", "),
    }
}

/// The absolute URL that the client called, by the public origin: payers compare it with their own.
fn called_url(api: &Api, uri: &http::Uri) -> String {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    format!("{}{target}", api.settings.public_url)
}

fn shape(api: &Api, headers: &HeaderMap) -> ErrorShape {
    let hints = ShapeHints {
        accept: text(headers, "accept"),
        x402_version: text(headers, "x-402-version"),
        user_agent: text(headers, "user-agent"),
        speaks_newer: headers.contains_key("payment-signature")
            || headers.contains_key("accept-payment"),
    };
    api.settings.error_shape.choose(&hints)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The signatures of a delivered event; an unreadable one verifies nothing.
fn event_signatures(headers: &HeaderMap) -> Vec<String> {
    let signatures = headers.get_all("stripe-signature").iter();
    signatures.map(|value| value.to_str().unwrap_or_default().to_owned()).collect()
}

/// What every answer says: its id, the mode, what it cost, and that no shared cache may keep it.
fn finish(api: &Api, request_id: &str, headers: &mut HeaderMap) {
    headers.insert(HeaderName::from_static("x-request-id"), header_value(request_id));
    if api.settings.sandbox {
        headers.insert(
            HeaderName::from_static("x-turnpike-mode"),
            HeaderValue::from_static("sandbox"),
        );
    }
    headers.entry("x-charge").or_insert(HeaderValue::from_static("none"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}
