//! The account behind a card.

use std::fmt;

use crate::agent::Payer;
use crate::mpp::secrets::{Keys, SecretError, push_parts};
use crate::mpp::stripe::token::PaymentToken;

/// The key that turns what the card processor says of a payer into the name of an account. Never
/// rotated: another key is another name for everybody.
#[derive(Clone)]
pub struct AccountKey(Keys);

/// What the card processor says of the payer behind a token, the most stable thing first.
#[derive(Clone, Copy)]
pub enum StablePayer<'a> {
    /// The fingerprint of a card number.
    CardFingerprint(&'a str),
    /// The e-mail of a Link wallet.
    LinkEmail(&'a str),
    /// Nothing stable: the account is this token's alone.
    Token(&'a PaymentToken),
}

// === impl AccountKey ===

impl AccountKey {
    /// A key of at least 32 bytes, as text.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn new(key: &str) -> Result<Self, SecretError> {
        Keys::new([key]).map(Self)
    }

    /// The account of a payer: `card:<64 hexadecimal digits>`. Test money and real money never
    /// share one, nor do two agent platforms (`agent_profile`) that hold the same card.
    #[must_use]
    pub fn account_name(
        &self,
        payer: StablePayer<'_>,
        agent_profile: Option<&str>,
        livemode: bool,
    ) -> Payer {
        let (kind, value) = match payer {
            StablePayer::CardFingerprint(fingerprint) => ("card_fingerprint", fingerprint),
            StablePayer::LinkEmail(email) => ("link_email", email),
            StablePayer::Token(token) => ("token", token.expose()),
        };
        let mode = if livemode { "live" } else { "test" };
        let parts =
            ["turnpike account 1", "stripe", mode, agent_profile.unwrap_or("-"), kind, value];
        Payer::Card(hex::encode(self.0.mac(|push| push_parts(push, &parts))))
    }
}

impl AccountKey {
    /// Tells whether it is still the same key, and nothing else about it.
    #[must_use]
    pub fn mark(&self) -> String {
        hex::encode(self.0.mac(|push| push_parts(push, &["turnpike account key mark 1"])))
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountKey(..)")
    }
}

/// Shows the kind alone.
impl fmt::Debug for StablePayer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CardFingerprint(_) => "CardFingerprint(..)",
            Self::LinkEmail(_) => "LinkEmail(..)",
            Self::Token(_) => "Token(..)",
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const OLD: &str = "an account key of some 32 bytes..";
    const NEW: &str = "another key with at least 32 bytes";

    #[test]
    fn every_part_names_another_account_and_the_same_parts_the_same() {
        use StablePayer::{CardFingerprint, LinkEmail, Token};
        let key = AccountKey::new(OLD).unwrap();
        let token = PaymentToken::parse("spt_x").unwrap();
        let names = [
            key.account_name(CardFingerprint("spt_x"), None, false),
            key.account_name(CardFingerprint("spt_x"), None, true),
            key.account_name(CardFingerprint("spt_x"), Some("profile_a"), false),
            key.account_name(CardFingerprint("spt_xa"), Some("profile_"), false),
            key.account_name(LinkEmail("spt_x"), None, false),
            key.account_name(Token(&token), None, false),
            AccountKey::new(NEW).unwrap().account_name(CardFingerprint("spt_x"), None, false),
        ];
        for (i, name) in names.iter().enumerate() {
            assert_eq!(name.to_string().parse().as_ref(), Ok(name));
            assert!(names[..i].iter().all(|other| other != name), "{i}");
        }
        assert_eq!(key.account_name(CardFingerprint("spt_x"), None, false), names[0]);
        assert_eq!(AccountKey::new(OLD).unwrap().mark(), key.mark());
        assert_ne!(AccountKey::new(NEW).unwrap().mark(), key.mark());
        assert!(format!("{:?} {key:?}", Token(&token)).find("spt_").is_none());
    }
}
