//! Mid prices as a seeded random walk with jumps: pure, endless, the same for the same seed.
//!
//! Invariants: prices are positive whole numbers of ticks, counted as integers, so that nothing is ever rounded; they
//! stay between half and twice the opening price, so that order sizes keep their meaning however long a run is;
//! products take turns, and each product counts its own sequence from 1.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rust_decimal::Decimal;
use trading::ids::ProductId;
use trading::product::Product;

/// Steps are of this order, as a part of the price: one basis point.
const STEP: i64 = 10_000;

/// One step in so many is a jump.
const JUMP_EVERY: u32 = 500;

/// A jump is this many ordinary steps.
const JUMP_STEPS: std::ops::RangeInclusive<i64> = 20..=100;

/// Opening prices in the quote asset, of the order seen on public venues in 2025; what is not listed opens at 100.
const OPENINGS: [(&str, i64); 3] = [("BTC-USD", 100_000), ("ETH-USD", 4_000), ("SOL-USD", 200)];

/// A product and where its price starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The product.
    pub product: ProductId,
    /// Prices are multiples of this; positive.
    pub tick: Decimal,
    /// The first price; cut to a whole number of ticks, at least one.
    pub opening: Decimal,
}

impl Listing {
    /// A product at its usual opening price.
    #[must_use]
    pub fn of(product: &Product) -> Self {
        let opening =
            OPENINGS.iter().find(|(id, _)| *id == product.id.as_str()).map_or(100, |(_, price)| *price);
        Self { product: product.id.clone(), tick: product.tick, opening: Decimal::from(opening) }
    }
}

/// One mid price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Of which product.
    pub product: ProductId,
    /// The price, a multiple of the product's tick.
    pub mid: Decimal,
    /// Counts the product's prices, from 1.
    pub sequence: u64,
}

/// An endless iterator of prices, one product after the other.
#[derive(Debug, Clone)]
pub struct Walk {
    rng: ChaCha8Rng,
    lanes: Vec<Lane>,
    next: usize,
}

#[derive(Debug, Clone)]
struct Lane {
    listing: Listing,
    /// All in ticks.
    opening: i64,
    mid: i64,
    sequence: u64,
}

impl Walk {
    /// A walk over these products; over none it ends at once.
    #[must_use]
    pub fn new(seed: u64, listings: impl IntoIterator<Item = Listing>) -> Self {
        let lane = |listing: Listing| {
            let ticks =
                listing.opening.checked_div(listing.tick).and_then(|ticks| i64::try_from(ticks.trunc()).ok());
            // Twice the opening must still be countable.
            let opening = ticks.unwrap_or(1).clamp(1, i64::MAX / 4);
            Lane { listing, opening, mid: opening, sequence: 0 }
        };
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            lanes: listings.into_iter().map(lane).collect(),
            next: 0,
        }
    }
}

impl Iterator for Walk {
    type Item = Price;

    fn next(&mut self) -> Option<Price> {
        let turns = self.lanes.len();
        let lane = self.lanes.get_mut(self.next)?;
        self.next = (self.next + 1) % turns;
        Some(lane.step(&mut self.rng))
    }
}

impl Lane {
    fn step(&mut self, rng: &mut impl Rng) -> Price {
        self.sequence += 1;
        // The first price is the opening.
        if self.sequence > 1 {
            self.mid = bounced(self.mid.saturating_add(self.change(rng)), self.opening);
        }
        Price {
            product: self.listing.product.clone(),
            mid: Decimal::from(self.mid).saturating_mul(self.listing.tick).normalize(),
            sequence: self.sequence,
        }
    }

    fn change(&self, rng: &mut impl Rng) -> i64 {
        let step = (self.mid / STEP).max(1);
        if rng.random_ratio(1, JUMP_EVERY) {
            let size = step.saturating_mul(rng.random_range(JUMP_STEPS));
            return if rng.random_bool(0.5) { size } else { -size };
        }
        rng.random_range(-step..=step)
    }
}

/// Thrown back at half and at twice the opening price.
fn bounced(mid: i64, opening: i64) -> i64 {
    let (floor, ceiling) = ((opening / 2).max(1), opening * 2);
    if mid < floor {
        (floor + (floor - mid)).min(ceiling)
    } else if mid > ceiling {
        (ceiling - (mid - ceiling)).max(floor)
    } else {
        mid
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    fn listing(id: &str, tick: &str, opening: &str) -> Listing {
        let number = |text: &str| text.parse().expect("a number");
        Listing { product: ProductId::new(id).expect("an id"), tick: number(tick), opening: number(opening) }
    }

    fn walk(seed: u64) -> Walk {
        Walk::new(seed, [listing("BTC-USD", "0.01", "100000"), listing("SOL-USD", "0.05", "200")])
    }

    #[test]
    fn products_take_turns_and_open_at_their_opening() {
        let prices = walk(1).take(6).map(|p| format!("{} {} #{}\n", p.product, p.mid, p.sequence));
        expect![[r#"
            BTC-USD 100000 #1
            SOL-USD 200 #1
            BTC-USD 99991.6 #2
            SOL-USD 199.95 #2
            BTC-USD 99995.81 #3
            SOL-USD 199.9 #3
        "#]]
        .assert_eq(&prices.collect::<String>());
    }

    #[test]
    fn a_walk_over_nothing_ends() {
        assert_eq!(Walk::new(1, []).next(), None);
    }

    #[test]
    fn there_are_jumps() {
        let prices: Vec<Decimal> = walk(1).step_by(2).take(5_000).map(|price| price.mid).collect();
        let jumps =
            prices.windows(2).filter(|pair| (pair[1] - pair[0]).abs() * Decimal::from(1_000) > pair[0]);
        assert!(jumps.count() > 0);
    }

    proptest! {
        #[test]
        fn the_same_seed_walks_the_same_way(seed: u64) {
            prop_assert!(walk(seed).take(200).eq(walk(seed).take(200)));
        }

        #[test]
        fn prices_are_on_the_tick_and_between_half_and_twice_the_opening(
            seed: u64,
            tick_digits in 0_u32..8,
            opening in 1_u32..1_000_000,
        ) {
            let tick = Decimal::new(1, tick_digits);
            let opening = Decimal::from(opening);
            let listing = Listing { product: ProductId::new("A-B").expect("an id"), tick, opening };
            for price in Walk::new(seed, [listing]).take(2_000) {
                prop_assert!((price.mid % tick).is_zero());
                prop_assert!(price.mid > Decimal::ZERO);
                // Half of an odd number of ticks is cut.
                prop_assert!(price.mid + tick >= opening / Decimal::TWO && price.mid <= opening * Decimal::TWO);
            }
        }
    }
}
