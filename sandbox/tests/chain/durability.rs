//! A killed chain comes back as it was; a damaged one is noticed.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use alloy_primitives::U256;
use sandbox::chain::ChainError;
use serde_json::{Value, json};

use crate::support::*;

fn log_file(test: &TestChain) -> PathBuf {
    test.dir.path().join("chain").join("chain.log")
}

/// Some payments, a refused one, an empty block, a deployment of nothing.
fn live(test: &TestChain) {
    for nonce in 1..4 {
        test.time.fetch_add(2, Ordering::SeqCst);
        let a = authorization(dev(0).address(), nonce);
        test.settle(2, &by_parts(&a, sign(&a, &dev(0))));
    }
    let a = authorization(dev(0).address(), 1);
    test.settle(2, &by_parts(&a, sign(&a, &dev(0))));
    test.time.fetch_add(5, Ordering::SeqCst);
    assert!(test.chain.tick(5).unwrap());
    assert!(!test.chain.tick(5).unwrap());
}

/// Everything that a client can see.
fn picture(test: &TestChain) -> Value {
    let head: U256 = parse(test.ask("eth_blockNumber", json!([])));
    let blocks: Vec<Value> = (0..=head.to::<u64>())
        .map(|n| test.ask("eth_getBlockByNumber", json!([format!("0x{n:x}"), true])))
        .collect();
    let receipts: Vec<Value> = (0..=head.to::<u64>())
        .map(|n| test.ask("eth_getBlockReceipts", json!([format!("0x{n:x}")])))
        .collect();
    let accounts: Vec<Value> = (0..10)
        .map(|n| {
            let address = dev(n).address();
            let wei = test.ask("eth_getBalance", json!([address, "latest"]));
            json!([wei, test.nonce(address), test.units(address)])
        })
        .collect();
    let logs = test.ask("eth_getLogs", json!([{"fromBlock": "0x0"}]));
    json!([blocks, receipts, accounts, logs])
}

#[test]
fn a_reopened_chain_is_the_same() {
    let test = TestChain::new();
    live(&test);
    let before = picture(&test);
    assert_eq!(before[0].as_array().unwrap().len(), 6);
    assert_eq!(before[3].as_array().unwrap().len(), 6);
    test.time.fetch_add(1000, Ordering::SeqCst);
    let test = test.reopen();
    assert_eq!(picture(&test), before);
    test.settle(2, &Usdc::pauseCall {});
    let longer = picture(&test);
    assert_eq!(picture(&test.reopen()), longer);
}

#[test]
fn a_block_is_in_the_file_before_it_is_answered() {
    let test = TestChain::new();
    let copy = tempfile::tempdir().unwrap();
    fs::create_dir(copy.path().join("chain")).unwrap();
    let copied = copy.path().join("chain").join("chain.log");
    live(&test);
    // What a killed process leaves behind: the file as it is now, without anything being closed.
    fs::copy(log_file(&test), &copied).unwrap();
    let before = picture(&test);
    let chain = open(config(&copy), &test.time).unwrap();
    let killed = TestChain { chain, time: test.time.clone(), dir: copy };
    assert_eq!(picture(&killed), before);
}

#[test]
fn a_torn_record_is_cut_off() {
    let test = TestChain::new();
    live(&test);
    let before = picture(&test);
    let whole = fs::read(log_file(&test)).unwrap();
    test.settle(2, &Usdc::pauseCall {});
    let longer = fs::read(log_file(&test)).unwrap();
    let mut test = test;
    for kept in (whole.len() + 1..longer.len()).step_by(3) {
        let file = log_file(&test);
        let TestChain { chain, time, dir } = test;
        drop(chain);
        fs::write(&file, &longer[..kept]).unwrap();
        test = TestChain { chain: open(config(&dir), &time).unwrap(), time, dir };
        assert_eq!(fs::read(&file).unwrap(), whole, "torn at {kept}");
    }
    assert_eq!(picture(&test), before);
    // Power was lost: the file has its length and not its content.
    let file = log_file(&test);
    let TestChain { chain, time, dir } = test;
    drop(chain);
    let mut padded = whole.clone();
    padded.resize(longer.len(), 0);
    fs::write(&file, &padded).unwrap();
    let chain = open(config(&dir), &time).unwrap();
    let test = TestChain { chain, time, dir };
    assert_eq!(picture(&test), before);
    assert_eq!(test.settle(2, &Usdc::pauseCall {})["status"], "0x1");
    test.reopen();
}

#[test]
fn a_torn_beginning_is_a_new_chain() {
    let test = TestChain::new();
    let first = fs::read(log_file(&test)).unwrap();
    let mut test = test;
    for kept in [0, 3, 8, 11, 40, first.len() - 1] {
        let file = log_file(&test);
        let TestChain { chain, time, dir } = test;
        drop(chain);
        fs::write(&file, &first[..kept]).unwrap();
        let chain = open(config(&dir), &time).unwrap();
        test = TestChain { chain, time, dir };
        assert_eq!(fs::read(&file).unwrap(), first, "torn at {kept}");
    }
}

#[test]
fn a_changed_byte_anywhere_is_an_error() {
    let test = TestChain::new();
    live(&test);
    let whole = fs::read(log_file(&test)).unwrap();
    let file = log_file(&test);
    let TestChain { chain, time, dir } = test;
    drop(chain);
    // The genesis is long and all alike: look at every place of the blocks and at some of the rest.
    let blocks = whole.len() - 2000;
    for at in (0..blocks).step_by(997).chain((blocks..whole.len()).step_by(7)) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x20;
        fs::write(&file, &damaged).unwrap();
        let error = open(config(&dir), &time).err();
        assert!(matches!(error, Some(ChainError::Damaged { .. })), "byte {at}: {error:?}");
        assert_eq!(fs::read(&file).unwrap(), damaged, "a damaged file is left alone");
    }
    fs::write(&file, &whole).unwrap();
    open(config(&dir), &time).unwrap();
}

#[test]
fn a_folder_serves_one_chain_at_a_time() {
    let test = TestChain::new();
    let error = open(config(&test.dir), &test.time).err().unwrap();
    assert!(matches!(error, ChainError::Locked { .. }), "{error}");
    test.reopen();
}

#[test]
fn another_beginning_is_refused_and_named() {
    let test = TestChain::new();
    let TestChain { chain, time, dir } = test;
    drop(chain);
    let mut wanted = config(&dir);
    wanted.chain_id = 31337;
    let error = open(wanted, &time).err().unwrap().to_string();
    assert!(error.contains("the chain id"), "{error}");
    let mut wanted = config(&dir);
    wanted.usdc_accounts.pop();
    let error = open(wanted, &time).err().unwrap().to_string();
    assert!(error.contains("funded with test USDC"), "{error}");
    let mut wanted = config(&dir);
    wanted.eth_accounts.reverse();
    open(wanted, &time).unwrap();
}

#[test]
fn chains_with_real_money_are_refused() {
    for chain_id in [1, 8453] {
        let dir = tempfile::tempdir().unwrap();
        let wanted = sandbox::chain::ChainConfig { chain_id, ..config(&dir) };
        let error = open(wanted, &Default::default()).err().unwrap();
        assert!(matches!(error, ChainError::RealMoneyChain { .. }), "{error}");
        assert!(!dir.path().join("chain").exists());
    }
}
