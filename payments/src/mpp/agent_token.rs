//! The token that opens a card account later, without a card.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::agent::Payer;
use crate::ids::PaymentId;
use crate::mpp::secrets::{Keys, SecretError, push_parts};
use crate::mpp::stripe::token::TokenHash;
use crate::ports::AgentTokens;

/// What an agent token begins with.
const PREFIX: &str = "tpk_";
/// Characters after it: a MAC in base64url without padding.
const MAC_CHARS: usize = 43;

/// The keys that make agent tokens. The first makes, all recognise.
#[derive(Clone)]
pub struct AgentTokenKeys(Keys);

/// A bearer token that opens one account: `tpk_` and 43 characters. Kept only as its hash, never
/// shown.
#[derive(Clone)]
pub struct AgentToken(Zeroizing<String>);

/// The text is not `tpk_` and 43 characters of base64url.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an agent token is tpk_ and 43 characters of base64url")]
pub struct NotAnAgentToken;

// === impl AgentTokenKeys ===

impl AgentTokenKeys {
    /// Keys of at least 32 bytes each, as text.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn new<S: AsRef<str>>(keys: impl IntoIterator<Item = S>) -> Result<Self, SecretError> {
        Keys::new(keys).map(Self)
    }

    /// The token that a settled payment hands out. The same payment gives the same token, so that a
    /// lost answer can be given again although only a hash was kept.
    #[must_use]
    pub fn make(&self, account: &Payer, payment: PaymentId) -> AgentToken {
        let account = account.to_string();
        let payment = payment.to_string();
        AgentToken::of(&self.0.mac(|push| push_parts(push, &token_parts(&account, &payment))))
    }

    /// The token that this payment handed out, whichever key made it: the one whose hash was kept.
    /// `None` when its key is gone; then [`AgentTokenKeys::make`] a new one and keep its hash
    /// beside the old.
    #[must_use]
    pub fn again(
        &self,
        account: &Payer,
        payment: PaymentId,
        kept: &TokenHash,
    ) -> Option<AgentToken> {
        let account = account.to_string();
        let payment = payment.to_string();
        let mut made = self
            .0
            .macs(|push| push_parts(push, &token_parts(&account, &payment)))
            .map(|mac| AgentToken::of(&mac));
        made.find(|token| bool::from(token.sha256().as_bytes().ct_eq(kept.as_bytes())))
    }
}

impl AgentTokenKeys {
    /// The token of a holder, named by the first payment, after so many rotations; before the first
    /// one it is that of the payment.
    #[must_use]
    pub fn rotated(&self, account: &Payer, holder: PaymentId, rotation: u32) -> AgentToken {
        let [account, holder, rotation] =
            [account.to_string(), holder.to_string(), rotation.to_string()];
        AgentToken::of(
            &self.0.mac(|push| push_parts(push, &rotated_parts(&account, &holder, &rotation))),
        )
    }

    /// The same that has this hash, whichever key made it. `None` when its key is gone.
    #[must_use]
    pub fn rotated_again(
        &self,
        account: &Payer,
        holder: PaymentId,
        rotation: u32,
        kept: &TokenHash,
    ) -> Option<AgentToken> {
        let [account, holder, rotation] =
            [account.to_string(), holder.to_string(), rotation.to_string()];
        let macs =
            self.0.macs(|push| push_parts(push, &rotated_parts(&account, &holder, &rotation)));
        macs.map(|mac| AgentToken::of(&mac))
            .find(|token| bool::from(token.sha256().as_bytes().ct_eq(kept.as_bytes())))
    }
}

impl fmt::Debug for AgentTokenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgentTokenKeys({} of them)", self.0.len())
    }
}

fn token_parts<'a>(account: &'a str, payment: &'a str) -> [&'a str; 3] {
    ["turnpike agent token 1", account, payment]
}

fn rotated_parts<'a>(account: &'a str, holder: &'a str, rotation: &'a str) -> [&'a str; 4] {
    ["turnpike agent token 2", account, holder, rotation]
}

impl AgentTokens for AgentTokenKeys {
    fn token_of(&self, payer: &Payer, intent: PaymentId) -> String {
        self.make(payer, intent).expose().to_owned()
    }

    fn token_with_sha256(
        &self,
        payer: &Payer,
        intent: PaymentId,
        sha256: &[u8; 32],
    ) -> Option<String> {
        self.again(payer, intent, &TokenHash::from_bytes(*sha256))
            .map(|token| token.expose().to_owned())
    }

    fn token_at(&self, payer: &Payer, holder: PaymentId, rotation: u32) -> String {
        match rotation {
            0 => self.token_of(payer, holder),
            _ => self.rotated(payer, holder, rotation).expose().to_owned(),
        }
    }

    fn token_at_with_sha256(
        &self,
        payer: &Payer,
        holder: PaymentId,
        rotation: u32,
        sha256: &[u8; 32],
    ) -> Option<String> {
        match rotation {
            0 => self.token_with_sha256(payer, holder, sha256),
            _ => {
                let token =
                    self.rotated_again(payer, holder, rotation, &TokenHash::from_bytes(*sha256));
                token.map(|token| token.expose().to_owned())
            }
        }
    }
}

// === impl AgentToken ===

impl AgentToken {
    fn of(mac: &[u8; 32]) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + MAC_CHARS));
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(mac, &mut text);
        Self(text)
    }

    /// Reads a presented token. Look its [`AgentToken::sha256`] up: the text alone proves nothing.
    ///
    /// # Errors
    /// [`NotAnAgentToken`].
    pub fn parse(text: &str) -> Result<Self, NotAnAgentToken> {
        let rest = text.strip_prefix(PREFIX).ok_or(NotAnAgentToken)?;
        let plain = rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if plain && rest.len() == MAC_CHARS {
            Ok(Self(Zeroizing::new(text.to_owned())))
        } else {
            Err(NotAnAgentToken)
        }
    }

    /// The token itself, for the one answer that hands it out.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is kept of it. The token is a MAC, so its plain hash cannot be guessed back.
    #[must_use]
    pub fn sha256(&self) -> TokenHash {
        TokenHash::from_bytes(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for AgentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AgentToken(..)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const OLD: &str = "an account key of some 32 bytes..";
    const NEW: &str = "another key with at least 32 bytes";

    fn payment(number: u128) -> PaymentId {
        PaymentId::new(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn a_token_is_given_again_after_a_rotation() {
        let (old, both) =
            (AgentTokenKeys::new([OLD]).unwrap(), AgentTokenKeys::new([NEW, OLD]).unwrap());
        let account = Payer::Card("ab".to_owned());
        let token = old.make(&account, payment(1));
        let kept = token.sha256();
        assert_eq!(old.make(&account, payment(1)).expose(), token.expose());
        assert_eq!(both.again(&account, payment(1), &kept).unwrap().expose(), token.expose());
        assert_ne!(both.make(&account, payment(1)).expose(), token.expose());
        assert!(both.again(&account, payment(2), &kept).is_none());
        assert!(both.again(&Payer::Card("ac".to_owned()), payment(1), &kept).is_none());
        assert!(AgentTokenKeys::new([NEW]).unwrap().again(&account, payment(1), &kept).is_none());
    }

    #[test]
    fn each_rotation_is_another_token_and_is_given_again() {
        let (old, both) =
            (AgentTokenKeys::new([OLD]).unwrap(), AgentTokenKeys::new([NEW, OLD]).unwrap());
        let account = Payer::Card("ab".to_owned());
        let tokens: Vec<String> =
            (0..3).map(|rotation| old.token_at(&account, payment(1), rotation)).collect();
        assert!(
            tokens[0] != tokens[1]
                && tokens[1] != tokens[2]
                && tokens[0] == old.make(&account, payment(1)).expose()
        );
        for (rotation, token) in (0..).zip(&tokens) {
            let kept = Sha256::digest(token.as_bytes()).into();
            assert_eq!(
                both.token_at_with_sha256(&account, payment(1), rotation, &kept).as_ref(),
                Some(token)
            );
            assert_eq!(both.token_at_with_sha256(&account, payment(2), rotation, &kept), None);
        }
    }

    #[test]
    fn an_agent_token_has_one_form_and_is_never_shown() {
        let token =
            AgentTokenKeys::new([OLD]).unwrap().make(&Payer::Card("ab".to_owned()), payment(1));
        let text = token.expose();
        assert_eq!(AgentToken::parse(text).unwrap().sha256(), token.sha256());
        assert_eq!((text.len(), format!("{token:?}").as_str()), (47, "AgentToken(..)"));
        for wrong in [
            "",
            "tpk_",
            &text[1..],
            &text[..46],
            &format!("{text}a"),
            &text.replace("tpk_", "tpk_+")[..47],
        ] {
            assert!(AgentToken::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
