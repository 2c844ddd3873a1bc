//! Quotes, fees and refusals, which stand inside of other messages.

use trading::fee::{FeeQuote, TierFreshness};
use trading::money::canonical;
use trading::quote::{PriceFreshness, Quote};
use trading::signature::{Signature, SignedQuote};

use super::{
    Field, FieldError, decimal, id, liquidity_from_wire, liquidity_to_wire, mode_from_wire, mode_to_wire,
    positive, present, same_enum, side_from_wire, side_to_wire, time,
};
use crate::event::FeeSubject;
use crate::refusal::{REFUSAL_TEXT_BYTES_MAX, Refusal, RefusalCode};
use crate::wire;

same_enum!(tier_to_wire, tier_from_wire, TierFreshness, wire::TierFreshness, Normal, Flagged, Base);
same_enum!(price_to_wire, price_from_wire, PriceFreshness, wire::PriceFreshness, Normal, Flagged);
same_enum!(
    code_to_wire,
    code_from_wire,
    RefusalCode,
    wire::RefusalCode,
    UnknownProduct,
    InvalidPrice,
    InvalidQuantity,
    NotionalOutOfBounds,
    PriceUnavailable,
    PriceStale,
    DegradedCap,
    FeeUnavailable,
    Overloaded,
    DeadlinePassed,
    Internal
);

pub(super) fn refusal_to_wire(refusal: &Refusal) -> wire::Refusal {
    wire::Refusal { code: code_to_wire(refusal.code()), text: refusal.text().to_owned() }
}

pub(super) fn refusal_from_wire(refusal: wire::Refusal) -> Field<Refusal> {
    let text = super::bounded_text("Refusal.text", refusal.text, REFUSAL_TEXT_BYTES_MAX)?;
    Ok(Refusal::new(code_from_wire("Refusal.code", refusal.code)?, text))
}

pub(super) fn fee_to_wire(fee: FeeQuote) -> wire::FeeQuote {
    wire::FeeQuote {
        amount: canonical(fee.amount),
        rate_bps: canonical(fee.rate_bps),
        liquidity: liquidity_to_wire(fee.liquidity),
        tier: fee.tier,
        fee_schedule_version: fee.fee_schedule_version.into(),
        tier_as_of_unix_ms: fee.tier_as_of.unix_ms(),
        freshness: tier_to_wire(fee.freshness),
    }
}

pub(super) fn fee_from_wire(fee: &wire::FeeQuote) -> Field<FeeQuote> {
    Ok(FeeQuote {
        amount: decimal("FeeQuote.amount", &fee.amount)?,
        rate_bps: decimal("FeeQuote.rate_bps", &fee.rate_bps)?,
        liquidity: liquidity_from_wire("FeeQuote.liquidity", fee.liquidity)?,
        tier: fee.tier,
        fee_schedule_version: id("FeeQuote.fee_schedule_version", &fee.fee_schedule_version)?,
        tier_as_of: time(fee.tier_as_of_unix_ms),
        freshness: tier_from_wire("FeeQuote.freshness", fee.freshness)?,
    })
}

pub(super) fn signed_to_wire(signed: SignedQuote) -> wire::SignedQuote {
    let SignedQuote { quote, signature } = signed;
    wire::SignedQuote {
        quote_id: quote.quote_id.into(),
        account: quote.account.into(),
        product: quote.product.into(),
        side: side_to_wire(quote.side),
        quantity: canonical(quote.quantity),
        price: canonical(quote.price),
        fee: Some(fee_to_wire(quote.fee)),
        price_as_of_unix_ms: quote.price_as_of.unix_ms(),
        price_freshness: price_to_wire(quote.price_freshness),
        mode: mode_to_wire(quote.mode),
        issued_at_unix_ms: quote.issued_at.unix_ms(),
        expires_at_unix_ms: quote.expires_at.unix_ms(),
        signature: signature.as_bytes().to_vec(),
    }
}

pub(super) fn signed_from_wire(signed: &wire::SignedQuote) -> Field<SignedQuote> {
    let quote = Quote {
        quote_id: id("SignedQuote.quote_id", &signed.quote_id)?,
        account: id("SignedQuote.account", &signed.account)?,
        product: id("SignedQuote.product", &signed.product)?,
        side: side_from_wire("SignedQuote.side", signed.side)?,
        quantity: positive("SignedQuote.quantity", &signed.quantity)?,
        price: positive("SignedQuote.price", &signed.price)?,
        fee: fee_from_wire(&present("SignedQuote.fee", signed.fee.clone())?)?,
        price_as_of: time(signed.price_as_of_unix_ms),
        price_freshness: price_from_wire("SignedQuote.price_freshness", signed.price_freshness)?,
        mode: mode_from_wire("SignedQuote.mode", signed.mode)?,
        issued_at: time(signed.issued_at_unix_ms),
        expires_at: time(signed.expires_at_unix_ms),
    };
    let signature = <[u8; 32]>::try_from(signed.signature.as_slice()).map_err(|_| {
        let value = format!("{} bytes", signed.signature.len());
        FieldError::new("SignedQuote.signature", value, "a signature has 32 bytes")
    })?;
    Ok(SignedQuote { quote, signature: Signature::from_bytes(signature) })
}

pub(super) fn subject_to_wire(subject: FeeSubject) -> Option<wire::FeeSubject> {
    let subject = match subject {
        FeeSubject::Quote(quote_id) => wire::fee_subject::Subject::QuoteId(quote_id.into()),
        FeeSubject::Order { client_order_id, order_id } => {
            wire::fee_subject::Subject::Order(wire::fee_subject::Order {
                client_order_id: client_order_id.into(),
                order_id: order_id.into(),
            })
        }
    };
    Some(wire::FeeSubject { subject: Some(subject) })
}

pub(super) fn subject_from_wire(field: &'static str, subject: Option<wire::FeeSubject>) -> Field<FeeSubject> {
    match present(field, subject.and_then(|subject| subject.subject))? {
        wire::fee_subject::Subject::QuoteId(quote_id) => {
            Ok(FeeSubject::Quote(id("FeeSubject.quote_id", &quote_id)?))
        }
        wire::fee_subject::Subject::Order(order) => Ok(FeeSubject::Order {
            client_order_id: id("FeeSubject.client_order_id", &order.client_order_id)?,
            order_id: id("FeeSubject.order_id", &order.order_id)?,
        }),
    }
}
