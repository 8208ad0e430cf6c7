//! What every call may use: the ports, the routes, the limits and the gateway's settings.

use std::{sync::Arc, time::Duration};

use payments::{checkout::World, route::Quota, x402::offer::Requirements};
use tokio_util::sync::CancellationToken;

use super::{
    body_rules::BodyRules, cards::desk::CardDesk, challenges::Challenges, error::CardRequestError,
    limits::Limits, load::Load, turns::Turns,
};
use crate::{telemetry::Telemetry, upstream::profile::RouteTable, worker::drives::Drives};

/// The gateway, whichever door a call comes through.
pub struct Gateway {
    /// The rules' ports.
    pub world: World,
    /// The drivers of intents.
    pub drives: Drives,
    /// Every route.
    pub table: RouteTable,
    /// Prepared 402s and offers.
    pub challenges: Challenges,
    /// Everything about cards, where they are taken.
    pub cards: Option<CardDesk>,
    /// Copies of one proof take turns.
    pub turns: Turns,
    /// Rate limits.
    pub limits: Limits,
    /// How much is taken on at the same time.
    pub load: Load,
    /// What an agent may ask of a body beyond its schema.
    pub body_rules: BodyRules,
    /// Plain numbers.
    pub settings: GatewaySettings,
    /// What is counted.
    pub telemetry: Arc<Telemetry>,
    /// Cancelled when the process drains.
    pub draining: CancellationToken,
}

/// Deadlines, windows and quotas.
#[derive(Debug, Clone)]
pub struct GatewaySettings {
    /// How long a request waits for its intent.
    pub answer_deadline: Duration,
    /// The same, once the process drains.
    pub drain_deadline: Duration,
    /// Longest life of an authorization, in seconds.
    pub max_window_s: u64,
    /// The quotas of free calls, as `GET /usage` shows them.
    pub quotas: Vec<Quota>,
}

// === impl Gateway ===

impl Gateway {
    /// Ends when a request has waited for its intent as long as it may; a drain shortens the wait
    /// of those that wait already.
    pub async fn out_of_patience(&self) {
        let drained = async {
            self.draining.cancelled().await;
            tokio::time::sleep(self.settings.drain_deadline).await;
        };
        tokio::select! {
            () = tokio::time::sleep(self.settings.answer_deadline) => {}
            () = drained => {}
        }
    }

    /// What a free route asks for.
    pub fn requirements(&self) -> &Requirements {
        self.challenges.requirements()
    }

    /// Everything about cards.
    ///
    /// # Errors
    /// [`CardRequestError::NotEnabled`].
    pub fn card_desk(&self) -> Result<&CardDesk, CardRequestError> {
        self.cards.as_ref().ok_or(CardRequestError::NotEnabled)
    }
}
