//! The market feed over librdkafka, as the quote service will read it.

use std::num::NonZeroU32;
use std::time::Duration;

use bus::{Preset, Producer, Reader, Settings, StartAt, TopicPartition};
use contracts::{Event, topics};
use lab::Lab as _;
use lab::feed::{Listing, Walk, publish};
use trading::product::Catalogue;

use crate::{soon, started};

#[tokio::test]
async fn prices_arrive_in_the_order_of_the_walk() {
    let lab = started(cluster::Spec::new(), &[(topics::MARKET_TICKS, 1)]).await;
    let settings = Settings::new(lab.bootstrap(), "feed-test", Preset::FailFast);
    let walk = Walk::new(7, Catalogue::default().iter().map(Listing::of));
    let expected: Vec<_> = walk.clone().take(30).collect();

    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let producer = Producer::new(&settings).expect("a producer");
    let feed = {
        let producer = producer.clone();
        let rate = NonZeroU32::new(500).expect("a rate");
        tokio::spawn(async move { publish(walk, &producer, 1, rate, async { drop(stopped.await) }).await })
    };

    let partition = TopicPartition { topic: topics::MARKET_TICKS.to_owned(), partition: 0 };
    let patience = Duration::from_secs(10);
    let reader =
        Reader::assigned(&settings, &[partition], StartAt::Beginning, patience).await.expect("a reader");
    for price in expected {
        let record = soon("a price", reader.recv()).await.expect("a record");
        let headers = record.headers.iter().map(|(name, value)| (name.as_ref(), value.as_ref()));
        let (_, event) = contracts::decode(&record.topic, headers, &record.payload).expect("a tick");
        let Event::Tick(tick) = event else { panic!("not a tick") };
        assert_eq!((tick.product, tick.mid, tick.sequence), (price.product, price.mid, price.sequence));
    }
    stop.send(()).expect("the feed runs");
    let published = feed.await.expect("no panic");
    assert!(published.sent >= 30);
    assert_eq!(published.refused, 0);
    reader.close(patience).await.expect("closed");
    producer.close(patience).await.expect("closed");
}
