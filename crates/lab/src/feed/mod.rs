//! A market to quote from: seeded mid prices.

mod walk;

pub use walk::{Listing, Price, Walk};
