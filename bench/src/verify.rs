//! A proof from header to verified transfer, against one raw recovery.

use std::{hint::black_box, time::Instant};

use payments::x402::{
    X402Version, decode,
    verify::{Offers, verify},
};
use secp256k1::{Message, PublicKey, SecretKey, ecdsa::RecoverableSignature};
use testkit::{
    clock::START,
    wallet::{LAUNCH_PRICE, TestWallet, offer},
};

use crate::ratio::Pairs;

const PER_ROUND: u32 = 5_000;

/// Measures in turn and prints microseconds and their ratio.
pub fn run(rounds: u32) {
    let requirements = offer(LAUNCH_PRICE);
    let header = TestWallet::numbered(1).header(&requirements, 7, START, X402Version::V2);
    let header = header.as_bytes();
    let secret = SecretKey::from_secret_bytes([3; 32]).expect("a valid scalar");
    let message = Message::from_digest([9; 32]);
    let signature = RecoverableSignature::sign_ecdsa_recoverable(message, &secret);
    let mut pairs = Pairs::default();
    for _ in 0..rounds {
        let ours = micros(|| {
            let payment =
                decode::decode(black_box(header)).expect("decodes").expect("is no empty header");
            black_box(verify(&payment, &Offers::exactly(&requirements)).expect("verifies"));
        });
        let baseline = micros(|| {
            let key: PublicKey =
                black_box(&signature).recover_ecdsa(black_box(message)).expect("recovers");
            black_box(key);
        });
        pairs.add(ours, baseline);
    }
    pairs.print("verify: header to verified transfer / one raw recovery (lower is better)", "us");
    println!("  one core verifies {:.0} proofs a second at the median", 1e6 / pairs.median_ours());
}

fn micros(mut work: impl FnMut()) -> f64 {
    let began = Instant::now();
    for _ in 0..PER_ROUND {
        work();
    }
    began.elapsed().as_secs_f64() * 1e6 / f64::from(PER_ROUND)
}
