//! Step 1 of every request: the route, the peer's limit, the credential, the body. Then the room that answers.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    body::Body,
    extract::{ConnectInfo, State},
    response::Response,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use payments::{
    challenge::{ErrorShape, ShapeHints},
    checkout::Admission,
    fingerprint::Fingerprint,
    route::{Access, Terms},
};
use tracing::Instrument;

use super::{
    answer,
    asked::Asked,
    body::{self, ReadBody},
    call::Call,
    cards,
    credential::{self, Credential, Presented},
    earlier_terms,
    error::{ApiError, GatewayError, OfferedRail, RequestError},
    framing::{self, Connection},
    free,
    headers::header_value,
    own,
    priced::{self, UsdcRoute},
    problem::respond,
    state::Api,
    told, trace as note,
};
use crate::{
    telemetry::{
        Rail,
        trace::{self, Trace},
    },
    upstream::profile::{Find, OwnRoute, Target, UpstreamRoute},
};

/// Answers every request of agents.
pub(super) async fn dispatch(State(api): State<Arc<Api>>, ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request<Body>) -> Response {
    let request_id = api.clock.new_uuid().simple().to_string();
    let trace = Trace::of(request.headers());
    // Whatever the level of the log: its lines are found by their trace.
    let span = tracing::error_span!("request", trace_id = trace.id(), request_id, payment_id = tracing::field::Empty);
    trace::within(Arc::clone(&trace), answered(api, peer, request, &request_id, &trace).instrument(span)).await
}

async fn answered(api: Arc<Api>, peer: SocketAddr, request: Request<Body>, request_id: &str, trace: &Trace) -> Response {
    let (parts, body) = request.into_parts();
    let connection = framing::connection(&parts);
    let url = called_url(&api, &parts.uri);
    let mut asked = Asked {
        url,
        shape: shape(&api, &parts.headers),
        challenged: None,
        body: Bytes::new(),
        route: None,
        route_key: String::from("none"),
        rail: Rail::None,
    };
    let mut response = match route_request(&api, peer, &parts, body, request_id, &mut asked).await {
        Ok(response) => response,
        Err(error) => respond(&api, &error, &asked),
    };
    let status = response.status().as_u16();
    told::of(&api, &asked, &response);
    let took = trace.age();
    api.telemetry.answered(asked.route, status, took);
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(request_id, route = asked.route_key, status, duration_ms, "request.answered");
    finish(&api, request_id, response.headers_mut());
    if connection == Connection::Close {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn route_request(
    api: &Arc<Api>,
    peer: SocketAddr,
    parts: &http::request::Parts,
    body: Body,
    request_id: &str,
    asked: &mut Asked,
) -> Result<Response, ApiError> {
    framing::check(&parts.headers)?;
    let (route, canonical_path, params) = match api.table.find(&parts.method, parts.uri.path()) {
        Find::Route { route, canonical_path, params } => (route, canonical_path, params),
        Find::WrongMethod { allow } => return Err(wrong_method(&allow).into()),
        Find::NotFound => return Err(RequestError::NoSuchPath.into()),
    };
    asked.route_key.clone_from(&route.key);
    asked.route = Some(route.number);
    asked.challenged = api.challenges.find(&route.key);
    let peer = api.trusted_proxies.client(peer, &parts.headers);
    api.limits.peer(peer)?;
    let Presented { credential, agent_token } = match route.target {
        // The signature over an event's body is its credential, and descriptions are public.
        Target::Own(OwnRoute::CardEvents | OwnRoute::OpenApi | OwnRoute::Llms) => Presented::NOTHING,
        _ => credential::find(&parts.headers, &api.settings.api_keys)?,
    };
    let ReadBody { bytes: body, share: _share } = body::read(api, &parts.headers, body).await?;
    let _place = api.load.request()?;
    asked.body = body.clone();
    asked.rail = rail(&credential);
    let query = parts.uri.query();
    let mut call = Call {
        route: route.key.clone(),
        path_and_query: query.map_or_else(|| canonical_path.to_owned(), |query| format!("{canonical_path}?{query}")),
        id: params.first().map(|(_, value)| (*value).to_owned()),
        fingerprint: Fingerprint::of(parts.method.as_str(), canonical_path, query.unwrap_or_default(), &body),
        peer,
        agent_token,
        headers: parts.headers.clone(),
        body,
        asked: asked.clone(),
        request_id: request_id.to_owned(),
        rate: None,
        proven: None,
    };
    let answered = match &route.target {
        Target::Own(own) => own::answer(api, *own, &mut call, &credential).await,
        Target::Upstream(upstream) => upstream_route(api, upstream, &mut call, credential).await,
    };
    let mut response = answered.unwrap_or_else(|error| respond(api, &error.into(), &call.asked));
    if let Some(payer) = call.proven.take() {
        api.world.books.note_request(note::of(&call, payer, &response, api.world.clock.now()));
    }
    if let Some(rate) = call.rate {
        rate.write(&api.settings.rate_headers, response.headers_mut());
    }
    Ok(response)
}

fn rail(credential: &Credential) -> Rail {
    match credential {
        Credential::None | Credential::ApiKey(_) => Rail::None,
        Credential::X402(_) => Rail::X402,
        Credential::Card(_) | Credential::AgentToken(_) => Rail::Mpp,
    }
}

async fn upstream_route(
    api: &Arc<Api>,
    upstream: &UpstreamRoute,
    call: &mut Call,
    credential: Credential,
) -> Result<Response, GatewayError> {
    if let Credential::ApiKey(key) = credential {
        if !upstream.takes_api_keys {
            return Err(GatewayError::ApiKeyNotTaken);
        }
        return answer::forwarded(api, Admission::for_api_key(key, call.forward_request()), "none; reason=api_key").await;
    }
    match &upstream.access {
        Access::Open => {
            let admission = Admission::for_anyone(&upstream.access, call.forward_request()).ok_or(GatewayError::NoCredential)?;
            answer::forwarded(api, admission, "none; reason=open_route").await
        }
        Access::Identified => identified_route(api, upstream, call, &credential).await,
        Access::Priced(terms) => priced_route(api, upstream, terms, call, &credential).await,
    }
}

/// A route that costs nothing and asks who is there.
async fn identified_route(
    api: &Arc<Api>,
    upstream: &UpstreamRoute,
    call: &mut Call,
    credential: &Credential,
) -> Result<Response, GatewayError> {
    match credential {
        Credential::None | Credential::ApiKey(_) => Err(GatewayError::NoCredential),
        Credential::X402(header) => free::answer(api, upstream, call, header).await,
        Credential::Card(_) | Credential::AgentToken(_) => {
            let who = cards::free::identified(api, call, credential).await?;
            cards::reach::forwarded(api, upstream, call, &who).await
        }
    }
}

/// A priced route: each credential goes to the rail that takes it, and to nothing else. What was paid in a way that the route no longer offers is
/// answered as it was.
async fn priced_route(
    api: &Arc<Api>,
    upstream: &UpstreamRoute,
    terms: &Terms,
    call: &mut Call,
    credential: &Credential,
) -> Result<Response, GatewayError> {
    match credential {
        Credential::None | Credential::ApiKey(_) => Err(GatewayError::NoCredential),
        Credential::X402(header) => match terms.offers.usdc() {
            Some(price) => priced::answer(api, UsdcRoute { upstream, terms, price }, call, header).await,
            None => earlier_terms::of_transfer(api, call, header).await?.ok_or(GatewayError::RailNotOffered(OfferedRail::X402)),
        },
        Credential::Card(header) => match terms.offers.usd() {
            Some(_) => cards::launch::by_credential(api, upstream, terms, call, header).await,
            None => match earlier_terms::of_former_charge(api, call, header).await? {
                Some(known) => Ok(known),
                None => Err(match api.card_desk() {
                    Err(error) => error.into(),
                    Ok(_) => GatewayError::RailNotOffered(OfferedRail::Card),
                }),
            },
        },
        // It says who asks, and pays with credits alone.
        Credential::AgentToken(token) => match terms.credits {
            Some(_) => cards::launch::by_token(api, upstream, terms, call, token).await,
            None => Err(GatewayError::RailNotOffered(OfferedRail::Credits)),
        },
    }
}

fn wrong_method(allow: &[http::Method]) -> RequestError {
    RequestError::WrongMethod { allowed: allow.iter().map(http::Method::as_str).collect::<Vec<_>>().join(", ") }
}

/// The absolute URL that the client called, by the public origin: payers compare it with their own.
fn called_url(api: &Api, uri: &http::Uri) -> String {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    format!("{}{target}", api.settings.public_url)
}

fn shape(api: &Api, headers: &HeaderMap) -> ErrorShape {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let hints = ShapeHints {
        accept: text("accept"),
        x402_version: text("x-402-version"),
        user_agent: text("user-agent"),
        speaks_newer: headers.contains_key("payment-signature") || headers.contains_key("accept-payment"),
    };
    api.settings.error_shape.choose(&hints)
}

/// What every answer says: its id, the mode, what it cost, and that no shared cache may keep it.
fn finish(api: &Api, request_id: &str, headers: &mut HeaderMap) {
    headers.insert(HeaderName::from_static("x-request-id"), header_value(request_id));
    if api.settings.sandbox {
        headers.insert(HeaderName::from_static("x-turnpike-mode"), HeaderValue::from_static("sandbox"));
    }
    headers.entry("x-charge").or_insert(HeaderValue::from_static("none"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}
