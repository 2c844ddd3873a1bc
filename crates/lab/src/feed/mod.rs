//! A market to quote from: seeded mid prices, and the task that publishes them on `market.ticks`.

mod publish;
mod walk;

pub use publish::{PER_SECOND_MAX, Published, publish};
pub use walk::{Listing, Price, Walk};
