//! What we say to the token contract and what it says in its logs.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolEvent, sol};
use payments::{agent::Wallet, ports::RailError, x402::verify::VerifiedTransfer};

sol! {
    function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s);
    function authorizationState(address authorizer, bytes32 nonce) returns (bool);
    function transfer(address to, uint256 value) returns (bool);
    function balanceOf(address account) returns (uint256);
    function DOMAIN_SEPARATOR() returns (bytes32);
    function decimals() returns (uint8);
    function paused() returns (bool);

    event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce);
    event AuthorizationCanceled(address indexed authorizer, bytes32 indexed nonce);
    event Transfer(address indexed from, address indexed to, uint256 value);
}

/// A wallet as the chain libraries write it.
pub(super) fn address(wallet: &Wallet) -> Address {
    Address::from(*wallet.as_bytes())
}

/// The call that settles this transfer. An account without code signs 65 bytes, which is what the
/// (v, r, s) overload takes.
pub(super) fn settle(transfer: &VerifiedTransfer) -> Bytes {
    let call = transferWithAuthorizationCall {
        from: address(transfer.from()),
        to: address(transfer.pay_to()),
        value: U256::from(transfer.value().get()),
        validAfter: U256::from(transfer.valid_after_unix_s()),
        validBefore: U256::from(transfer.valid_before_unix_s()),
        nonce: B256::from(*transfer.nonce()),
        v: transfer.v(),
        r: *transfer.r(),
        s: *transfer.s(),
    };
    call.abi_encode().into()
}

/// The call that moves the token away from whoever sends it.
pub(super) fn transfer(to: &Wallet, units: u64) -> Bytes {
    transferCall { to: address(to), value: U256::from(units) }.abi_encode().into()
}

/// Asks whether a nonce was used or cancelled.
pub(super) fn authorization_state(from: &Wallet, nonce: &[u8; 32]) -> Bytes {
    authorizationStateCall { authorizer: address(from), nonce: B256::from(*nonce) }
        .abi_encode()
        .into()
}

/// Asks for a balance.
pub(super) fn balance_of(account: &Wallet) -> Bytes {
    balanceOfCall { account: address(account) }.abi_encode().into()
}

/// Asks for the EIP-712 domain's separator.
pub(super) fn domain_separator() -> Bytes {
    DOMAIN_SEPARATORCall {}.abi_encode().into()
}

/// Asks for the number of decimals.
pub(super) fn decimals() -> Bytes {
    decimalsCall {}.abi_encode().into()
}

/// Asks whether the token's issuer has stopped all transfers.
pub(super) fn paused() -> Bytes {
    pausedCall {}.abi_encode().into()
}

/// The answer to a call. Nothing or something else means that no such token stands at the address.
///
/// # Errors
/// [`RailError::WrongChain`].
pub(super) fn answer<C: SolCall>(bytes: &[u8]) -> Result<C::Return, RailError> {
    C::abi_decode_returns_validate(bytes).map_err(|_| {
        let name = C::SIGNATURE.split('(').next().unwrap_or_default();
        RailError::WrongChain(format!("the token does not answer {name}"))
    })
}

/// `topics` of a log filter: this authorization used or cancelled.
pub(super) fn fate_topics(from: &Wallet, nonce: &[u8; 32]) -> serde_json::Value {
    let either = [AuthorizationUsed::SIGNATURE_HASH, AuthorizationCanceled::SIGNATURE_HASH];
    serde_json::json!([either, address(from).into_word(), B256::from(*nonce)])
}

#[cfg(test)]
mod tests {
    use alloy_primitives::b256;

    use super::*;

    #[test]
    fn selectors_and_topics_are_the_published_ones() {
        assert_eq!(transferWithAuthorizationCall::SELECTOR, [0xe3, 0xee, 0x16, 0x0e]);
        assert_eq!(authorizationStateCall::SELECTOR, [0xe9, 0x4a, 0x01, 0x02]);
        assert_eq!(balanceOfCall::SELECTOR, [0x70, 0xa0, 0x82, 0x31]);
        assert_eq!(transferCall::SELECTOR, [0xa9, 0x05, 0x9c, 0xbb]);
        assert_eq!(pausedCall::SELECTOR, [0x5c, 0x97, 0x5a, 0xbb]);
        let used = b256!("0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5");
        let cancelled = b256!("0x1cdd46ff242716cdaa72d159d339a485b3438398348d68f09d7c8c0a59353d81");
        let transfer = b256!("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
        assert_eq!(AuthorizationUsed::SIGNATURE_HASH, used);
        assert_eq!(AuthorizationCanceled::SIGNATURE_HASH, cancelled);
        assert_eq!(Transfer::SIGNATURE_HASH, transfer);
    }

    #[test]
    fn an_account_without_code_is_no_token() {
        assert!(
            matches!(answer::<decimalsCall>(&[]), Err(RailError::WrongChain(text)) if text.contains("decimals"))
        );
    }
}
