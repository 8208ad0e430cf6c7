//! Requests as the upstream gets them: whose call it is, signed, and nothing that was copied.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, header};
use payments::{
    checkout::{Admission, ForwardRequest},
    identity::{self, SignedParts},
    ports::UpstreamError,
};

use super::{super::profile::Route, Forwarder};

impl Forwarder {
    pub(super) fn request(&self, admission: &Admission) -> Result<Request<Bytes>, UpstreamError> {
        let asked = admission.request();
        let target = format!("{}{}", self.prefix_of(asked), asked.path_and_query);
        let mut request = self.blank(&asked.method, &target, asked.body.clone())?;
        let headers = request.headers_mut();
        if let Some(content_type) = &asked.content_type {
            headers.insert(header::CONTENT_TYPE, value(content_type)?);
        }
        headers.insert(
            HeaderName::from_static(identity::REQUEST_ID_HEADER),
            value(&asked.request_id)?,
        );
        if let Some(core_key) = admission.core_key()
            && let Some(name) = &self.profile.idempotency.header
        {
            headers.insert(name.clone(), value(core_key)?);
        }
        match (admission.api_key(), admission.agent()) {
            (Some(key), _) => {
                let mut key = value(key)?;
                key.set_sensitive(true);
                headers.insert(header::AUTHORIZATION, key);
            }
            (None, agent) => {
                let agent =
                    agent.map_or_else(|| identity::GATEWAY_AGENT.to_owned(), ToString::to_string);
                self.sign(&mut request, &agent, admission.core_key().unwrap_or_default())?;
            }
        }
        Ok(request)
    }

    fn blank(
        &self,
        method: &str,
        target: &str,
        body: Bytes,
    ) -> Result<Request<Bytes>, UpstreamError> {
        let unbuildable =
            |_| UpstreamError::Unreachable(String::from("the request cannot be written"));
        let uri = self.transport.uri(target);
        let mut request =
            Request::builder().method(method).uri(uri).body(body).map_err(unbuildable)?;
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        Ok(request)
    }

    /// Says on whose behalf we ask, and shows our own credential where the profile has one.
    fn sign(
        &self,
        request: &mut Request<Bytes>,
        agent: &str,
        core_key: &str,
    ) -> Result<(), UpstreamError> {
        let timestamp_unix_s = self.clock.now().unix_s();
        let path_and_query =
            request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        let parts = SignedParts {
            timestamp_unix_s,
            method: request.method().as_str(),
            path_and_query: &path_and_query,
            agent,
            idempotency_key: core_key,
            body: request.body(),
        };
        let signature = identity::sign(&self.signing_secret, &parts);
        let headers = request.headers_mut();
        headers.insert(HeaderName::from_static(identity::AGENT_HEADER), value(agent)?);
        headers.insert(
            HeaderName::from_static(identity::TIMESTAMP_HEADER),
            HeaderValue::from(timestamp_unix_s),
        );
        headers.insert(HeaderName::from_static(identity::SIGNATURE_HEADER), value(&signature)?);
        if let Some(credential) = &self.profile.credential
            && self.transport.is_remote()
        {
            headers.insert(credential.header.clone(), credential.value.clone());
            for (name, fixed) in &credential.extra {
                headers.insert(name.clone(), fixed.clone());
            }
        }
        Ok(())
    }

    /// For the gateway's own questions.
    pub(super) fn own_request(&self, target: &str) -> Result<Request<Bytes>, UpstreamError> {
        let mut request = self.blank("GET", target, Bytes::new())?;
        self.sign(&mut request, identity::GATEWAY_AGENT, "")?;
        Ok(request)
    }

    fn prefix_of(&self, asked: &ForwardRequest) -> &str {
        self.route(&asked.route)
            .and_then(Route::upstream)
            .map_or("", |route| route.upstream_prefix.as_str())
    }
}

fn value(text: &str) -> Result<HeaderValue, UpstreamError> {
    HeaderValue::from_str(text)
        .map_err(|_| UpstreamError::Unreachable(String::from("a header cannot be written")))
}
