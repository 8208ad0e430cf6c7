//! What was charged, as the value of `Payment-Receipt`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::mpp::secrets::ChallengeId;
use crate::mpp::stripe::METHOD;
use crate::time::UnixMs;
use crate::x402::json::quoted;

/// A receipt of one settled charge. Nothing else has one: a launch paid from credits was not paid
/// now.
#[derive(Debug, Clone, Copy)]
pub struct Receipt<'a> {
    /// When it settled.
    pub settled_at: UnixMs,
    /// What the card processor calls it, `pi_...`.
    pub reference: &'a str,
    /// The order id, when the challenge bound one.
    pub external_id: Option<&'a str>,
    /// The challenge that was paid.
    pub challenge_id: Option<ChallengeId>,
}

impl Receipt<'_> {
    /// The header value.
    #[must_use]
    pub fn header_value(&self) -> String {
        let whole = self.settled_at.ms().rem_euclid(1000) == 0;
        let timestamp = if whole { self.settled_at.rfc3339_s() } else { self.settled_at.rfc3339() };
        let external_id = self
            .external_id
            .map(|id| format!(r#","externalId":{}"#, quoted(id)))
            .unwrap_or_default();
        let challenge_id =
            self.challenge_id.map(|id| format!(r#","challengeId":"{id}""#)).unwrap_or_default();
        let reference = quoted(self.reference);
        URL_SAFE_NO_PAD.encode(format!(
            r#"{{"method":"{METHOD}","status":"success","timestamp":"{timestamp}","reference":{reference}{external_id}{challenge_id}}}"#
        ))
    }
}
