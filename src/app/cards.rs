//! Cards: the rail to Stripe or to the emulator beside us, the secrets of challenges and accounts,
//! and what the API needs of all of it.

use std::{net::SocketAddr, sync::Arc};

use payments::reconcile::CardSide;
use payments::{
    checkout::Cards,
    money::{Credits, UsdCents},
    mpp::{account::AccountKey, agent_token::AgentTokenKeys, secrets::Secrets},
    ports::{
        AgentTokens, CardBalance, CardBooks, CardEvents, CardHistory, CardRail, ClearingBooks,
        Sealer,
    },
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    card_account,
    error::AppError,
    keys::SandboxKeys,
    processor::{Processor, configured, emulator, running_emulator},
};
use crate::{
    clock::SystemClock,
    config::{Config, Secret, SptParameter, StripeMode},
    gateway::{CardDesk, CardTerms, Looks, Pack},
    rails::stripe::{self, StripeConfig, StripeRail, Webhooks},
    seal::AeadSealer,
};

/// What is sold in advance.
const PACK_ID: &str = "pack_20";
const PACK_CREDITS: Credits = Credits::new(20);
const ANOTHER_ACCOUNT_KEY: &str = "mpp.account_key is not the one that these books were begun with: existing cards \
     would lose access to their credits. Restore the first key; it is never rotated";

/// What takes cards, before the books are known.
pub(super) struct CardParts {
    rail: Arc<dyn CardRail>,
    history: Arc<dyn CardHistory>,
    balance: Arc<dyn CardBalance>,
    exclusive: bool,
    tokens: Arc<dyn AgentTokens>,
    events: Option<Arc<dyn CardEvents>>,
    secrets: Secrets,
    account_key: AccountKey,
    terms: CardTerms,
    challenge_ttl_ms: i64,
    used_credential_ms: i64,
    bind_bodies: bool,
    livemode: bool,
    refused_per_minute: u32,
    url: String,
}

/// The parts, or none where no cards are taken. In a sandbox the emulator is started first; it
/// sends its events to `agents`.
///
/// # Errors
/// [`AppError`].
pub(super) async fn parts(
    config: &Config,
    clock: &SystemClock,
    books: &Arc<dyn CardBooks>,
    sealer: Arc<dyn Sealer>,
    agents: SocketAddr,
    stop: &CancellationToken,
    tasks: &mut Vec<JoinHandle<()>>,
) -> Result<Option<CardParts>, AppError> {
    let (stripe, mpp) = (&config.stripe, &config.mpp);
    if stripe.mode == StripeMode::Off {
        return Ok(None);
    }
    let sandbox = stripe.mode == StripeMode::Sandbox;
    let kept = if sandbox { Some(SandboxKeys::load_or_make(&config.sandbox.dir)?) } else { None };
    let account_key = match (mpp.account_key.expose(), &kept) {
        ("", Some(keys)) => AccountKey::new(&keys.account_key)?,
        (key, _) => AccountKey::new(key)?,
    };
    if !books.same_key("mpp.account_key", &account_key.mark()).await? {
        return Err(AppError::Setting(String::from(ANOTHER_ACCOUNT_KEY)));
    }
    let livemode = stripe.mode == StripeMode::Live;
    card_account::check_mode(&**books, livemode).await?;
    let processor = if sandbox {
        emulator(config, clock, agents, stop, tasks).await?
    } else {
        configured(&config.stripe)
    };
    let rail =
        Arc::new(card_account::of_books(rail(config, &processor, sealer, clock)?, books).await?);
    card_account::open_gate(&rail).await?;
    let tokens = AgentTokenKeys::new(keys_or(
        &mpp.token_keys,
        kept.as_ref().map(|keys| keys.token_key.as_str()),
    ))?;
    let events = Webhooks::new(&processor.webhook_secret, livemode)
        .map(|events| Arc::new(events) as Arc<dyn CardEvents>);
    Ok(Some(CardParts {
        history: rail.clone(),
        balance: rail.clone(),
        exclusive: stripe.exclusive,
        rail,
        tokens: Arc::new(tokens),
        events,
        secrets: Secrets::new(keys_or(
            &mpp.secret_keys,
            kept.as_ref().map(|keys| keys.challenge_key.as_str()),
        ))?,
        account_key,
        terms: CardTerms {
            realm: realm(config),
            network_id: processor.network_id,
            pack: UsdCents::new(config.pricing.pack_20_usd.minor()),
        },
        challenge_ttl_ms: i64::try_from(mpp.challenge_ttl_s.saturating_mul(1000))
            .unwrap_or(i64::MAX),
        used_credential_ms: i64::try_from(mpp.used_credential_s.saturating_mul(1000))
            .unwrap_or(i64::MAX),
        bind_bodies: mpp.bind_bodies,
        livemode,
        refused_per_minute: config.limits.refused_cards_per_minute,
        url: processor.api_base,
    }))
}

fn rail(
    config: &Config,
    processor: &Processor,
    sealer: Arc<dyn Sealer>,
    clock: &SystemClock,
) -> Result<StripeRail, AppError> {
    let stripe = &config.stripe;
    let settings = StripeConfig {
        api_base: processor.api_base.clone(),
        secret_key: processor.secret_key.clone(),
        livemode: stripe.mode == StripeMode::Live,
        api_version: stripe.api_version.clone(),
        spt_parameter: match stripe.spt_parameter {
            SptParameter::TopLevel => stripe::SptParameter::TopLevel,
            SptParameter::PaymentMethodData => stripe::SptParameter::PaymentMethodData,
        },
        timeout_ms: stripe.timeout_ms,
    };
    Ok(StripeRail::new(&settings, sealer, Arc::new(clock.clone()))?)
}

/// One token charged, for `doctor`. None where real money would move, or none.
pub(super) async fn trial(
    config: &Config,
    sealer: Arc<dyn Sealer>,
    clock: &SystemClock,
) -> Option<Result<String, AppError>> {
    if config.stripe.mode != StripeMode::Test {
        return None;
    }
    Some(match rail(config, &configured(&config.stripe), sealer, clock) {
        Ok(rail) => rail.try_charge().await.map_err(AppError::from),
        Err(error) => Err(error),
    })
}

/// Whether the configured processor takes our key, for `doctor`. None where no processor is
/// configured: a sandbox brings its own.
pub(super) async fn probe(
    config: &Config,
    sealer: Arc<dyn Sealer>,
    clock: &SystemClock,
) -> Option<Result<(), AppError>> {
    if matches!(config.stripe.mode, StripeMode::Off | StripeMode::Sandbox) {
        return None;
    }
    Some(match rail(config, &configured(&config.stripe), sealer, clock) {
        Ok(rail) => rail.ready().await.map_err(AppError::from),
        Err(error) => Err(error),
    })
}

/// The card processor of a serving gateway, for a comparison beside it: nothing is charged, so any
/// seal key will do. None where no cards are taken.
///
/// # Errors
/// [`AppError`].
pub(super) async fn beside(
    config: &Config,
    clock: &SystemClock,
    books: Arc<dyn CardBooks>,
    clearing: Arc<dyn ClearingBooks>,
) -> Result<Option<CardSide>, AppError> {
    let processor = match config.stripe.mode {
        StripeMode::Off => return Ok(None),
        StripeMode::Sandbox => running_emulator(config)?,
        StripeMode::Test | StripeMode::Live => configured(&config.stripe),
    };
    let rail = rail(config, &processor, Arc::new(AeadSealer::new(&[0; 32])), clock)?;
    let rail = Arc::new(card_account::of_books(rail, &books).await?);
    let exclusive = config.stripe.exclusive;
    Ok(Some(CardSide {
        history: rail.clone(),
        balance: rail.clone(),
        rail,
        books,
        clearing,
        exclusive,
    }))
}

fn keys_or(configured: &[Secret], kept: Option<&str>) -> Vec<String> {
    match (configured, kept) {
        ([], Some(kept)) => vec![kept.to_owned()],
        (configured, _) => configured.iter().map(|key| key.expose().to_owned()).collect(),
    }
}

/// The public host: never what a client wrote into `Host`.
fn realm(config: &Config) -> String {
    match config.mpp.realm.as_str() {
        "" => {
            let url = config.server.public_url.as_str();
            let host = url.split_once("://").map_or(url, |(_, rest)| rest);
            host.split('/').next().unwrap_or(host).to_owned()
        }
        realm => realm.to_owned(),
    }
}

impl CardParts {
    /// Where the card processor is.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// What challenges offer.
    pub(super) fn terms(&self) -> &CardTerms {
        &self.terms
    }

    /// What is compared with the books.
    pub(super) fn side(
        &self,
        books: Arc<dyn CardBooks>,
        clearing: Arc<dyn ClearingBooks>,
    ) -> CardSide {
        let (history, balance, rail) =
            (Arc::clone(&self.history), Arc::clone(&self.balance), Arc::clone(&self.rail));
        CardSide { history, rail, books, balance, clearing, exclusive: self.exclusive }
    }

    /// What the rules need.
    pub(super) fn world(&self) -> Cards {
        Cards { rail: Arc::clone(&self.rail), tokens: Arc::clone(&self.tokens) }
    }

    /// What the API needs; packs are sold where a route takes credits.
    pub(super) fn desk(self, books: Arc<dyn CardBooks>, sells_packs: bool) -> CardDesk {
        CardDesk {
            books,
            rail: self.rail,
            events: self.events,
            secrets: self.secrets,
            account_key: self.account_key,
            tokens: self.tokens,
            realm: self.terms.realm,
            challenge_ttl_ms: self.challenge_ttl_ms,
            used_credential_ms: self.used_credential_ms,
            bind_bodies: self.bind_bodies,
            livemode: self.livemode,
            looks: Looks::new(self.refused_per_minute),
            pack: sells_packs.then_some(Pack {
                id: PACK_ID,
                credits: PACK_CREDITS,
                price: self.terms.pack,
            }),
        }
    }
}
