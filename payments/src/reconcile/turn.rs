//! One run: its lease, the time that one source may take, and what is saved of it.

use super::{CheckError, Compared, Reconciler, Report, Scope, window::Window};
use crate::{
    ports::{BooksError, FindingKind, Found, OpenFinding, Source, SourceReport},
    time::UnixMs,
};

/// A run that did not renew its lease for so long is dead. Longer than any one call of a source.
pub(super) const LEASE_MS: i64 = 180_000;
/// How often it renews it at most.
const KEEP_EVERY_MS: i64 = 20_000;
/// How long one source may take in a run over what is recent.
const RECENT_LIMIT_MS: i64 = 240_000;
/// The same for a run over everything.
const FULL_LIMIT_MS: i64 = 4 * 3_600_000;

/// A run that did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Another run has the turn.
    #[error("another run compares the books now")]
    Busy,
    /// The lease was lost to another run.
    #[error("the run took too long, and another one has taken its place")]
    Lost,
    /// The books failed.
    #[error(transparent)]
    Books(#[from] BooksError),
}

/// See the module.
pub(super) struct Turn<'a> {
    pub(super) parts: &'a Reconciler,
    pub(super) scope: Scope,
    fence: Option<i64>,
    kept_at: UnixMs,
    deadline: UnixMs,
    /// How many blocks the chain's node lists at once.
    pub(super) window: Window,
}

// === impl Turn ===

impl<'a> Turn<'a> {
    pub(super) fn new(parts: &'a Reconciler, scope: Scope, fence: Option<i64>) -> Self {
        let now = parts.clock.now();
        Self {
            parts,
            scope,
            fence,
            kept_at: now,
            deadline: now,
            window: Window::new(parts.chain.log_blocks()),
        }
    }

    /// The fence of a run that writes.
    pub(super) fn fence(&self) -> Option<i64> {
        self.fence
    }

    /// The next source, with its time.
    pub(super) async fn begin(&mut self) -> Result<(), RunError> {
        let limit_ms = if self.scope == Scope::Recent { RECENT_LIMIT_MS } else { FULL_LIMIT_MS };
        self.deadline = self.parts.clock.now().plus_ms(limit_ms);
        self.keep().await
    }

    async fn keep(&mut self) -> Result<(), RunError> {
        let now = self.parts.clock.now();
        let Some(fence) = self.fence.filter(|_| now >= self.kept_at.plus_ms(KEEP_EVERY_MS)) else {
            return Ok(());
        };
        if !self.parts.books.keep_run(fence, now.plus_ms(LEASE_MS)).await? {
            return Err(RunError::Lost);
        }
        self.kept_at = now;
        Ok(())
    }

    /// Called between two questions to a source.
    pub(super) async fn step(&mut self) -> Result<(), CheckError> {
        if self.parts.clock.now() > self.deadline {
            return Err(CheckError::CouldNot(String::from("it takes longer than one run may")));
        }
        self.keep().await.map_err(CheckError::Run)
    }

    /// How far a source was compared.
    pub(super) async fn mark(&self, name: &str) -> Result<Option<String>, CheckError> {
        Ok(self.parts.books.mark(name).await?)
    }

    /// Notes how far; a dry run does not.
    pub(super) async fn set_mark(&self, name: &str, value: &str) -> Result<(), CheckError> {
        Ok(self.note(name, value).await?)
    }

    pub(super) async fn note(&self, name: &str, value: &str) -> Result<(), BooksError> {
        match self.fence {
            Some(fence) => self.parts.books.set_mark(fence, name, value).await,
            None => Ok(()),
        }
    }

    /// Saves what one source showed. Its own silence is a finding, which ends with the first
    /// comparison that comes to its end.
    pub(super) async fn save(
        &self,
        source: Source,
        compared: Result<Compared, CheckError>,
        report: &mut Report,
    ) -> Result<(), RunError> {
        let silence = OpenFinding {
            kind: FindingKind::CouldNotCheck,
            key: source.word().to_owned(),
            subject: String::new(),
        };
        let mut compared = match compared {
            Ok(compared) => {
                report.sources.push(told(source, &compared));
                Compared { gone: [compared.gone, vec![silence]].concat(), ..compared }
            }
            Err(CheckError::CouldNot(why)) => {
                report.sources.push(SourceReport {
                    source,
                    outcome: "could_not_check",
                    compared: 0,
                    detail: why.clone(),
                });
                let found = Found {
                    kind: silence.kind,
                    key: silence.key,
                    source,
                    subject: String::new(),
                    detail: why,
                };
                Compared { found: vec![found], ..Compared::default() }
            }
            Err(CheckError::Run(error)) => return Err(error),
        };
        if let Some(fence) = self.fence {
            let (opened, closed) = self
                .parts
                .books
                .note_findings(fence, &compared.found, &compared.gone, self.parts.clock.now())
                .await?;
            report.opened = report.opened.saturating_add(opened);
            report.closed = report.closed.saturating_add(closed);
        }
        report.differences.append(&mut compared.found);
        Ok(())
    }
}

fn told(source: Source, compared: &Compared) -> SourceReport {
    match compared.not_offered {
        Some(what) => SourceReport {
            source,
            outcome: "not_offered",
            compared: compared.compared,
            detail: what.to_owned(),
        },
        None => SourceReport {
            source,
            outcome: "checked",
            compared: compared.compared,
            detail: String::new(),
        },
    }
}
