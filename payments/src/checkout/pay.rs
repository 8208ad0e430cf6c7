//! The paying half of a drive: send what was saved, find out what became of it, book it.

use crate::{
    checkout::{DriveError, Progress, Step, World, fence::still_ours},
    intent::{Intent, State},
    ports::{ChainReader, FindingKind, Found, Outcome, RailError, Raised, Renewal, Sent, Source},
    settlement::{Attempt, PaymentFailure, Settlement, SettlementProof, TransferTerms},
};

/// Unanswered questions before the intent is marked as waiting, so that operators and clients see
/// it.
const POLLS_BEFORE_MARK: u32 = 4;
/// Unanswered questions between two sends of the same bytes, and between two looks at the fee.
const POLLS_PER_RESEND: u32 = 5;

pub(super) async fn pay(
    world: &World,
    intent: Intent,
    progress: &mut Progress,
) -> Result<Step, DriveError> {
    let (Some(terms), Some(last)) = (intent.transfer.clone(), intent.attempts.last().cloned())
    else {
        return Err(DriveError::Incomplete(intent.id));
    };
    let first = progress.fresh && progress.sends == 0;
    if first {
        send(world, &intent, &last, progress).await?;
    }
    match world.rail.outcome(&terms, &intent.attempts).await {
        Ok(Outcome::Settled(proof)) => settled(world, intent, proof, progress).await,
        Ok(Outcome::Failed(failure)) => {
            save(world, intent.pay_failed(failure, world.clock.now())?).await
        }
        Ok(Outcome::Pending { may_send: true }) => {
            keep_sending(world, intent, &terms, progress, first).await
        }
        Ok(Outcome::Pending { may_send: false }) => {
            mark_or_wait(world, intent, progress, Sent::Accepted).await
        }
        Err(RailError::Refused(why)) => {
            if !progress.refused {
                let detail = format!("the node refuses what the payment waits for: {why}");
                report(world, &intent, FindingKind::QuestionRefused, detail).await?;
                progress.refused = true;
            }
            mark_or_wait(world, intent, progress, Sent::Unknown).await
        }
        Err(_) => mark_or_wait(world, intent, progress, Sent::Unknown).await,
    }
}

/// Whoever settled it, it is paid. A transaction that none of ours made is reported with its sender
/// before the payment goes on: another gateway may have served for the same payment.
pub(super) async fn settled(
    world: &World,
    intent: Intent,
    proof: SettlementProof,
    progress: &mut Progress,
) -> Result<Step, DriveError> {
    if intent.attempts.iter().all(|attempt| attempt.tx_hash != proof.tx_hash)
        && !progress.by_stranger
    {
        let Ok(stranger) = world.rail.stranger(proof.tx_hash).await else {
            return mark_or_wait(world, intent, progress, Sent::Accepted).await;
        };
        if let Some(sender) = stranger {
            let detail = format!(
                "transaction {} of {sender} settled it, and is not ours: see that pay_to is this gateway's alone",
                proof.tx_hash
            );
            report(world, &intent, FindingKind::StrangerSettled, detail).await?;
            progress.by_stranger = true;
        }
    }
    save(world, intent.funded(Settlement::Transfer(proof), world.clock.now())?).await
}

async fn report(
    world: &World,
    intent: &Intent,
    kind: FindingKind,
    detail: String,
) -> Result<(), DriveError> {
    let key = intent.id.to_string();
    let found = Found { kind, subject: key.clone(), key, source: Source::Chain, detail };
    Ok(world.books.note_finding(&found, world.clock.now()).await?)
}

/// The authorization is still usable: the same bytes go out again now and then, with a higher fee
/// once they are old.
async fn keep_sending(
    world: &World,
    intent: Intent,
    terms: &TransferTerms,
    progress: &mut Progress,
    just_sent: bool,
) -> Result<Step, DriveError> {
    let due = progress.sends == 0 || progress.polls % POLLS_PER_RESEND == POLLS_PER_RESEND - 1;
    if just_sent || !due {
        return mark_or_wait(world, intent, progress, progress.sent).await;
    }
    let Some(last) = intent.attempts.last().cloned() else {
        return Err(DriveError::Incomplete(intent.id));
    };
    if matches!(world.rail.outrun(terms, &intent.attempts).await, Ok(true)) {
        return renew(world, intent, terms, &last, progress).await;
    }
    let gas_wei = world.settings.gas.left_for(intent.price, &intent.attempts, &last);
    let raised = world.rail.bump(intent.id, &last, gas_wei, world.clock.now()).await;
    progress.at_gas_bound = matches!(raised, Ok(Raised::AtBound));
    if let Ok(Raised::Higher(raised)) = raised {
        let intent = world.books.save_attempt(intent.id, intent.guard, &raised).await?;
        send(world, &intent, &raised, progress).await?;
        return Ok(Step::Wait(intent, progress.wait_ms()));
    }
    send(world, &intent, &last, progress).await?;
    mark_or_wait(world, intent, progress, progress.sent).await
}

/// Another program with the signer's key was first under our nonce, so that nothing we signed can
/// be mined: the same transfer goes out under a new one, saved before it is sent. The authorization
/// pays once, whichever of our transactions uses it.
async fn renew(
    world: &World,
    intent: Intent,
    terms: &TransferTerms,
    last: &Attempt,
    progress: &mut Progress,
) -> Result<Step, DriveError> {
    let Some(signer) = world.rail.signers().first().copied() else {
        return Err(DriveError::Incomplete(intent.id));
    };
    // What was signed under the lost nonce costs nothing any more.
    let rivals =
        |attempt: &&Attempt| (attempt.signer, attempt.eoa_nonce) != (last.signer, last.eoa_nonce);
    let others: Vec<Attempt> = intent.attempts.iter().filter(rivals).cloned().collect();
    let gas_wei = world.settings.gas.left_for(intent.price, &others, last);
    let Ok(resigning) = world.rail.resigning(last, gas_wei).await else {
        return mark_or_wait(world, intent, progress, Sent::Unknown).await;
    };
    let detail = format!(
        "a transaction that is not ours used nonce {} of {}: another program has its key",
        last.eoa_nonce, last.signer
    );
    let renewal = Renewal {
        account: terms.signed_by(signer),
        resigning: &resigning,
        at: world.clock.now(),
        detail,
    };
    let Ok(renewed) = world.books.renew(intent.id, intent.guard, renewal).await? else {
        return mark_or_wait(world, intent, progress, Sent::Unknown).await;
    };
    if let Some(fresh) = renewed.attempts.last() {
        send(world, &renewed, fresh, progress).await?;
    }
    Ok(Step::Wait(renewed, progress.wait_ms()))
}

async fn send(
    world: &World,
    intent: &Intent,
    attempt: &Attempt,
    progress: &mut Progress,
) -> Result<(), DriveError> {
    still_ours(world, intent).await?;
    progress.sends = progress.sends.saturating_add(1);
    progress.sent = world.rail.send(attempt).await;
    Ok(())
}

async fn mark_or_wait(
    world: &World,
    intent: Intent,
    progress: &mut Progress,
    sent: Sent,
) -> Result<Step, DriveError> {
    let wait_ms = progress.wait_ms();
    if progress.polls < POLLS_BEFORE_MARK {
        return Ok(Step::Wait(intent, wait_ms));
    }
    let now = world.clock.now();
    let marked = match (intent.state, sent) {
        (State::Signed, Sent::Accepted) => world.books.apply(intent.submitted(now)?).await?,
        (State::Signed, Sent::Unknown) => world.books.apply(intent.submit_unknown(now)?).await?,
        _ => intent,
    };
    Ok(Step::Wait(marked, wait_ms))
}

/// Whether a client whose transfer is proven failed may be asked for another payment: the
/// authorization has expired on the chain, and nobody cashed it until then. What was reverted stays
/// cashable by anyone, and a client that paid late must not pay twice. Silence is no. What was never
/// sent is nobody's to cash: its signature never left us.
pub async fn may_pay_again(rail: &dyn ChainReader, intent: &Intent) -> bool {
    if intent.failure == Some(PaymentFailure::NeverSent) {
        return true;
    }
    let Some(terms) = &intent.transfer else { return false };
    matches!(rail.expired_on_chain(terms.valid_before_unix_s).await, Ok(true))
        && matches!(rail.outcome(terms, &intent.attempts).await, Ok(Outcome::Failed(_)))
}

async fn save(world: &World, transition: crate::intent::Transition) -> Result<Step, DriveError> {
    Ok(Step::Moved(world.books.apply(transition).await?))
}
