//! How long the outcome of a creation may be unknown, and who may end it.

use payments::checkout::ResolveRules;

use super::settings::{hours_ms, seconds_ms};
use crate::config::Config;

/// How long a copy of a creation is good: the age of a signature that cores refuse
/// (contracts/launch-core.yaml, promise 5). An upstream that is given up sooner is one that forgets
/// sooner.
const LATE_COPY_MS: i64 = 300_000;

/// How long a creation is asked for again.
pub(super) fn deadline_ms(config: &Config) -> i64 {
    seconds_ms(config.upstream.core_deadline_s)
}

/// How long after that a copy of it may be under way.
pub(super) fn late_copy_ms(config: &Config) -> i64 {
    LATE_COPY_MS.min(deadline_ms(config))
}

/// When what is still unknown is owed; none for never.
pub(super) fn end_ms(config: &Config) -> Option<i64> {
    Some(seconds_ms(config.upstream.unknown_after_s)).filter(|ms| *ms > 0)
}

/// What an operator's word goes by, in a command beside the gateway.
pub fn resolve_rules(config: &Config) -> ResolveRules {
    ResolveRules {
        core_deadline_ms: deadline_ms(config),
        core_late_copy_ms: late_copy_ms(config),
        entitlement_ms: hours_ms(config.pricing.entitlement_hours),
        lease_ms: seconds_ms(config.store.lease_s),
    }
}
