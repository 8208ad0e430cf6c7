//! Whether the keys of this process open what is kept, and can finish what was begun.

use std::{sync::Arc, time::Duration};

use payments::{
    agent::Wallet,
    checkout::World,
    ports::{Books, BooksError, Sealer},
};
use tokio_util::sync::CancellationToken;

use crate::worker::drives::chain;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The most sealed rows that one look opens.
const MAX_SEALED: u32 = 10_000;

/// What is open, and which keys are here for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Custody {
    /// Rows that are kept sealed.
    pub sealed: usize,
    /// Those of them that no key of ours opens.
    pub unopened: usize,
    /// Signers with nonces that are not over, and how many.
    pub signers: Vec<(Wallet, u64)>,
}

/// Opens every sealed row, and counts what is open under which signer.
pub(super) async fn look(books: &dyn Books, sealer: &dyn Sealer) -> Result<Custody, BooksError> {
    let rows = books.sealed(MAX_SEALED).await?;
    let unopened =
        rows.iter().filter(|row| sealer.open(row.name.as_bytes(), &row.bytes).is_err()).count();
    Ok(Custody { sealed: rows.len(), unopened, signers: books.signers_at_work().await? })
}

impl Custody {
    /// Signers at work whose keys are not among these.
    pub(super) fn strangers(&self, known: &[Wallet]) -> Vec<(Wallet, u64)> {
        self.signers.iter().filter(|(signer, _)| !known.contains(signer)).copied().collect()
    }

    /// The nonces of this signer that are not over.
    pub(super) fn open_under(&self, wanted: Wallet) -> u64 {
        self.signers.iter().find(|(signer, _)| *signer == wanted).map_or(0, |(_, nonces)| *nonces)
    }
}

/// Says at the start, and whenever it changes, what the keys of this process cannot open or finish.
pub(super) async fn watch(world: World, sealer: Arc<dyn Sealer>, stop: CancellationToken) {
    let known = world.rail.signers();
    let (mut unopened, mut strangers) = (0, Vec::new());
    loop {
        match look(&*world.books, &*sealer).await {
            Ok(custody) => {
                if custody.unopened != unopened {
                    unopened = custody.unopened;
                    said_of_seals(unopened, custody.sealed);
                }
                let found: Vec<Wallet> =
                    custody.strangers(&known).into_iter().map(|(signer, _)| signer).collect();
                for signer in found.iter().filter(|signer| !strangers.contains(*signer)) {
                    let nonces = custody.open_under(*signer);
                    tracing::warn!(%signer, nonces, "signer.key_not_here");
                }
                strangers = found;
            }
            Err(error) => tracing::warn!(error = %chain(&error), "custody.not_looked"),
        }
        if tokio::time::timeout(LOOK_EVERY, stop.cancelled()).await.is_ok() {
            return;
        }
    }
}

fn said_of_seals(unopened: usize, sealed: usize) {
    match unopened {
        0 => tracing::info!(sealed, "seal.all_open"),
        _ => tracing::error!(
            unopened,
            sealed,
            settings = "store.seal_key, store.seal_keys_before",
            "seal.rows_do_not_open"
        ),
    }
}
