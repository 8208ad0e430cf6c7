//! Keys and signatures.

use alloy_primitives::{B256, Signature, address};
use sandbox::wallet::{DevWallet, NotAKey, Signer};

#[test]
fn the_ten_development_wallets() {
    let wallets: Vec<_> = DevWallet::all().collect();
    assert_eq!(wallets.len(), 10);
    let first = address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
    let last = address!("a0Ee7A142d267C1f36714E4a8F75612F20a79720");
    assert_eq!(wallets[0].address(), first);
    assert_eq!(wallets[9].address(), last);
    assert!(DevWallet::from_index(10).is_none());
    // Every key is the one of the mnemonic: the ten addresses are known.
    let all = [
        first,
        address!("70997970C51812dc3A010C7d01b50e0d17dc79C8"),
        address!("3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"),
        address!("90F79bf6EB2c4f870365E785982E1f101E93b906"),
        address!("15d34AAf54267DB7D7c367839AAf71A00a2C6A65"),
        address!("9965507D1a55bcC2695C58ba16FB37d819B0A4dc"),
        address!("976EA74026E726554dB657fA54763abd0C3a0aa9"),
        address!("14dC79964da2C08b23698B3D3cc7Ca32193d9955"),
        address!("23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f"),
        last,
    ];
    assert_eq!(wallets.iter().map(DevWallet::address).collect::<Vec<_>>(), all);
}

#[test]
fn signatures_recover_to_the_signer_and_are_canonical() {
    let signer = DevWallet::from_index(3).unwrap().signer().clone();
    for byte in 0..32 {
        let digest = B256::repeat_byte(byte);
        let bytes = signer.sign_digest(digest);
        assert!([27, 28].contains(&bytes[64]));
        let signature = Signature::from_raw_array(&bytes).unwrap();
        assert_eq!(signature.normalize_s(), None);
        let recovered = signature.recover_address_from_prehash(&digest);
        assert_eq!(recovered.unwrap(), signer.address());
    }
}

#[test]
fn a_key_is_checked_and_never_shown() {
    assert_eq!(Signer::from_key([0; 32]).err(), Some(NotAKey));
    assert_eq!(Signer::from_key([0xff; 32]).err(), Some(NotAKey));
    let signer = Signer::from_key([0xab; 32]).unwrap();
    let shown = format!("{signer:?}");
    assert!(!shown.to_lowercase().contains("abab"), "{shown}");
    assert!(!shown.contains("171"), "{shown}");
}
