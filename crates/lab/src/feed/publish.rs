//! Publishes prices at a steady rate. A market does not wait for anybody: a price that the producer does not take is
//! counted and gone, and a feed that was late goes on with the present instead of catching up.

use std::borrow::Cow;
use std::num::NonZeroU32;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bus::{Producer, Record};
use contracts::event::Tick;
use contracts::event_id::fresh_event_id;
use contracts::partitioner::partition_of;
use contracts::{Event, Provenance};
use tokio::time::MissedTickBehavior;
use trading::ids::ServiceId;
use trading::mode::Mode;
use trading::time::Timestamp;

use super::{Price, Walk};

/// The highest rate: timers tick in milliseconds.
pub const PER_SECOND_MAX: u32 = 1_000;

/// As whom the feed signs its records.
const SERVICE: &str = "market-feed";

/// What became of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Published {
    /// Prices that the producer took; it delivers them or gives them up on its own.
    pub sent: u64,
    /// Prices that it did not take, because its queue was full.
    pub refused: u64,
}

/// Publishes one price of `walk` after the other, keyed by product over `partitions` partitions, until `shutdown` is
/// ready or the walk ends. A rate above [`PER_SECOND_MAX`] is cut to it. The producer stays the caller's to close.
///
/// # Panics
/// `partitions` is zero or negative.
pub async fn publish(
    mut walk: Walk,
    producer: &Producer,
    partitions: i32,
    per_second: NonZeroU32,
    shutdown: impl Future<Output = ()>,
) -> Published {
    let mut shutdown = std::pin::pin!(shutdown);
    let mut pace = tokio::time::interval(Duration::from_secs(1) / per_second.get().min(PER_SECOND_MAX));
    pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut published = Published::default();
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => return published,
            _ = pace.tick() => {}
        }
        let Some(price) = walk.next() else { return published };
        match producer.send(&record(price, partitions), ()) {
            Ok(delivery) => {
                // The next price comes soon; nobody waits for the fate of this one.
                drop(delivery);
                published.sent += 1;
            }
            Err(error) => {
                if published.refused == 0 {
                    tracing::warn!(%error, "the market feed loses prices; the first one is logged");
                }
                published.refused += 1;
            }
        }
    }
}

fn record(price: Price, partitions: i32) -> Record {
    let at = now();
    let service = ServiceId::new(SERVICE).expect("the feed's own name is a legal id");
    let provenance = Provenance::root(service, fresh_event_id(), at, Mode::Normal);
    let tick = Event::Tick(Tick { product: price.product, mid: price.mid, sequence: price.sequence, at });
    let encoded = contracts::encode(tick, &provenance).expect("a tick asks nothing and has no id of its own");
    Record {
        topic: Cow::Borrowed(encoded.topic),
        partition: partition_of(&encoded.key, partitions),
        key: encoded.key,
        headers: encoded.headers.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect(),
        payload: encoded.payload,
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
