//! What this node does not take. It is learned from refusals that a smaller or another question
//! cured, said once, counted, and kept while the process runs: providers differ in the size of a
//! batch, in the blocks of one question for logs, and in the methods that they know.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::redact::Secrets;

/// The most calls in one request, that for the chain id included: what most providers take.
pub(super) const MAX_BATCH_CALLS: u64 = 100;
/// Blocks per question for logs: what most providers allow.
pub(super) const MAX_LOG_BLOCKS: u64 = 2_000;

/// What a refusal was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// Too many calls in one request.
    Batch,
    /// Too many blocks in a question for logs.
    Logs,
    /// A method that the node does not have.
    Method,
}

/// What was learned so far.
pub(super) struct NodeLimits {
    batch_calls: AtomicU64,
    log_blocks: AtomicU64,
    no_tip: AtomicBool,
    refused: [AtomicU64; 3],
    secrets: Secrets,
}

/// What was learned of a node, for whoever watches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LearnedLimits {
    /// Calls per request.
    pub batch_calls: u64,
    /// Blocks per question for logs.
    pub log_blocks: u64,
    /// Requests that it refused because of a limit, by `batch`, `logs`, `method`.
    pub refused: [(&'static str, u64); 3],
}

// === impl Limit ===

impl Limit {
    const ALL: [Self; 3] = [Self::Batch, Self::Logs, Self::Method];

    const fn word(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Logs => "logs",
            Self::Method => "method",
        }
    }

    const fn place(self) -> usize {
        match self {
            Self::Batch => 0,
            Self::Logs => 1,
            Self::Method => 2,
        }
    }
}

// === impl NodeLimits ===

impl NodeLimits {
    pub(super) fn new(secrets: Secrets) -> Self {
        Self {
            batch_calls: AtomicU64::new(MAX_BATCH_CALLS),
            log_blocks: AtomicU64::new(MAX_LOG_BLOCKS),
            no_tip: AtomicBool::new(false),
            refused: Default::default(),
            secrets,
        }
    }

    pub(super) fn batch_calls(&self) -> u64 {
        self.batch_calls.load(Ordering::Relaxed)
    }

    pub(super) fn log_blocks(&self) -> u64 {
        self.log_blocks.load(Ordering::Relaxed)
    }

    /// The node has no `eth_maxPriorityFeePerGas`.
    pub(super) fn has_no_tip(&self) -> bool {
        self.no_tip.load(Ordering::Relaxed)
    }

    /// One more request was refused for this.
    pub(super) fn count(&self, limit: Limit) {
        if let Some(count) = self.refused.get(limit.place()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// So many calls were taken after more were refused.
    pub(super) fn learn_batch(&self, calls: u64, words: &str) {
        if self.batch_calls.fetch_min(calls, Ordering::Relaxed) > calls {
            let words = self.secrets.redact(words);
            tracing::warn!(calls, words, "node.batch_limited");
        }
    }

    /// So many blocks were listed after more were refused.
    pub(super) fn learn_log_blocks(&self, blocks: u64, words: &str) {
        if self.log_blocks.fetch_min(blocks, Ordering::Relaxed) > blocks {
            let words = self.secrets.redact(words);
            tracing::warn!(blocks, words, "node.logs_limited");
        }
    }

    /// The node has no `eth_maxPriorityFeePerGas`, and has `eth_gasPrice`.
    pub(super) fn learn_no_tip(&self, words: &str) {
        if !self.no_tip.swap(true, Ordering::Relaxed) {
            let words = self.secrets.redact(words);
            tracing::warn!(
                words,
                method = "eth_maxPriorityFeePerGas",
                instead = "eth_gasPrice",
                "node.method_missing"
            );
        }
    }

    pub(super) fn learned(&self) -> LearnedLimits {
        let count = |limit: Limit| {
            self.refused.get(limit.place()).map_or(0, |count| count.load(Ordering::Relaxed))
        };
        LearnedLimits {
            batch_calls: self.batch_calls(),
            log_blocks: self.log_blocks(),
            refused: Limit::ALL.map(|limit| (limit.word(), count(limit))),
        }
    }
}
