//! What request `k` is about: a kind of request, an account, a product, a side and a quantity.
//!
//! Invariant: a choice is a pure function of the seed and `k`, so that an auditor can recompute it without the run.
//! Names are plain ASCII (letters, digits, `-`, `_`, `.`, `:`): they mean the same in a path, a header and a JSON string.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

/// The most entries in one list.
pub(crate) const LIST_MAX: usize = 100_000;

/// What requests choose from. A list may be empty when no template mentions it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choices {
    /// Accounts for `{account}`.
    pub accounts: Vec<String>,
    /// Products for `{product}`, each with its quantities for `{quantity}`.
    pub products: Vec<Product>,
    /// Sides for `{side}`.
    pub sides: Vec<String>,
}

impl Default for Choices {
    fn default() -> Self {
        let sides = ["buy", "sell"].map(str::to_owned).to_vec();
        Self { accounts: Vec::new(), products: Vec::new(), sides }
    }
}

/// A product and how much of it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Its name, such as `BTC-USD`.
    pub name: String,
    /// The quantities to choose from.
    pub quantity: Quantity,
}

/// Quantities in whole units of the last decimal place, all equally likely; never a float.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quantity {
    /// The least, in units.
    pub units_min: u64,
    /// The most, in units.
    pub units_max: u64,
    /// How many decimal places a unit has: with 4, 25 units are `0.0025`. At most 19.
    pub decimals: u8,
}

impl Quantity {
    pub(crate) const DECIMALS_MAX: u8 = 19;

    /// Appends `units` as a decimal number.
    pub(crate) fn write(self, units: u64, to: &mut String) {
        let digits = format!("{units:0width$}", width = usize::from(self.decimals) + 1);
        let (whole, fraction) = digits.split_at(digits.len() - usize::from(self.decimals));
        to.push_str(whole);
        if !fraction.is_empty() {
            to.push('.');
            to.push_str(fraction);
        }
    }
}

/// What one request is about, as places in the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) kind: u8,
    pub(crate) account: usize,
    pub(crate) product: usize,
    pub(crate) side: usize,
    pub(crate) units: u64,
}

/// Draws choices from a seed.
#[derive(Debug, Clone)]
pub(crate) struct Chooser {
    random: ChaCha8Rng,
    /// For kind `i`: the sum of the weights up to and including it.
    weights_up_to: Vec<u64>,
}

impl Chooser {
    pub(crate) fn new(random: ChaCha8Rng, weights: impl Iterator<Item = u32>) -> Self {
        let weights_up_to = weights
            .scan(0, |sum, weight| {
                *sum += u64::from(weight);
                Some(*sum)
            })
            .collect();
        Self { random, weights_up_to }
    }

    /// The choice of request `k`: five draws from stream `k`, in the order of the fields.
    pub(crate) fn choose(&self, k: u64, from: &Choices) -> Choice {
        let mut random = self.random.clone();
        random.set_stream(k);
        let mut below = |n: u64| below(n, random.next_u64());
        let ticket = below(self.weights_up_to.last().copied().unwrap_or(0));
        let kind = self.weights_up_to.partition_point(|sum| *sum <= ticket) as u8;
        let mut place = |list_len: usize| below(list_len as u64) as usize;
        let account = place(from.accounts.len());
        let product = place(from.products.len());
        let side = place(from.sides.len());
        let draw = random.next_u64();
        let units = from.products.get(product).map_or(0, |Product { quantity, .. }| {
            quantity.units_min + below_or_all(quantity.units_max - quantity.units_min, draw)
        });
        Choice { kind, account, product, side, units }
    }
}

/// A draw scaled to 0..n (0 for an empty list). Our own, since a library's method may change and a seed must not. The
/// bias is below n / 2^64.
fn below(n: u64, draw: u64) -> u64 {
    ((u128::from(draw) * u128::from(n)) >> 64) as u64
}

/// A draw scaled to 0..=n.
fn below_or_all(n: u64, draw: u64) -> u64 {
    ((u128::from(draw) * (u128::from(n) + 1)) >> 64) as u64
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    pub(crate) fn small() -> Choices {
        let quantity = Quantity { units_min: 1, units_max: 500, decimals: 4 };
        let product = |name: &str| Product { name: name.to_owned(), quantity };
        Choices {
            accounts: vec!["acct-1".to_owned(), "acct-2".to_owned()],
            products: vec![product("BTC-USD"), product("ETH-USD")],
            ..Choices::default()
        }
    }

    #[test]
    fn quantities_are_exact_decimals() {
        let check = |units, decimals, expected: &str| {
            let mut text = String::new();
            Quantity { units_min: 0, units_max: u64::MAX, decimals }.write(units, &mut text);
            assert_eq!(text, expected);
        };
        check(25, 4, "0.0025");
        check(25, 0, "25");
        check(12_345, 2, "123.45");
        check(0, 2, "0.00");
        check(u64::MAX, 19, "1.8446744073709551615");
    }

    #[test]
    fn the_mix_follows_the_weights() {
        let chooser = Chooser::new(ChaCha8Rng::seed_from_u64(3), [3, 0, 1].into_iter());
        let mut seen = [0; 3];
        (0..4000).for_each(|k| seen[chooser.choose(k, &small()).kind as usize] += 1);
        assert_eq!(seen[1], 0, "a weight of 0 is never chosen");
        assert!((2800..3200).contains(&seen[0]), "three quarters of 4000: {seen:?}");
    }

    proptest! {
        #[test]
        fn a_choice_is_within_its_lists_and_needs_no_other_choice(seed: u64, k: u64) {
            let chooser = || Chooser::new(ChaCha8Rng::seed_from_u64(seed), [1, 2].into_iter());
            let used = chooser();
            (0..5).for_each(|other| { used.choose(other, &small()); });
            let choice = used.choose(k, &small());
            prop_assert_eq!(choice, chooser().choose(k, &small()));
            prop_assert!(choice.kind < 2 && choice.account < 2 && choice.product < 2 && choice.side < 2);
            prop_assert!((1..=500).contains(&choice.units));
        }

        #[test]
        fn the_widest_range_of_units_does_not_overflow(draw: u64) {
            prop_assert_eq!(below_or_all(u64::MAX, draw), draw);
            prop_assert_eq!(below(0, draw), 0);
        }
    }
}
