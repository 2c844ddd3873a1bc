//! How far two quotes for the same question are apart.

use degrade::shadow::Compare;
use trading::Decimal;

use crate::quote::Issued;

/// The distance of price and of fee rate together, in basis points, rounded up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PriceAndRate;

impl Compare<Issued> for PriceAndRate {
    type Gist = (Decimal, Decimal);

    fn gist(&self, issued: &Issued) -> Self::Gist {
        let quote = &issued.signed.quote;
        (quote.price, quote.fee.rate_bps)
    }

    fn distance(&self, primary: &Self::Gist, fallback: &Self::Gist) -> u64 {
        let part = (fallback.0 - primary.0).abs().checked_div(primary.0);
        let bps = part.and_then(|part| part.checked_mul(Decimal::from(10_000)));
        let rate = (fallback.1 - primary.1).abs();
        let distance = bps.and_then(|bps| bps.checked_add(rate)).map(|distance| distance.ceil());
        // What cannot be compared is as far apart as can be.
        distance.and_then(|distance| distance.try_into().ok()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn price_and_rate_add_up_in_basis_points() {
        let distance = |price: i64, rate: i64| {
            PriceAndRate.distance(&(50_000.into(), 40.into()), &(price.into(), rate.into()))
        };
        assert_eq!(distance(50_000, 40), 0);
        assert_eq!(distance(50_001, 40), 1, "rounded up");
        assert_eq!(distance(49_500, 40), 100);
        assert_eq!(distance(50_050, 25), 25);
        assert_eq!(PriceAndRate.distance(&(0.into(), 0.into()), &(1.into(), 0.into())), u64::MAX);
    }
}
