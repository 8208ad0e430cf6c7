//! The promises of the rail, one after the other on one chain: some of them stop the chain or move
//! its time.

use super::{TestChain, money, replacement};

/// Everything that a chain must let the rail do.
pub(crate) async fn rail_suite(chain: &dyn TestChain) {
    money::the_chain_is_the_configured_one(chain).await;
    money::a_payment_is_settled_and_proven(chain).await;
    money::a_fate_waits_for_its_confirmations(chain).await;
    money::a_lost_answer_settles_once(chain).await;
    money::a_strangers_settlement_is_ours(chain).await;
    money::a_cancelled_authorization_is_not_paid(chain).await;
    money::money_that_went_elsewhere_is_not_paid(chain).await;
    money::a_payer_without_balance_is_not_paid(chain).await;
    money::a_barred_payer_is_seen_before_anything_is_sent(chain).await;
    money::a_paused_token_is_told_from_a_barred_payer(chain).await;
    money::an_unsent_payment_expires(chain).await;
    money::a_signer_without_gas_prepares_nothing(chain).await;
    money::a_changed_attempt_is_not_sent(chain).await;
    replacement::a_raised_fee_replaces_the_transaction(chain).await;
    replacement::a_fee_is_not_raised_too_early_or_too_high(chain).await;
    replacement::a_signer_of_before_only_finishes_what_it_began(chain).await;
    replacement::an_empty_transaction_takes_the_place_of_a_transfer(chain).await;
    replacement::an_empty_transaction_fills_a_gap(chain).await;
    replacement::a_foreign_transaction_under_our_nonce_is_seen_and_passed(chain).await;
}
