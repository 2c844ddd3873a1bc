//! Signed quotes: HMAC-SHA256 over every field, so that a quote can be honoured without looking it up.
//!
//! Invariants: the signed bytes begin with a version of this format and frame every field with its length, so no two quotes
//! share their bytes; verification takes the same time whatever the signature; the key never shows in a debug output.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::fee::{Liquidity, TierFreshness};
use crate::ids::AccountId;
use crate::mode::Mode;
use crate::money::canonical;
use crate::order::{OrderTerms, Side};
use crate::quote::{PriceFreshness, Quote, QuoteRefusal};
use crate::time::Timestamp;

/// The shortest key: as long as the hash.
pub const KEY_BYTES_MIN: usize = 32;

const FORMAT: &str = "leaderless.quote.v1";

/// 32 bytes, written as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Signature([u8; 32]);

impl Signature {
    /// A signature from its bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// The text is not 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signature is 64 hexadecimal digits")]
pub struct MalformedSignature;

impl FromStr for Signature {
    type Err = MalformedSignature;

    fn from_str(text: &str) -> Result<Self, MalformedSignature> {
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(MalformedSignature);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| MalformedSignature)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| MalformedSignature)?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Signature {
    type Error = MalformedSignature;

    fn try_from(text: String) -> Result<Self, MalformedSignature> {
        text.parse()
    }
}

impl From<Signature> for String {
    fn from(signature: Signature) -> Self {
        signature.to_string()
    }
}

/// A quote with its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedQuote {
    /// The quote.
    pub quote: Quote,
    /// The signature over all of its fields.
    pub signature: Signature,
}

/// The key is too short to be a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signing key has at least {KEY_BYTES_MIN} bytes, this one has {0}")]
pub struct ShortKey(usize);

/// Signs quotes and verifies them; every service that honours a quote has the same key.
#[derive(Clone)]
pub struct QuoteSigner {
    keyed: Hmac<Sha256>,
}

impl fmt::Debug for QuoteSigner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("QuoteSigner(..)")
    }
}

impl QuoteSigner {
    /// Takes a key.
    ///
    /// # Errors
    /// [`ShortKey`]; set a longer one.
    pub fn new(key: &[u8]) -> Result<Self, ShortKey> {
        if key.len() < KEY_BYTES_MIN {
            return Err(ShortKey(key.len()));
        }
        let keyed = Hmac::new_from_slice(key).expect("HMAC takes keys of any length");
        Ok(Self { keyed })
    }

    /// Signs a quote.
    pub fn sign(&self, quote: Quote) -> SignedQuote {
        let signature = Signature(self.mac(&quote).finalize().into_bytes().into());
        SignedQuote { quote, signature }
    }

    /// Whether the signature is ours and no field was changed.
    ///
    /// # Errors
    /// [`QuoteRefusal::Forged`]; refuse the order.
    pub fn verify<'a>(&self, signed: &'a SignedQuote) -> Result<&'a Quote, QuoteRefusal> {
        match self.mac(&signed.quote).verify_slice(&signed.signature.0) {
            Ok(()) => Ok(&signed.quote),
            Err(_) => Err(QuoteRefusal::Forged(signed.quote.quote_id.clone())),
        }
    }

    /// Verifies, then holds the quote against the order that wants to use it.
    ///
    /// # Errors
    /// [`QuoteRefusal`]; refuse the order, or ask for another quote.
    pub fn honour<'a>(
        &self,
        signed: &'a SignedQuote,
        account: &AccountId,
        terms: &OrderTerms,
        now: Timestamp,
    ) -> Result<&'a Quote, QuoteRefusal> {
        let quote = self.verify(signed)?;
        quote.check_use(account, terms, now)?;
        Ok(quote)
    }

    fn mac(&self, quote: &Quote) -> Hmac<Sha256> {
        let mut mac = self.keyed.clone();
        for field in fields(quote) {
            mac.update(&(field.len() as u64).to_be_bytes());
            mac.update(field.as_bytes());
        }
        mac
    }
}

/// Every field as text. Taking the structs apart makes a field that is added later an error here until it is signed too.
fn fields(quote: &Quote) -> [String; 19] {
    let Quote {
        quote_id,
        account,
        product,
        side,
        quantity,
        price,
        fee,
        price_as_of,
        price_freshness,
        mode,
        issued_at,
        expires_at,
    } = quote;
    let crate::fee::FeeQuote {
        amount,
        rate_bps,
        liquidity,
        tier,
        fee_schedule_version,
        tier_as_of,
        freshness,
    } = fee;
    [
        FORMAT.to_owned(),
        quote_id.to_string(),
        account.to_string(),
        product.to_string(),
        match side {
            Side::Buy => "buy".to_owned(),
            Side::Sell => "sell".to_owned(),
        },
        canonical(*quantity),
        canonical(*price),
        canonical(*amount),
        canonical(*rate_bps),
        match liquidity {
            Liquidity::Taker => "taker".to_owned(),
            Liquidity::Maker => "maker".to_owned(),
        },
        tier.to_string(),
        fee_schedule_version.to_string(),
        tier_as_of.unix_ms().to_string(),
        match freshness {
            TierFreshness::Normal => "normal".to_owned(),
            TierFreshness::Flagged => "flagged".to_owned(),
            TierFreshness::Base => "base".to_owned(),
        },
        price_as_of.unix_ms().to_string(),
        match price_freshness {
            PriceFreshness::Normal => "normal".to_owned(),
            PriceFreshness::Flagged => "flagged".to_owned(),
        },
        Mode::as_str(*mode).to_owned(),
        issued_at.unix_ms().to_string(),
        expires_at.unix_ms().to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;
    use crate::fee::FeeQuote;
    use crate::ids::{ProductId, QuoteId, ScheduleVersion};

    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    fn signer() -> QuoteSigner {
        QuoteSigner::new(&[7; 32]).unwrap()
    }

    fn quote() -> Quote {
        Quote {
            quote_id: QuoteId::new("q-1").unwrap(),
            account: AccountId::new("alice").unwrap(),
            product: ProductId::new("BTC-USD").unwrap(),
            side: Side::Buy,
            quantity: Decimal::new(1, 1),
            price: Decimal::from(60_300),
            fee: FeeQuote {
                amount: Decimal::new(72_36, 2),
                rate_bps: Decimal::from(120),
                liquidity: Liquidity::Taker,
                tier: 0,
                fee_schedule_version: ScheduleVersion::new("2026-01").unwrap(),
                tier_as_of: NOW,
                freshness: TierFreshness::Normal,
            },
            price_as_of: NOW,
            price_freshness: PriceFreshness::Normal,
            mode: Mode::Normal,
            issued_at: NOW,
            expires_at: NOW.plus(Duration::from_secs(10)),
        }
    }

    fn terms() -> OrderTerms {
        OrderTerms {
            product: ProductId::new("BTC-USD").unwrap(),
            side: Side::Buy,
            quantity: Decimal::new(10, 2),
        }
    }

    #[test]
    fn a_signed_quote_verifies_with_the_same_key_only() {
        let signed = signer().sign(quote());
        assert_eq!(signer().verify(&signed), Ok(&signed.quote));
        let other = QuoteSigner::new(&[8; 32]).unwrap();
        assert!(matches!(other.verify(&signed), Err(QuoteRefusal::Forged(_))));
    }

    #[test]
    fn changing_any_field_breaks_the_signature() {
        let changes: [fn(&mut Quote); 18] = [
            |q| q.quote_id = QuoteId::new("q-2").unwrap(),
            |q| q.account = AccountId::new("bob").unwrap(),
            |q| q.product = ProductId::new("ETH-USD").unwrap(),
            |q| q.side = Side::Sell,
            |q| q.quantity += Decimal::ONE,
            |q| q.price -= Decimal::ONE,
            |q| q.fee.amount -= Decimal::ONE,
            |q| q.fee.rate_bps -= Decimal::ONE,
            |q| q.fee.liquidity = Liquidity::Maker,
            |q| q.fee.tier += 1,
            |q| q.fee.fee_schedule_version = ScheduleVersion::new("2026-02").unwrap(),
            |q| q.fee.tier_as_of = NOW.plus(Duration::from_millis(1)),
            |q| q.fee.freshness = TierFreshness::Base,
            |q| q.price_as_of = NOW.plus(Duration::from_millis(1)),
            |q| q.price_freshness = PriceFreshness::Flagged,
            |q| q.mode = Mode::Degraded,
            |q| q.issued_at = NOW.plus(Duration::from_millis(1)),
            |q| q.expires_at = q.expires_at.plus(Duration::from_millis(1)),
        ];
        for (index, change) in changes.into_iter().enumerate() {
            let mut signed = signer().sign(quote());
            change(&mut signed.quote);
            assert!(signer().verify(&signed).is_err(), "change {index}");
        }
    }

    #[test]
    fn a_decimal_with_superfluous_zeros_is_the_same_quote() {
        let mut signed = signer().sign(quote());
        signed.quote.price = Decimal::new(6_030_000, 2);
        assert!(signer().verify(&signed).is_ok());
    }

    #[test]
    fn a_quote_is_honoured_until_it_expires_and_for_its_own_order_only() {
        let signed = signer().sign(quote());
        let honour = |account: &str, terms: &OrderTerms, ms: u64| {
            let account = AccountId::new(account).unwrap();
            signer().honour(&signed, &account, terms, NOW.plus(Duration::from_millis(ms))).map(|_| ())
        };
        assert_eq!(honour("alice", &terms(), 9_999), Ok(()));
        assert!(matches!(honour("alice", &terms(), 10_000), Err(QuoteRefusal::Expired { .. })));
        assert!(matches!(honour("bob", &terms(), 0), Err(QuoteRefusal::OtherTerms(_))));
        let more = OrderTerms { quantity: Decimal::ONE, ..terms() };
        assert!(matches!(honour("alice", &more, 0), Err(QuoteRefusal::OtherTerms(_))));
    }

    #[test]
    fn a_key_is_long_enough_and_never_shown() {
        assert_eq!(QuoteSigner::new(&[0; 31]).unwrap_err(), ShortKey(31));
        assert_eq!(format!("{:?}", signer()), "QuoteSigner(..)");
    }

    #[test]
    fn a_signed_quote_survives_json() {
        let signed = signer().sign(quote());
        let read: SignedQuote = serde_json::from_str(&serde_json::to_string(&signed).unwrap()).unwrap();
        assert!(signer().verify(&read).is_ok());
    }

    proptest! {
        #[test]
        fn any_other_signature_is_forged(bytes in any::<[u8; 32]>()) {
            let mut signed = signer().sign(quote());
            prop_assume!(signed.signature.0 != bytes);
            signed.signature = Signature::from_bytes(bytes);
            prop_assert!(signer().verify(&signed).is_err());
        }

        #[test]
        fn signatures_read_back_and_other_text_never_panics(bytes in any::<[u8; 32]>(), text in ".{0,70}") {
            let signature = Signature::from_bytes(bytes);
            prop_assert_eq!(signature.to_string().parse(), Ok(signature));
            let _ = text.parse::<Signature>();
        }
    }
}
