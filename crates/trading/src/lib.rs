//! Money, products, fees, quotes, orders and the ledger: the pure rules of the trading path.
//!
//! # Layout
//! - [`money`]: exact decimals, one rounding function per purpose.
//! - [`time`], [`ids`], [`mode`]: the words that every other module uses.
//! - [`product`]: tick, increment and notional limits; the shipped catalogue.
//! - [`fee`], [`volume`]: fee schedules, tiers, and the trailing volume that picks the tier.
//! - [`pricing`], [`quote`], [`signature`]: prices with a spread, a life and a signature.
//! - [`order`], [`trade`]: order states, and an execution with its terms.
//! - [`ledger`], [`audit`]: double entry, and the auditor that looks for what must never happen.
//!
//! # Invariants
//! There is no clock, no I/O, no randomness and no float here: time comes in as a [`time::Timestamp`], and the same inputs
//! give the same answers in a service, in a test and on a virtual clock. Whatever grows has a bound, named in its module.
#![warn(missing_docs)]

pub mod audit;
pub mod fee;
pub mod ids;
pub mod ledger;
pub mod mode;
pub mod money;
pub mod order;
pub mod pricing;
pub mod product;
pub mod quote;
pub mod signature;
pub mod time;
pub mod trade;
pub mod volume;

pub use rust_decimal::Decimal;
