//! What is bought with a card or its credits, and what must hold for it before any money.

use payments::{funding::Product, ports::StablePayer, route::Terms};

use super::{
    super::{
        claiming::{check_body, check_gates},
        error::{CardRequestError, GatewayError},
        request::GatewayRequest,
        state::Gateway,
    },
    desk::Pack,
    pack, stable,
};
use crate::upstream::profile::UpstreamRoute;

/// What is bought, and what must hold before anything is claimed for it.
pub enum Order<'a> {
    /// A call upstream: its body and the upstream's health are checked.
    Call(&'a UpstreamRoute, &'a Terms),
    /// The pack.
    Pack(Pack),
}

impl Order<'_> {
    pub(super) fn product(&self) -> Product {
        match self {
            Order::Call(_, terms) => Product::Call { credits: terms.credits },
            Order::Pack(pack) => Product::Pack { credits: pack.credits },
        }
    }

    /// Steps 7 and 8: everything that would be refused later, and the health of what it needs,
    /// before any money.
    ///
    /// # Errors
    /// Nothing may be claimed for it.
    pub(super) async fn check(
        &self,
        gateway: &Gateway,
        call: &GatewayRequest,
        stable: Option<&StablePayer>,
    ) -> Result<(), GatewayError> {
        match self {
            Order::Call(upstream, _) => {
                check_body(gateway, upstream, call)?;
                check_gates(gateway).await
            }
            Order::Pack(bought) => {
                let agent_token_only =
                    pack::check_body(bought, call).map_err(CardRequestError::Pack)?;
                stable::check(stable, agent_token_only)?;
                Ok(gateway.load.creation(gateway.drives.count())?)
            }
        }
    }
}
