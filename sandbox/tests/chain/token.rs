//! What the test USDC enforces, in the words of the real one.

use std::sync::atomic::Ordering;

use alloy_primitives::{Address, B256, U256, uint};
use alloy_sol_types::SolStruct as _;
use serde_json::json;

use crate::support::*;

const N: U256 = uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);

#[test]
fn constants_answer_over_empty_storage() {
    let test = TestChain::new();
    assert_eq!(test.view(Usdc::nameCall {}), "USDC");
    assert_eq!(test.view(Usdc::versionCall {}), "2");
    assert_eq!(test.view(Usdc::decimalsCall {}), 6);
    assert_eq!(test.view(Usdc::DOMAIN_SEPARATORCall {}), domain().separator());
    let supply: u64 = test.view(Usdc::totalSupplyCall {}).to();
    assert_eq!(supply, 10 * START_UNITS);
}

#[test]
fn both_overloads_settle_and_the_logs_find_the_transaction() {
    let test = TestChain::new();
    let payer = dev(0);
    for (nonce, in_parts) in [(1, true), (2, false)] {
        let a = authorization(payer.address(), nonce);
        let signature = sign(&a, &payer);
        let receipt = if in_parts {
            test.settle(2, &by_parts(&a, signature))
        } else {
            test.settle(2, &by_bytes(&a, &signature))
        };
        assert_eq!(receipt["status"], "0x1");
        let topic = "0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5";
        let filter = json!({"address": TOKEN, "fromBlock": "0x0", "topics": [topic, a.from.into_word(), a.nonce]});
        let found = test.ask("eth_getLogs", json!([filter]));
        assert_eq!(found.as_array().unwrap().len(), 1);
        assert_eq!(found[0]["transactionHash"], receipt["transactionHash"]);
        assert_eq!(found[0], receipt["logs"][0]);
        assert_eq!(receipt["logs"][1]["logIndex"], "0x1");
        assert!(test.used(&a));
    }
    assert_eq!(test.units(payer.address()), START_UNITS - 1_100_000);
    assert_eq!(test.units(dev(1).address()), START_UNITS + 1_100_000);
}

#[test]
fn an_authorization_works_once() {
    let test = TestChain::new();
    let a = authorization(dev(0).address(), 1);
    let call = by_parts(&a, sign(&a, &dev(0)));
    test.settle(2, &call);
    let used = "FiatTokenV2: authorization is used or canceled";
    assert_eq!(test.refusal(2, &call), used);
    assert_eq!(test.units(a.from), START_UNITS - 550_000);
}

#[test]
fn both_ends_of_the_window_are_excluded() {
    let test = TestChain::new();
    let a = authorization(dev(0).address(), 1);
    let call = by_parts(&a, sign(&a, &dev(0)));
    // A chain's time never goes back, so the early end needs a window in the future.
    let mut later = authorization(dev(0).address(), 2);
    later.validAfter = U256::from(NOW);
    let later = by_parts(&later, sign(&later, &dev(0)));
    let early = "FiatTokenV2: authorization is not yet valid";
    assert_eq!(test.refusal(2, &later), early);
    test.time.store(NOW + 1, Ordering::SeqCst);
    assert_eq!(test.settle(2, &later)["status"], "0x1");
    test.time.store(NOW + 300, Ordering::SeqCst);
    let late = "FiatTokenV2: authorization is expired";
    assert_eq!(test.refusal(2, &call), late);
}

#[test]
fn the_last_second_of_the_window_counts() {
    let test = TestChain::new();
    let a = authorization(dev(0).address(), 1);
    test.time.store(NOW + 299, Ordering::SeqCst);
    let receipt = test.settle(2, &by_parts(&a, sign(&a, &dev(0))));
    assert_eq!(receipt["status"], "0x1");
}

#[test]
fn signatures_must_be_canonical_and_by_the_payer() {
    let test = TestChain::new();
    let a = authorization(dev(0).address(), 1);
    let good = sign(&a, &dev(0));

    let mut high_s = good;
    let s = U256::from_be_slice(&good[32..64]);
    high_s[32..64].copy_from_slice(&(N - s).to_be_bytes::<32>());
    high_s[64] = 55 - good[64];
    let text = "ECRecover: invalid signature 's' value";
    assert_eq!(test.refusal(2, &by_parts(&a, high_s)), text);

    let mut zero_v = good;
    zero_v[64] -= 27;
    let text = "ECRecover: invalid signature 'v' value";
    assert_eq!(test.refusal(2, &by_parts(&a, zero_v)), text);

    let text = "FiatTokenV2: invalid signature";
    assert_eq!(test.refusal(2, &by_parts(&a, sign(&a, &dev(3)))), text);

    let text = "ECRecover: invalid signature";
    let mut no_point = good;
    no_point[..32].fill(0);
    assert_eq!(test.refusal(2, &by_parts(&a, no_point)), text);

    let text = "ECRecover: invalid signature length";
    assert_eq!(test.refusal(2, &by_bytes(&a, &good[..64])), text);
    assert_eq!(test.settle(2, &by_bytes(&a, &good))["status"], "0x1");
}

#[test]
fn checks_come_in_the_order_of_the_real_token() {
    let test = TestChain::new();
    // Wrong in every way: each repair uncovers the next complaint.
    let mut a = authorization(dev(0).address(), 1);
    a.validAfter = U256::from(NOW);
    a.validBefore = U256::from(NOW);
    a.value = U256::from(START_UNITS + 1);
    let call = |a: &TransferWithAuthorization| by_parts(a, sign(a, &dev(3)));
    test.settle(5, &Usdc::pauseCall {});
    test.settle(5, &Usdc::blacklistCall { account: a.to });
    assert_eq!(test.refusal(2, &call(&a)), "Pausable: paused");
    test.settle(5, &Usdc::unpauseCall {});
    let text = "Blacklistable: account is blacklisted";
    assert_eq!(test.refusal(2, &call(&a)), text);
    test.settle(5, &Usdc::unBlacklistCall { account: a.to });
    test.settle(5, &Usdc::blacklistCall { account: a.from });
    assert_eq!(test.refusal(2, &call(&a)), text);
    test.settle(5, &Usdc::unBlacklistCall { account: a.from });
    let text = "FiatTokenV2: authorization is not yet valid";
    assert_eq!(test.refusal(2, &call(&a)), text);
    a.validAfter = U256::ZERO;
    let text = "FiatTokenV2: authorization is expired";
    assert_eq!(test.refusal(2, &call(&a)), text);
    a.validBefore = U256::MAX;
    assert_eq!(test.refusal(2, &call(&a)), "FiatTokenV2: invalid signature");
    let text = "ERC20: transfer amount exceeds balance";
    assert_eq!(test.refusal(2, &by_parts(&a, sign(&a, &dev(0)))), text);
    a.to = Address::ZERO;
    let text = "ERC20: transfer to the zero address";
    assert_eq!(test.refusal(2, &by_parts(&a, sign(&a, &dev(0)))), text);
    a.to = dev(1).address();
    a.value = U256::ZERO;
    let zero = test.settle(2, &by_parts(&a, sign(&a, &dev(0))));
    assert_eq!(zero["status"], "0x1");
}

#[test]
fn a_cancelled_authorization_moves_nothing_and_says_so() {
    let test = TestChain::new();
    let a = authorization(dev(0).address(), 1);
    let cancel = CancelAuthorization { authorizer: a.from, nonce: a.nonce };
    let signature = dev(0).sign_digest(cancel.eip712_signing_hash(&domain()));
    let cancel = SettleByParts::cancelAuthorizationCall {
        authorizer: a.from,
        nonce: a.nonce,
        v: signature[64],
        r: B256::from_slice(&signature[..32]),
        s: B256::from_slice(&signature[32..64]),
    };
    let receipt = test.settle(2, &cancel);
    let topic = "0x1cdd46ff242716cdaa72d159d339a485b3438398348d68f09d7c8c0a59353d81";
    assert_eq!(receipt["logs"][0]["topics"][0], topic);
    assert!(test.used(&a));
    let used = "FiatTokenV2: authorization is used or canceled";
    assert_eq!(test.refusal(2, &by_parts(&a, sign(&a, &dev(0)))), used);
    assert_eq!(test.refusal(2, &cancel), used);
    assert_eq!(test.units(a.from), START_UNITS);

    let other = SettleByBytes::cancelAuthorizationCall {
        authorizer: a.from,
        nonce: B256::repeat_byte(9),
        signature: signature.to_vec().into(),
    };
    assert_eq!(test.refusal(2, &other), "FiatTokenV2: invalid signature");
}

#[test]
fn receive_is_for_the_payee_only() {
    let test = TestChain::new();
    let a = authorization(dev(0).address(), 1);
    let receive = ReceiveWithAuthorization {
        from: a.from,
        to: a.to,
        value: a.value,
        validAfter: a.validAfter,
        validBefore: a.validBefore,
        nonce: a.nonce,
    };
    let signature = dev(0).sign_digest(receive.eip712_signing_hash(&domain()));
    let receive = SettleByParts::receiveWithAuthorizationCall {
        from: a.from,
        to: a.to,
        value: a.value,
        validAfter: a.validAfter,
        validBefore: a.validBefore,
        nonce: a.nonce,
        v: signature[64],
        r: B256::from_slice(&signature[..32]),
        s: B256::from_slice(&signature[32..64]),
    };
    let text = "FiatTokenV2: caller must be the payee";
    assert_eq!(test.refusal(2, &receive), text);
    // The signature of one kind is not valid as the other.
    let text = "FiatTokenV2: invalid signature";
    assert_eq!(test.refusal(2, &by_parts(&a, signature)), text);
    assert_eq!(test.settle(1, &receive)["status"], "0x1");
}

#[test]
fn plain_transfers_and_allowances() {
    let test = TestChain::new();
    let (to, value) = (dev(4).address(), U256::from(7));
    test.settle(2, &Usdc::transferCall { to, value });
    let take = Usdc::transferFromCall { from: dev(2).address(), to, value };
    let text = "ERC20: transfer amount exceeds allowance";
    assert_eq!(test.refusal(3, &take), text);
    let spender = dev(3).address();
    test.settle(2, &Usdc::approveCall { spender, value });
    assert_eq!(test.settle(3, &take)["status"], "0x1");
    assert_eq!(test.refusal(3, &take), text);
    let amount = U256::from(3);
    test.settle(9, &Usdc::mintCall { to, amount });
    assert_eq!(test.units(to), START_UNITS + 17);
    assert_eq!(test.units(dev(2).address()), START_UNITS - 14);
}
