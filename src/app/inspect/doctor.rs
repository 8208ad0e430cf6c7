//! `turnpike doctor`: whether this configuration can take payments here and now.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use http::Method;
use payments::{
    checkout::{Admission, ForwardRequest},
    ports::{Upstream, UpstreamError},
    route::Access,
};

use super::{
    super::{
        books_chain, cache, cards, error::AppError, keys::SandboxKeys, parts,
        settings as app_settings, stores, upstream,
    },
    chain, custody,
    finding::{Finding, trial_balance, why},
    settings,
};
use crate::{
    clock::SystemClock,
    config::{Config, StripeMode, UpstreamUrl},
    seal::AeadSealer,
    upstream::profile::{Profile, Route},
};

/// Every check, in the order in which a start needs them.
pub async fn doctor(config: &Config) -> Vec<Finding> {
    let clock = app_settings::clock(config);
    let mut findings = settings::findings(config);
    findings.extend(keys(&config.sandbox.dir));
    findings.extend(books(config).await);
    findings.extend(books_chain(config).await);
    findings.extend(chain::findings(config, &clock).await);
    findings.extend(custody::findings(config).await);
    findings.push(core(config, &clock).await);
    findings.extend(cards(config, &clock).await);
    findings.extend(card_trial(config, &clock).await);
    findings.extend(shared_cache(config).await);
    findings
}

fn keys(dir: &Path) -> Option<Finding> {
    const CHECK: &str = "sandbox_keys";
    let path = SandboxKeys::path(dir);
    match SandboxKeys::load(dir) {
        Ok(None) => None,
        Err(error) => Some(Finding::fail(
            CHECK,
            why(&error),
            "give back the file that this gateway wrote, or start with a fresh sandbox.dir",
        )),
        Ok(Some(_)) => Some(if others_may_read(&path) {
            Finding::fail(
                CHECK,
                format!("{} can be read by others", path.display()),
                format!(
                    "chmod 600 {}; and if the machine is shared, start with a fresh sandbox.dir",
                    path.display()
                ),
            )
        } else {
            Finding::ok(CHECK, format!("{} is its owner's alone", path.display()))
        }),
    }
}

#[cfg(unix)]
fn others_may_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn others_may_read(_: &Path) -> bool {
    false
}

async fn books(config: &Config) -> Vec<Finding> {
    const CHECK: &str = "database";
    let url = config.store.url.expose();
    if url.strip_prefix("sqlite://").is_some_and(|path| !Path::new(path).exists()) {
        return vec![Finding::ok(CHECK, "no books yet; they are made at the first start")];
    }
    let restore =
        "restore the file from a backup, or give its owner back; never serve from it as it is";
    let store = match stores::beside(config).await {
        Ok(store) => store,
        Err(error) if error.is_not_found() => {
            return vec![Finding::ok(CHECK, "no books yet; they are made at the first start")];
        }
        Err(error) => return vec![Finding::fail(CHECK, why(&error), restore)],
    };
    let health = match store.inspect.health().await {
        Ok(health) => health,
        Err(error) => return vec![Finding::fail(CHECK, why(&error), restore)],
    };
    let whole = if health.broken.is_empty() {
        Finding::ok(CHECK, "opens, and is whole")
    } else {
        Finding::fail(CHECK, health.broken.join("; "), restore)
    };
    let migrations = if !health.foreign_migrations.is_empty() {
        let says = format!(
            "the books have migrations that this program does not know: {:?}",
            health.foreign_migrations
        );
        let todo = "run the program that wrote it, or a newer one";
        // Processes of two releases share a server while one of them is rolled out; a file has one
        // process.
        if url.starts_with("sqlite:") {
            Finding::fail("migrations", says, todo)
        } else {
            Finding::warn("migrations", says, todo)
        }
    } else if health.missing_migrations.is_empty() {
        Finding::ok("migrations", "all applied")
    } else {
        let says = format!("not applied yet: {:?}", health.missing_migrations);
        Finding::warn("migrations", says, "they are applied at the next start; take a backup first")
    };
    vec![whole, migrations, trial_balance(&*store.books).await]
}

/// Whether the books are of the configured chain and token; nothing where there are none, or none
/// that can be read.
async fn books_chain(config: &Config) -> Option<Finding> {
    const CHECK: &str = "books_chain";
    let store = stores::beside(config).await.ok()?;
    Some(match books_chain::mismatch(config, &*store.inspect).await.ok()? {
        None => Finding::ok(CHECK, "of the configured chain and token"),
        Some(mismatch) => Finding::fail(
            CHECK,
            mismatch,
            "correct x402.chain_id and x402.asset, or set store.url to new books",
        ),
    })
}

async fn core(config: &Config, clock: &SystemClock) -> Finding {
    const CHECK: &str = "core";
    if config.upstream.url == UpstreamUrl::Embedded
        && !config.sandbox.dir.join("launches.db").exists()
    {
        return Finding::ok(CHECK, "embedded; its file is made at the first start");
    }
    let (profile, upstream) = match open(config, clock).await {
        Ok(opened) => opened,
        Err(error) => return Finding::fail(CHECK, why(&error), "correct [upstream]"),
    };
    match asked(&profile, upstream.as_ref()).await {
        Ok(true) => Finding::ok(
            CHECK,
            if config.upstream.url == UpstreamUrl::Embedded {
                "embedded; answers"
            } else {
                "answers"
            },
        ),
        Ok(false) => Finding::warn(
            CHECK,
            "was not asked: the profile names neither health nor an open route",
            "set health in the profile",
        ),
        Err(error) => {
            let todo = "see that upstream.url answers from this machine, and that both have the signing_secret";
            Finding::fail(CHECK, why(&error), todo)
        }
    }
}

/// Nothing is sealed by a question, so any key will do.
async fn cards(config: &Config, clock: &SystemClock) -> Option<Finding> {
    const CHECK: &str = "cards";
    let mode = if config.stripe.mode == StripeMode::Live { "live" } else { "test" };
    Some(match cards::probe(config, Arc::new(AeadSealer::new(&[0; 32])), clock).await? {
        Ok(()) => Finding::ok(CHECK, format!("Stripe takes the {mode} key")),
        Err(error) => Finding::fail(
            CHECK,
            why(&error),
            "see that stripe.api_base answers, and that stripe.secret_key and stripe.api_version are right",
        ),
    })
}

/// In test mode one token is charged: only that shows whether Stripe takes a charge as we write it.
async fn card_trial(config: &Config, clock: &SystemClock) -> Option<Finding> {
    const CHECK: &str = "card_charge";
    Some(match cards::trial(config, Arc::new(AeadSealer::new(&[0; 32])), clock).await? {
        Ok(payment) => Finding::ok(CHECK, format!("a test token was charged: {payment}")),
        Err(error) => Finding::fail(
            CHECK,
            why(&error),
            "see that stripe.network_id is this account's, and try the other stripe.spt_parameter or another stripe.api_version",
        ),
    })
}

/// Without it the gateway works too, so its absence is no failure.
async fn shared_cache(config: &Config) -> Option<Finding> {
    const CHECK: &str = "cache";
    Some(match cache::probe(config).await? {
        Ok(true) => Finding::ok(CHECK, "Redis answers, and takes writes"),
        Ok(false) => Finding::warn(
            CHECK,
            "Redis does not answer in time, or takes no writes; until it does, each process limits agents by itself",
            "see that cache.url answers from this machine with these credentials",
        ),
        Err(error) => Finding::fail(CHECK, why(&error), "correct cache.url"),
    })
}

async fn open(
    config: &Config,
    clock: &SystemClock,
) -> Result<(Arc<Profile>, Arc<dyn Upstream>), AppError> {
    let profile = Arc::new(parts::profile(config)?);
    let upstream =
        upstream::upstream(config, &profile, clock, upstream::unwatched(), Arc::default()).await?;
    Ok((profile, upstream))
}

/// By the profile's own health, else by a route that anybody may read; false when there is neither.
async fn asked(profile: &Profile, upstream: &dyn Upstream) -> Result<bool, UpstreamError> {
    if profile.upstream.health.is_some() {
        return upstream.ready().await.map(|()| true);
    }
    let open = |route: &&Route| {
        route.method == Method::GET
            && !route.pattern.contains(':')
            && route.upstream().is_some_and(|to| to.access == Access::Open)
    };
    let Some(route) = profile.routes.iter().find(open) else { return Ok(false) };
    let request = ForwardRequest {
        method: String::from("GET"),
        route: route.key.clone(),
        path_and_query: route.pattern.clone(),
        body: Bytes::new(),
        content_type: None,
        request_id: String::from("doctor"),
    };
    let Some(admission) =
        route.upstream().and_then(|to| Admission::for_anyone(&to.access, request))
    else {
        return Ok(false);
    };
    match upstream.forward(admission).await?.status {
        status @ 500.. => {
            Err(UpstreamError::Unreachable(format!("{} answers {status}", route.key)))
        }
        _ => Ok(true),
    }
}
