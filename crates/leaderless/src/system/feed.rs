//! The market: seeded prices on `market.ticks`, published as by a stranger, with no protection of its own.

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::Context as _;
use bus::{Preset, Producer, Settings};
use lab::feed::{Listing, Walk, publish};
use trading::ids::ProductId;
use trading::product::Catalogue;

use super::OwnThread;

/// Prices per second, of all products together: each of three moves about ten times a second.
const PER_SECOND: NonZeroU32 = NonZeroU32::new(30).expect("30 is not zero");
/// How long prices in flight are waited for at the end.
const CLOSE: Duration = Duration::from_millis(500);

/// Starts the feed of these products.
///
/// # Errors
/// A product is not in the catalogue, or the producer does not start.
pub(crate) fn start(
    bootstrap: &str,
    products: &[String],
    partitions: i32,
    seed: u64,
) -> anyhow::Result<OwnThread> {
    let catalogue = Catalogue::default();
    let listing = |name: &String| {
        let product = ProductId::new(name)?;
        let product = catalogue.get(&product).with_context(|| format!("there is no product {name}"))?;
        anyhow::Ok(Listing::of(product))
    };
    let listings: Vec<Listing> = products.iter().map(listing).collect::<Result<_, _>>()?;
    let producer = Producer::new(&Settings::new(bootstrap, "market-feed", Preset::FailFast))?;
    OwnThread::spawn("market-feed", move |stop| async move {
        publish(Walk::new(seed, listings), &producer, partitions, PER_SECOND, stop.cancelled()).await;
        // Prices that are stuck are worth nothing when they come.
        producer.close(CLOSE).await.ok();
        Ok(())
    })
}
