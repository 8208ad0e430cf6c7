//! The way to the API behind us: over HTTP, or to the embedded core in this process by the same
//! requests.
//!
//! What goes upstream is built from an [`Admission`] and the profile, never copied from the client:
//! hop-by-hop headers, payment headers and anything that looks like our own identity cannot pass,
//! because nothing passes. The body is framed anew by its length.

mod answers;
mod breaker;
mod creations;
mod evidence;
mod health;
mod requests;
mod transport;
mod units;
mod verdict;
mod witness;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, header};
use payments::{
    checkout::Admission,
    ids::PaymentId,
    intent::StoredAnswer,
    ports::{Clock, Creations, LookUp, Upstream, UpstreamAnswer, UpstreamError, UpstreamWay},
};

use super::{
    profile::{Profile, Route},
    way::Way,
};
use breaker::Breaker;
pub use breaker::Budget;
use evidence::Caller;
use health::HealthWatch;
use transport::NoAnswer;
pub use transport::Transport;
use verdict::verdict;
pub use witness::{NoWitness, Witness};

/// The upstream of a profile.
pub struct Forwarder {
    profile: Arc<Profile>,
    transport: Arc<Transport>,
    signing_secret: Vec<u8>,
    clock: Arc<dyn Clock>,
    breaker: Breaker,
    health: HealthWatch,
    way: Arc<Way>,
    witness: Arc<dyn Witness>,
}

// === impl Forwarder ===

impl Forwarder {
    /// A forwarder by the profile's rules over a transport.
    pub fn new(
        profile: Arc<Profile>,
        transport: Transport,
        signing_secret: Vec<u8>,
        budget: Budget,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (transport, breaker) = (Arc::new(transport), Breaker::new(budget));
        Self {
            profile,
            transport,
            signing_secret,
            clock,
            breaker,
            health: HealthWatch::default(),
            way: Arc::default(),
            witness: Arc::new(NoWitness),
        }
    }

    /// The same, with somebody who is told of every call.
    pub fn witnessed(self, witness: Arc<dyn Witness>) -> Self {
        Self { witness, ..self }
    }

    /// The same; what its answers say of the way is kept here.
    pub fn on(self, way: Arc<Way>) -> Self {
        Self { way, ..self }
    }

    /// Sends one request and reads the whole answer, within the breaker's budget.
    async fn call(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, NoAnswer> {
        let permit = self
            .breaker
            .permit()
            .await
            .map_err(|error| NoAnswer::never_sent(&error.to_string()))?;
        let told = self.witness.leaving(request.headers_mut());
        let answer = self.transport.call(request).await;
        told(answer.as_ref().ok().map(|answer| answer.status().as_u16()));
        permit.report(
            self.clock.now(),
            answer.as_ref().is_ok_and(|answer| !answer.status().is_server_error()),
        );
        answer
    }

    /// What the whole answer to a call says of the way, and how long it asks us to wait.
    fn heard(&self, epoch: u64, caller: &Caller, answer: &Response<Bytes>, accepted: bool) {
        let now = self.clock.now();
        let status = answer.status().as_u16();
        let too_many = status == 429 && *caller != Caller::Stranger;
        let after_s = evidence::retry_after_s(&self.profile, answer, now)
            .filter(|_| too_many || status >= 500);
        if too_many || after_s.is_some() {
            self.way.pause(after_s, too_many, now);
        }
        self.way.heard(epoch, evidence::evidence(&self.profile, caller, answer, accepted), now);
    }

    fn route(&self, key: &str) -> Option<&Route> {
        self.profile.route(key)
    }

    async fn found(&self, core_key: &str) -> Result<LookUp, UpstreamError> {
        let Some(pattern) = &self.profile.idempotency.lookup else {
            return Ok(LookUp::Unreachable(String::from("the profile names no look-up by key")));
        };
        let answer = self.call(self.own_request(&pattern.replace(":key", core_key))?).await?;
        Ok(match answer.status().as_u16() {
            200 => answers::looked_up(answer.body()),
            404 => LookUp::Absent,
            status => LookUp::Unreachable(format!("status {status}")),
        })
    }
}

#[async_trait]
impl Upstream for Forwarder {
    async fn create(&self, admission: Admission) -> UpstreamAnswer {
        let route = admission.request().route.clone();
        let request = match self.request(&admission) {
            Ok(request) => request,
            Err(error) => return UpstreamAnswer::NotDone(error.to_string()),
        };
        self.breaker.unit_used(admission.core_key());
        let (epoch, caller) = (self.way.epoch(), Caller::of(&admission));
        match self.call(request).await {
            Ok(answer) => {
                let verdict = verdict(&self.profile, &route, &answer);
                let accepted =
                    matches!(verdict, UpstreamAnswer::Created { .. } | UpstreamAnswer::Refused(_));
                self.heard(epoch, &caller, &answer, accepted);
                verdict
            }
            Err(none) if none.never_sent => UpstreamAnswer::NotDone(none.why),
            Err(none) => UpstreamAnswer::Unknown(none.why),
        }
    }

    /// Only a key that is really sent makes a repeat safe.
    fn repeats_safely(&self) -> bool {
        self.profile.idempotency.header.is_some()
    }

    async fn look_up(&self, core_key: &str) -> LookUp {
        self.found(core_key).await.unwrap_or_else(|error| LookUp::Unreachable(error.to_string()))
    }

    fn looks_up(&self) -> bool {
        self.profile.idempotency.lookup.is_some()
    }

    async fn creations(&self, after: &str) -> Result<Creations, UpstreamError> {
        self.listed(after).await
    }

    async fn forward(&self, admission: Admission) -> Result<StoredAnswer, UpstreamError> {
        let (epoch, caller) = (self.way.epoch(), Caller::of(&admission));
        let answer = self.call(self.request(&admission)?).await?;
        self.heard(epoch, &caller, &answer, false);
        Ok(answers::stored(&answer))
    }

    fn way(&self) -> UpstreamWay {
        self.way.now(self.clock.now())
    }

    fn gate(&self) -> Result<(), UpstreamError> {
        let now = self.clock.now();
        self.way.gate(now)?;
        self.breaker.gate(now)
    }

    fn take_unit(&self, payment: PaymentId) -> Result<(), UpstreamError> {
        self.breaker.take_unit(payment, self.clock.now())
    }

    fn give_unit_back(&self, payment: PaymentId) {
        self.breaker.give_unit_back(payment);
    }

    async fn ready(&self) -> Result<(), UpstreamError> {
        let Some(path) = &self.profile.upstream.health else { return Ok(()) };
        let (request, transport, way) =
            (self.own_request(path)?, Arc::clone(&self.transport), Arc::clone(&self.way));
        let question = async move {
            let answer = transport.call(request).await?;
            let status = answer.status();
            // A page for people is nobody's word on an API's health.
            let page = answer
                .headers()
                .get(header::CONTENT_TYPE)
                .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
            let well = status.is_success() && !page;
            way.health(well, page || !(well || status.is_server_error()));
            if well {
                return Ok(());
            }
            let what = if page { " with a page" } else { "" };
            Err(UpstreamError::Unreachable(format!("health answers {}{what}", status.as_u16())))
        };
        self.health.ask(&self.clock, question).await
    }
}
