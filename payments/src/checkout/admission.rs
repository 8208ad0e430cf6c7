//! The permit to go upstream. Only this room makes one, so a forgotten check does not compile.

use bytes::Bytes;

use crate::{
    agent::Payer,
    checkout::World,
    holder::{KnownToken, Scope, UsedCredential},
    intent::{Intent, KeptRequest, State},
    ports::{BooksError, IdentityClaim, ProofUse, WrittenBy},
    proof::ProofKey,
    route::Access,
};

/// A request as it goes upstream, without any header of the client but its content type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardRequest {
    /// HTTP method.
    pub method: String,
    /// The route's key in the table.
    pub route: String,
    /// Path without `/v1`, and the raw query behind `?` if there is one.
    pub path_and_query: String,
    /// The body's exact bytes.
    pub body: Bytes,
    /// The client's content type, if it sent a body.
    pub content_type: Option<String>,
    /// The id that ties our logs to the upstream's.
    pub request_id: String,
}

/// The permit. What it carries is what the upstream may see.
#[derive(Clone, PartialEq, Eq)]
pub struct Admission {
    request: ForwardRequest,
    agent: Option<Payer>,
    core_key: Option<String>,
    api_key: Option<String>,
}

/// A caller whose proof was used up for this one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identified {
    payer: Payer,
    scope: Scope,
}

/// Uses a proof up in the books before anything is forwarded; `None` when it was used before.
///
/// # Errors
/// [`BooksError`] when the books do not answer: nothing is claimed then.
pub async fn identify(
    world: &World,
    payer: Payer,
    claim: IdentityClaim,
) -> Result<Option<Identified>, BooksError> {
    match world.proofs.take_identity(claim.clone(), WrittenBy::Caller).await {
        ProofUse::Fresh | ProofUse::Unsure => identify_durably(world, payer, claim).await,
        ProofUse::Paying | ProofUse::Identity => Ok(None),
    }
}

async fn identify_durably(
    world: &World,
    payer: Payer,
    claim: IdentityClaim,
) -> Result<Option<Identified>, BooksError> {
    let fresh = world.books.claim_identities(&[claim]).await?;
    Ok((fresh == [true]).then_some(Identified::wholly(payer)))
}

/// Uses a proof up in the fast memory, for reads; the books hear of it within a second, or at once
/// where the memory cannot tell. `None` when it was used before.
///
/// # Errors
/// [`BooksError`] when the books do not answer.
pub async fn identify_quickly(
    world: &World,
    payer: Payer,
    claim: IdentityClaim,
) -> Result<Option<Identified>, BooksError> {
    let key = crate::ports::ClaimKey {
        proof: Some(ProofKey::Authorization(claim.key)),
        idempotency: None,
    };
    if world.books.known(&key).await?.is_some() {
        return Ok(None);
    }
    match world.proofs.take_identity(claim.clone(), WrittenBy::Queue).await {
        ProofUse::Fresh => Ok(Some(Identified::wholly(payer))),
        ProofUse::Unsure => identify_durably(world, payer, claim).await,
        ProofUse::Paying | ProofUse::Identity => Ok(None),
    }
}

/// A caller with an agent token that the books know. It identifies as often as it is shown.
pub fn identify_by_token(token: &KnownToken) -> Identified {
    Identified { payer: token.holder.payer.clone(), scope: token.holder.scope() }
}

/// Somebody who shows the very credential that paid before, where nothing is paid: for what it
/// made.
pub fn identify_by_credential(used: &UsedCredential) -> Identified {
    Identified { payer: used.payer.clone(), scope: Scope::Payment(used.payment) }
}

// === impl Identified ===

impl Identified {
    /// The payer itself.
    const fn wholly(payer: Payer) -> Self {
        Self { payer, scope: Scope::Account }
    }

    /// Who it is.
    pub fn payer(&self) -> &Payer {
        &self.payer
    }

    /// What it may read and change.
    pub const fn scope(&self) -> Scope {
        self.scope
    }
}

// === impl Admission ===

impl Admission {
    /// For an intent that is funded and booked.
    pub(super) fn for_intent(intent: &Intent) -> Option<Self> {
        if !matches!(intent.state, State::Forwarding | State::CoreUnknown) {
            return None;
        }
        let method = intent.request.method().to_owned();
        let KeptRequest { route, path_and_query, body, content_type } = intent.request.clone();
        let content_type = (!body.is_empty()).then_some(content_type);
        let request = ForwardRequest {
            method,
            route,
            path_and_query,
            body,
            content_type,
            request_id: intent.id.to_string(),
        };
        Some(Self {
            request,
            agent: Some(intent.payer.clone()),
            core_key: Some(intent.core_key()),
            api_key: None,
        })
    }

    /// For a route that costs nothing, on behalf of somebody who is known. `None` for a priced
    /// route, whoever asks.
    pub fn for_identified(
        access: &Access,
        who: &Identified,
        request: ForwardRequest,
    ) -> Option<Self> {
        match access {
            Access::Open | Access::Identified => Some(Self {
                request,
                agent: Some(who.payer.clone()),
                core_key: None,
                api_key: None,
            }),
            Access::Priced(_) => None,
        }
    }

    /// For a route that asks nothing of its callers: the upstream sees no agent at all. `None` for
    /// any other route.
    pub fn for_anyone(access: &Access, request: ForwardRequest) -> Option<Self> {
        match access {
            Access::Open => Some(Self { request, agent: None, core_key: None, api_key: None }),
            Access::Identified | Access::Priced(_) => None,
        }
    }

    /// For the upstream's own customers: their key passes untouched, without any identity of ours.
    pub fn for_api_key(api_key: String, request: ForwardRequest) -> Self {
        Self { request, agent: None, core_key: None, api_key: Some(api_key) }
    }

    /// What goes upstream.
    pub fn request(&self) -> &ForwardRequest {
        &self.request
    }

    /// On whose behalf.
    pub fn agent(&self) -> Option<&Payer> {
        self.agent.as_ref()
    }

    /// The idempotency key of a creation.
    pub fn core_key(&self) -> Option<&str> {
        self.core_key.as_deref()
    }

    /// The API-key user's own `Authorization` value.
    pub fn api_key(&self) -> Option<&str> {
        self.api_key.as_deref()
    }
}
