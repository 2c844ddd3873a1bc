//! Who may give orders, and who may take them: a token that both sides know and neither sends.
//!
//! Each side gives the other a number to use once, and shows that it knows the token by the HMAC-SHA-256 of both numbers
//! and of which side it is. Without a token the key is empty, and the proof says nothing.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The shortest token; 16 characters of base64 are 96 bits.
const TOKEN_LEN_MIN: usize = 16;

/// A secret that both sides were given.
#[derive(Clone)]
pub struct Token(Vec<u8>);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

/// A token that can be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token has at least {TOKEN_LEN_MIN} characters; `openssl rand -base64 24` makes one")]
pub struct BadToken;

impl Token {
    /// From a text, of which blanks around it are no part.
    ///
    /// # Errors
    /// It is too short.
    pub fn new(text: &str) -> Result<Self, BadToken> {
        let text = text.trim();
        if text.len() < TOKEN_LEN_MIN { Err(BadToken) } else { Ok(Self(text.as_bytes().to_vec())) }
    }
}

/// A number to use once.
pub(super) type Nonce = [u8; 16];

pub(super) fn nonce() -> Nonce {
    rand::random()
}

/// A side of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Worker,
    Coordinator,
}

/// The numbers of both sides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nonces {
    pub(super) worker: Nonce,
    pub(super) coordinator: Nonce,
}

/// What `side` shows.
pub(super) fn proof(token: Option<&Token>, side: Side, nonces: Nonces) -> Vec<u8> {
    mac(token, side, nonces).finalize().into_bytes().to_vec()
}

/// Whether `side` knows the token.
pub(super) fn is_proven(token: Option<&Token>, side: Side, nonces: Nonces, proof: &[u8]) -> bool {
    mac(token, side, nonces).verify_slice(proof).is_ok()
}

fn mac(token: Option<&Token>, side: Side, nonces: Nonces) -> Hmac<Sha256> {
    let key = token.map_or(&[][..], |token| &token.0);
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(match side {
        Side::Worker => b"loadgen worker",
        Side::Coordinator => b"loadgen coordinator",
    });
    mac.update(&nonces.worker);
    mac.update(&nonces.coordinator);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_token_of_the_right_side_and_conversation_is_proof() {
        let token = |text| Token::new(text).expect("long enough");
        let (ours, other) = (token("a token of sixteen or more"), token("another token as long"));
        let nonces = Nonces { worker: nonce(), coordinator: nonce() };
        let shown = proof(Some(&ours), Side::Worker, nonces);
        assert!(is_proven(Some(&ours), Side::Worker, nonces, &shown));
        assert!(!is_proven(Some(&other), Side::Worker, nonces, &shown));
        assert!(!is_proven(None, Side::Worker, nonces, &shown));
        assert!(!is_proven(Some(&ours), Side::Coordinator, nonces, &shown), "it cannot be sent back");
        let later = Nonces { worker: nonce(), ..nonces };
        assert!(!is_proven(Some(&ours), Side::Worker, later, &shown), "nor used again");
    }

    #[test]
    fn a_short_token_is_refused_and_none_is_printed() {
        assert!(Token::new("  fifteen letters ").is_err());
        let token = Token::new("  sixteen letters!\n").expect("long enough");
        assert_eq!(format!("{token:?}"), "Token(..)");
    }
}
