//! What can be traded: tick, increment and notional limits of each product, read from TOML.
//!
//! Invariants: a catalogue has 1 to [`PRODUCTS_MAX`] products with distinct ids; each id is `BASE-QUOTE`; ticks, increments
//! and limits are positive; tick and increment have together at most 12 digits after the point, so that every notional can be
//! booked to its last digit; `quote_decimals` is at most 8. A catalogue that breaks one of them is never built.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Deserialize;

use crate::ids::{Asset, ProductId};
use crate::money::{self, MoneyError};

/// The most products that a catalogue may have.
pub const PRODUCTS_MAX: usize = 256;

const QUOTE_DECIMALS_MAX: u32 = 8;

const SHIPPED: &str = include_str!("../data/products.toml");

/// One product and its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Its id, `BASE-QUOTE`.
    pub id: ProductId,
    /// The asset that changes hands.
    pub base: Asset,
    /// The asset that it is paid in.
    pub quote: Asset,
    /// Prices are multiples of this, in the quote asset.
    pub tick: Decimal,
    /// Quantities are floored to multiples of this, in the base asset.
    pub increment: Decimal,
    /// The smallest order, in the quote asset.
    pub notional_min: Decimal,
    /// The largest order, in the quote asset.
    pub notional_max: Decimal,
    /// Digits after the point of a payment in the quote asset.
    pub quote_decimals: u32,
}

/// Why a price or a quantity does not fit a product; the reject codes of an order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProductError {
    /// The price is off the tick, or a product of numbers cannot be held.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// Nothing is left of the quantity after flooring.
    #[error("quantity {quantity} is below the increment {increment} of {product}")]
    QuantityTooSmall {
        /// Which product.
        product: ProductId,
        /// The quantity before flooring.
        quantity: Decimal,
        /// The increment of the product.
        increment: Decimal,
    },
    /// Price times quantity is outside of the limits.
    #[error("notional {notional} of {product} is outside of {notional_min} to {notional_max}")]
    NotionalOutOfBounds {
        /// Which product.
        product: ProductId,
        /// Price times quantity.
        notional: Decimal,
        /// The smallest that is allowed.
        notional_min: Decimal,
        /// The largest that is allowed.
        notional_max: Decimal,
    },
}

impl Product {
    /// The quantity floored to the increment.
    ///
    /// # Errors
    /// [`ProductError::QuantityTooSmall`] when nothing is left; reject the order.
    pub fn floor_quantity(&self, quantity: Decimal) -> Result<Decimal, ProductError> {
        let floored = money::floor_quantity(quantity, self.increment);
        if floored.is_zero() {
            return Err(ProductError::QuantityTooSmall {
                product: self.id.clone(),
                quantity,
                increment: self.increment,
            });
        }
        Ok(floored)
    }

    /// Price times quantity, exact, within the limits of the product.
    ///
    /// # Errors
    /// [`ProductError::NotionalOutOfBounds`], or numbers that cannot be multiplied exactly; reject the order.
    pub fn notional(&self, price: Decimal, quantity: Decimal) -> Result<Decimal, ProductError> {
        let notional = money::exact_mul(price, quantity)?;
        if notional < self.notional_min || notional > self.notional_max {
            return Err(ProductError::NotionalOutOfBounds {
                product: self.id.clone(),
                notional,
                notional_min: self.notional_min,
                notional_max: self.notional_max,
            });
        }
        Ok(notional)
    }

    /// Holds a limit price against the tick.
    ///
    /// # Errors
    /// [`MoneyError::OffTick`] inside of [`ProductError::Money`]; reject the order.
    pub fn check_price(&self, price: Decimal) -> Result<(), ProductError> {
        Ok(money::check_tick(price, self.tick)?)
    }
}

/// Why a catalogue could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// The file is not TOML of the right shape; the text names line and key.
    #[error("the product catalogue cannot be read: {0}")]
    Toml(String),
    /// There is no product, or there are too many.
    #[error("a product catalogue has 1 to {PRODUCTS_MAX} products, this one has {0}")]
    Count(usize),
    /// Two products have the same id.
    #[error("product `{0}` is there twice")]
    Duplicate(ProductId),
    /// A value is not allowed.
    #[error("product `{product}`: {key} = `{value}`: allowed is {allowed}")]
    Value {
        /// The id as written.
        product: String,
        /// The key with the value that is not allowed.
        key: &'static str,
        /// The value as written.
        value: String,
        /// What would be allowed.
        allowed: &'static str,
    },
}

/// All products that can be traded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalogue {
    products: BTreeMap<ProductId, Product>,
}

impl Catalogue {
    /// Reads a catalogue: a list of `[[product]]` with `id`, `tick`, `increment`, `notional_min`, `notional_max` (decimals as
    /// text) and `quote_decimals`.
    ///
    /// # Errors
    /// The first thing that is wrong, with its product, key and value; mend the file.
    pub fn from_toml(text: &str) -> Result<Self, CatalogueError> {
        let file: File = toml::from_str(text).map_err(|error| CatalogueError::Toml(error.to_string()))?;
        if file.product.is_empty() || file.product.len() > PRODUCTS_MAX {
            return Err(CatalogueError::Count(file.product.len()));
        }
        let mut products = BTreeMap::new();
        for row in file.product {
            let product = row.check()?;
            if let Some(earlier) = products.insert(product.id.clone(), product) {
                return Err(CatalogueError::Duplicate(earlier.id));
            }
        }
        Ok(Self { products })
    }

    /// The product with this id.
    pub fn get(&self, id: &ProductId) -> Option<&Product> {
        self.products.get(id)
    }

    /// Every product, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Product> {
        self.products.values()
    }
}

impl Default for Catalogue {
    /// The shipped catalogue: BTC-USD, ETH-USD, SOL-USD.
    fn default() -> Self {
        Self::from_toml(SHIPPED).expect("the shipped catalogue is read by a test")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    product: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    tick: String,
    increment: String,
    notional_min: String,
    notional_max: String,
    quote_decimals: u32,
}

impl Row {
    fn check(&self) -> Result<Product, CatalogueError> {
        let bad_id =
            |_| self.bad("id", &self.id, "BASE-QUOTE in capital letters and digits, such as `BTC-USD`");
        let (base, quote) = self.id.split_once('-').unwrap_or((&self.id, ""));
        let product = Product {
            id: ProductId::new(&self.id).map_err(bad_id)?,
            base: Asset::new(base).map_err(bad_id)?,
            quote: Asset::new(quote).map_err(bad_id)?,
            tick: self.positive("tick", &self.tick)?,
            increment: self.positive("increment", &self.increment)?,
            notional_min: self.positive("notional_min", &self.notional_min)?,
            notional_max: self.positive("notional_max", &self.notional_max)?,
            quote_decimals: self.quote_decimals,
        };
        if product.base == product.quote {
            return Err(self.bad("id", &self.id, "two different assets"));
        }
        if product.notional_max < product.notional_min {
            return Err(self.bad("notional_max", &self.notional_max, "at least notional_min"));
        }
        if product.tick.scale() + product.increment.scale() > money::SCALE_MAX {
            let allowed = "at most 12 digits after the point, those of the tick included";
            return Err(self.bad("increment", &self.increment, allowed));
        }
        if self.quote_decimals > QUOTE_DECIMALS_MAX {
            return Err(self.bad("quote_decimals", &self.quote_decimals.to_string(), "0 to 8"));
        }
        Ok(product)
    }

    fn positive(&self, key: &'static str, text: &str) -> Result<Decimal, CatalogueError> {
        money::parse_decimal(text)
            .ok()
            .filter(|value| value.is_sign_positive() && !value.is_zero())
            .ok_or_else(|| {
                self.bad(key, text, "a positive decimal with at most 12 digits after the point, as text")
            })
    }

    fn bad(&self, key: &'static str, value: &str, allowed: &'static str) -> CatalogueError {
        CatalogueError::Value { product: self.id.clone(), key, value: value.to_owned(), allowed }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    fn bitcoin() -> Product {
        Catalogue::default().get(&ProductId::new("BTC-USD").unwrap()).unwrap().clone()
    }

    fn dec(text: &str) -> Decimal {
        money::parse_decimal(text).unwrap()
    }

    #[test]
    fn the_shipped_catalogue_has_its_three_products() {
        let ids: Vec<_> = Catalogue::default().iter().map(|product| product.id.to_string()).collect();
        assert_eq!(ids, ["BTC-USD", "ETH-USD", "SOL-USD"]);
        assert_eq!((bitcoin().base.as_str(), bitcoin().quote.as_str()), ("BTC", "USD"));
    }

    #[test]
    fn a_product_checks_price_quantity_and_notional() {
        let product = bitcoin();
        assert_eq!(product.floor_quantity(dec("0.123456789")), Ok(dec("0.12345678")));
        assert!(matches!(
            product.floor_quantity(dec("0.000000001")),
            Err(ProductError::QuantityTooSmall { .. })
        ));
        assert!(product.check_price(dec("60000.01")).is_ok());
        assert!(product.check_price(dec("60000.001")).is_err());
        assert_eq!(product.notional(dec("60000"), dec("0.1")), Ok(dec("6000")));
        let error = product.notional(dec("60000"), dec("0.00001")).unwrap_err();
        expect!["notional 0.6 of BTC-USD is outside of 1 to 1000000"].assert_eq(&error.to_string());
    }

    fn check_error(from: &str, to: &str, expected: Expect) {
        let broken = SHIPPED.replacen(from, to, 1);
        assert_ne!(broken, SHIPPED);
        expected.assert_eq(&Catalogue::from_toml(&broken).unwrap_err().to_string());
    }

    #[test]
    fn a_broken_catalogue_names_product_key_and_value() {
        check_error(
            r#"tick = "0.01""#,
            r#"tick = "0""#,
            expect![
                "product `BTC-USD`: tick = `0`: allowed is a positive decimal with at most 12 digits after the point, as text"
            ],
        );
        check_error(
            r#""BTC-USD""#,
            r#""BTCUSD""#,
            expect![
                "product `BTCUSD`: id = `BTCUSD`: allowed is BASE-QUOTE in capital letters and digits, such as `BTC-USD`"
            ],
        );
        check_error(
            r#"notional_max = "1000000""#,
            r#"notional_max = "0.5""#,
            expect!["product `BTC-USD`: notional_max = `0.5`: allowed is at least notional_min"],
        );
        check_error(
            "quote_decimals = 2",
            "quote_decimals = 9",
            expect!["product `BTC-USD`: quote_decimals = `9`: allowed is 0 to 8"],
        );
        check_error("ETH-USD", "BTC-USD", expect!["product `BTC-USD` is there twice"]);
        check_error(
            r#"tick = "0.01""#,
            "tick = 0.01",
            expect![[r#"
                the product catalogue cannot be read: TOML parse error at line 6, column 8
                  |
                6 | tick = 0.01
                  |        ^^^^
                invalid type: floating point `0.01`, expected a string
            "#]],
        );
    }

    #[test]
    fn a_catalogue_has_a_bound() {
        assert_eq!(Catalogue::from_toml(""), Err(CatalogueError::Count(0)));
        let row = |n: usize| SHIPPED.split("\n\n").nth(1).unwrap().replace("BTC", &format!("A{n}")) + "\n";
        let many: String = (0..=PRODUCTS_MAX).map(row).collect();
        assert_eq!(Catalogue::from_toml(&many), Err(CatalogueError::Count(PRODUCTS_MAX + 1)));
    }

    proptest! {
        #[test]
        fn a_notional_is_within_the_limits_or_refused(price in 1i64..100_000_000_000, quantity in 1i64..100_000_000_000) {
            let product = bitcoin();
            let (price, quantity) = (Decimal::new(price, 2), Decimal::new(quantity, 8));
            if let Ok(notional) = product.notional(price, quantity) {
                prop_assert!((product.notional_min..=product.notional_max).contains(&notional));
            }
        }
    }
}
