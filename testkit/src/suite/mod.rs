//! The promises of [`Books`], one function each. Every backend passes all of them, on books that
//! nobody else writes to.
//!
//! ```text
//! fn block_on<F: Future>(future: F) -> F::Output { ... }
//! async fn make() -> (PostgresBooks, DropsItsDatabase) { ... }
//! testkit::books_suite!(block_on, make);
//! ```

mod card_draft;
mod cards;
mod claims;
mod draft;
mod finality;
mod funding;
mod guards;
mod joins;
mod leases;
mod marks;
mod money;
mod parking;
mod parts;
mod queue;
mod reads;
mod reconcile;
mod requests;
mod sequence;

pub use card_draft::{CardPart, LAUNCH_PRICE_CARD, PACK_CREDITS, PACK_PRICE};
pub use cards::*;
pub use claims::*;
pub use draft::Draft;
pub use finality::*;
pub use funding::*;
pub use guards::*;
pub use joins::*;
pub use leases::*;
pub use marks::*;
pub use money::*;
pub use parking::*;
pub use parts::*;
pub use queue::*;
pub use reads::*;
pub use reconcile::*;
pub use requests::*;
pub use sequence::*;

use crate::{
    rail::{FEE_WEI, by_transfer},
    upstream::answer,
};
use payments::{
    ids::PaymentId,
    intent::{Intent, State},
    ports::{Books, BooksError, Claimed, Evidence, JournalLine},
    settlement::PaymentFailure,
    time::UnixMs,
};

/// Makes a test of every promise. `$block_on` runs a future to its end; `$make` makes fresh books
/// and what must outlive them.
#[macro_export]
macro_rules! books_suite {
    ($block_on:path, $make:path) => {
        $crate::books_suite! { @each $block_on, $make,
            a_claimed_proof_is_known_with_its_request
            a_claim_keeps_every_detail
            a_proof_claimed_fifty_times_at_once_makes_one_intent
            an_idempotency_key_is_known_to_its_payer_alone
            a_failed_payment_gives_its_idempotency_key_back
            a_proof_identifies_once_and_pays_for_nothing_afterwards
            a_proof_that_pays_identifies_nobody
            twenty_claims_at_once_are_five_free_and_fifteen_signed_without_a_gap
            an_entitlement_comes_before_a_slot_and_a_slot_before_money
            an_entitlement_is_reserved_and_used_once
            an_entitlement_is_taken_by_one_of_many_claims_at_once
            a_refused_entitlement_opens_again_with_its_first_deadline
            a_cheaper_call_takes_its_price_and_the_rest_stays_owed
            a_rest_never_pays_for_a_dearer_call_and_ends_with_its_deadline
            cheaper_calls_at_once_take_no_more_than_is_owed
            too_many_refused_payments_of_a_day_stop_the_next
            a_proof_below_the_price_pays_for_nothing
            the_total_of_the_day_binds_all_wallets
            a_promised_free_call_is_charged_by_another_proof_than_the_refused_one
            a_slot_goes_back_and_a_month_starts_with_all_of_them
            quotas_count_apart_and_a_quota_of_days_begins_anew_each_day
            a_failed_preparation_changes_nothing
            a_signer_nonce_is_never_below_the_chains
            an_equal_request_joins_what_nobody_waits_for
            an_equal_request_joins_what_a_crash_left_behind_while_it_is_driven_again
            a_joined_proof_is_never_paid_and_answers_the_same
            requests_with_different_keys_are_never_joined
            an_equal_request_joins_an_answer_that_was_never_delivered
            an_equal_request_is_new_while_somebody_waits
            an_equal_request_is_new_after_delivery_failure_or_the_window
            every_state_is_reached_and_loaded_back_equal
            a_transition_is_applied_once
            a_stale_fence_changes_nothing
            a_wrong_state_changes_nothing
            an_unknown_intent_is_stale
            one_log_settles_one_intent
            a_further_attempt_is_saved_under_the_guard
            what_could_move_money_is_wiped_at_the_end
            a_settlement_is_looked_at_when_it_is_due_until_it_is_final
            a_void_keeps_its_bytes_until_its_nonce_is_closed
            a_settlement_that_moved_is_updated_in_its_place
            a_lost_settlement_is_one_finding_and_opens_its_nonce_until_it_is_back
            a_lost_settlement_is_booked_as_lost_and_serves_its_payer_nothing_until_it_is_back
            a_look_at_another_block_than_the_booked_one_changes_nothing
            only_expired_leases_are_taken_and_the_old_driver_writes_no_more
            stuck_intents_are_taken_once_by_takers_at_once
            a_lease_is_kept_by_its_fence_alone
            a_released_lease_is_taken_at_once
            a_queued_payment_is_signed_once_under_the_next_nonce
            a_round_signs_what_it_still_holds_without_a_gap
            queued_payments_are_taken_once_and_the_most_urgent_first
            a_late_settler_signs_nothing
            a_claim_waits_behind_those_that_wait
            what_is_queued_is_left_to_the_settlers
            a_queued_payment_may_be_paid_by_a_stranger_or_end_unsent
            a_queued_payment_holds_its_part_of_the_balance
            a_round_that_cannot_be_signed_changes_nothing
            what_is_parked_is_taken_when_its_time_comes_or_by_name
            a_released_intent_is_not_parked_any_more
            what_was_not_done_is_noted_under_the_guard
            what_the_upstream_did_not_refuse_stops_no_payment
            terminal_intents_are_never_taken
            nonces_stay_open_until_a_mined_transaction_uses_them
            a_sequence_is_what_was_given_out_and_what_of_it_is_open
            what_fills_a_hole_is_open_until_its_nonce_is_closed
            a_nonce_that_is_opened_again_has_cost_nothing
            a_payment_is_signed_anew_under_the_next_nonce_with_a_finding
            the_same_signer_on_another_chain_has_another_sequence
            payments_that_revert_stop_their_payer_and_in_the_end_all
            a_balance_is_promised_once
            a_signer_is_at_work_until_nothing_of_it_is_open_or_can_be_taken_back
            what_is_sealed_is_listed_until_it_is_wiped
            marks_travel_with_the_next_commit
            marks_are_written_by_flush_and_survive_a_refused_write
            a_request_is_explained_by_its_note
            notes_of_requests_are_kept_for_a_week
            an_entitlement_past_its_deadline_is_a_refund_due
            the_evidence_of_a_paid_launch_tells_its_story
            the_evidence_of_a_refusal_says_what_is_owed
            the_journal_sums_to_zero_per_currency
            gas_is_kept_with_each_mined_transaction_and_summed
            usage_counts_slots_creations_and_entitlements
            pages_go_by_key_newest_first
            what_nobody_claimed_is_unknown
            a_charge_keeps_every_detail
            a_challenge_and_a_token_are_used_once
            one_charge_settles_one_intent
            a_pack_is_charged_and_granted_once
            the_last_credit_is_spent_once
            a_credit_earns_its_share_of_the_pack
            a_refused_launch_gives_its_credit_back
            a_refused_charge_becomes_one_credit
            a_declined_charge_costs_nothing
            a_mischarge_is_owed_back
        }
    };
    (@each $block_on:path, $make:path, $($promise:ident)+) => {
        $(
            #[test]
            fn $promise() {
                $block_on(async {
                    let (books, _keep) = $make().await;
                    $crate::suite::$promise(&books).await;
                });
            }
        )+
    };
}

/// Claims, and expects a new intent.
pub(crate) async fn new(books: &dyn Books, draft: &Draft) -> Intent {
    match books.claim(draft.claim()).await.unwrap() {
        Claimed::New(intent) => intent,
        other => panic!("{other:?} instead of a new intent"),
    }
}

/// The intent, funded by its own newest transaction.
async fn funded(books: &dyn Books, intent: &Intent, at: UnixMs) -> Intent {
    let tx_hash = intent.attempts.last().unwrap().tx_hash;
    books.apply(intent.funded(by_transfer(tx_hash, FEE_WEI), at).unwrap()).await.unwrap()
}

/// The intent, created.
async fn created(books: &dyn Books, intent: &Intent, at: UnixMs) -> Intent {
    let launch_id = format!("launch of {}", intent.id);
    books.apply(intent.created(answer(201, &launch_id), launch_id, at).unwrap()).await.unwrap()
}

/// The intent, finally refused by the upstream.
async fn refused(books: &dyn Books, intent: &Intent, entitled_until: UnixMs, at: UnixMs) -> Intent {
    books.apply(intent.refused(answer(422, "refused"), entitled_until, at).unwrap()).await.unwrap()
}

/// A draft claimed, paid and refused: it leaves an entitlement until that moment.
async fn rejected(books: &dyn Books, draft: &Draft, entitled_until: UnixMs) -> Intent {
    let intent = funded(books, &new(books, draft).await, draft.at).await;
    refused(books, &intent, entitled_until, draft.at).await
}

/// Every state but that of what waits for a signer: once one waits, all later ones do.
fn not_queued() -> impl Iterator<Item = State> {
    State::ALL.into_iter().filter(|state| *state != State::Queued)
}

/// A draft claimed and brought into this state. Once one waits for a signer, all later ones do.
async fn reach(books: &dyn Books, draft: &Draft, state: State) -> Intent {
    let at = draft.at.plus_ms(5);
    let free = draft.clone().free();
    if state == State::Queued {
        return new(books, &draft.clone().queued()).await;
    }
    if state == State::Released {
        return refused(books, &new(books, &free).await, at, at).await;
    }
    if matches!(state, State::Charged | State::Granted) {
        let pack = new(books, &draft.clone().pack(draft.number)).await;
        let charged = books.apply(pack.charged(charged_by(&pack), at).unwrap()).await.unwrap();
        if state == State::Charged {
            return charged;
        }
        return books.apply(charged.granted(at).unwrap()).await.unwrap();
    }
    let signed = new(books, draft).await;
    match state {
        State::Signed => signed,
        State::Submitted => books.apply(signed.submitted(at).unwrap()).await.unwrap(),
        State::SubmitUnknown => books.apply(signed.submit_unknown(at).unwrap()).await.unwrap(),
        State::PayFailed => {
            books.apply(signed.pay_failed(PaymentFailure::Expired, at).unwrap()).await.unwrap()
        }
        State::Forwarding => funded(books, &signed, at).await,
        State::CoreUnknown => {
            let forwarding = funded(books, &signed, at).await;
            books.apply(forwarding.core_unknown(at.plus_ms(1)).unwrap()).await.unwrap()
        }
        State::Created => created(books, &funded(books, &signed, at).await, at.plus_ms(2)).await,
        State::Rejected => {
            refused(books, &funded(books, &signed, at).await, at.plus_s(60), at.plus_ms(2)).await
        }
        State::Queued | State::Released | State::Charged | State::Granted => unreachable!(),
    }
}

/// Everything that a refused write must leave as it was.
async fn everything(books: &dyn Books, id: PaymentId) -> (Option<Evidence>, Vec<JournalLine>) {
    (books.evidence(id).await.unwrap(), books.trial_balance().await.unwrap())
}

#[track_caller]
fn assert_stale<T: std::fmt::Debug>(outcome: Result<T, BooksError>, id: PaymentId) {
    match outcome {
        Err(BooksError::Stale(stale)) => assert_eq!(stale, id),
        other => panic!("{other:?} instead of a stale guard"),
    }
}
