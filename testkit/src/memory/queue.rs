//! What waits for a signer, in memory.

use async_trait::async_trait;

use super::{MemoryBooks, tables::Tables};
use payments::{
    intent::{Intent, State},
    ports::{BooksError, PreparationError, QueuedPayment, SettlementQueue, SigningRound},
    time::UnixMs,
};

#[async_trait]
impl SettlementQueue for MemoryBooks {
    async fn take_queued(
        &self,
        now: UnixMs,
        lease_until: UnixMs,
        limit: u32,
    ) -> Result<Vec<QueuedPayment>, BooksError> {
        self.write(|tables| Ok(tables.take_queued(now, lease_until, limit)))
    }

    async fn sign_queued(
        &self,
        round: SigningRound<'_>,
    ) -> Result<Result<Vec<Intent>, PreparationError>, BooksError> {
        // A refusal undoes the round, as the other books do.
        let mut refused = None;
        let signed = self.write(|tables| {
            sign(tables, &round).map_err(|refusal| {
                refused = Some(refusal);
                BooksError::Unavailable("refused".into())
            })
        });
        match refused {
            Some(refusal) => Ok(Err(refusal)),
            None => signed.map(Ok),
        }
    }
}

impl Tables {
    fn take_queued(&mut self, now: UnixMs, lease_until: UnixMs, limit: u32) -> Vec<QueuedPayment> {
        let mut waiting: Vec<_> = self
            .queue
            .keys()
            .filter_map(|id| self.intents.get(id))
            .filter(|row| row.lease_until < now)
            .map(|row| {
                let terms = row.intent.transfer.as_ref();
                (terms.map(|terms| terms.valid_before_unix_s), row.intent.id)
            })
            .collect();
        waiting.sort_unstable();
        let mut taken = Vec::new();
        for (_, id) in waiting.into_iter().take(limit as usize) {
            let Some(row) = self.intents.get_mut(&id) else { continue };
            row.lease_until = lease_until;
            row.intent.guard.fence += 1;
            let sealed_authorization = self.queue.get(&id).cloned().unwrap_or_default();
            taken.push(QueuedPayment { intent: row.intent.clone(), sealed_authorization });
        }
        taken
    }
}

fn sign(tables: &mut Tables, round: &SigningRound<'_>) -> Result<Vec<Intent>, PreparationError> {
    let mut signed = Vec::new();
    let next = tables.next_nonces.get(&round.account).copied().unwrap_or_default();
    let mut eoa_nonce = next.max(round.chain_next_nonce);
    for payment in &round.payments {
        let Some(row) = tables.intents.get_mut(&payment.id) else { continue };
        if row.intent.guard != payment.guard || row.intent.state != State::Queued {
            continue;
        }
        let attempt = payment.preparer.prepare(payment.id, eoa_nonce, round.at)?;
        eoa_nonce += 1;
        let intent = &mut row.intent;
        intent.guard.version += 1;
        (intent.state, intent.updated_at) = (State::Signed, round.at);
        intent.attempts.push(attempt);
        signed.push(intent.clone());
        tables.timeline.push((payment.id, State::Signed, round.at));
        tables.queue.remove(&payment.id);
    }
    if !signed.is_empty() {
        tables.next_nonces.insert(round.account, eoa_nonce);
    }
    Ok(signed)
}
