//! Nine brokers, one lost under a frozen controller: what is placed alike fails together, what is spread multiplies it, up
//! to where the whole service leaves Kafka.

use std::collections::BTreeSet;

use contracts::topics;
use leaderless::system::order_paths_touched;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use scenario::{ClusterPlan, Placement};
use serde_json::json;
use story_tests::{PATIENCE, World, degrade, three_brokers};
use tokio::sync::Mutex;

const PARTITIONS: u16 = 9;
const LOST: i32 = 2;
/// What a quote waits for.
const QUOTE_PATH: [&str; 3] = [topics::FEE_REQUESTS, topics::QUOTE_REPLIES, topics::QUOTES];
/// Two clusters of nine at a time would be too much for two cores.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());
/// From so many of nine partitions on none of a service is waited for: its scope `cluster`.
const ESCALATES: usize = 4;
/// Looks whether it stays so.
const LOOKS: u32 = 5;

fn nine_brokers(placement: Placement) -> ClusterPlan {
    ClusterPlan { brokers: 9, partitions: PARTITIONS, placement, ..three_brokers() }
}

/// The partitions on which a quote waits for a replica on the lost broker, as the cluster itself tells.
fn quote_paths_touched(world: &World) -> BTreeSet<u16> {
    let client: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", world.system.lab().bootstrap())
        .create()
        .expect("a client");
    let mut touched = BTreeSet::new();
    for topic in QUOTE_PATH {
        let metadata = client.fetch_metadata(Some(topic), PATIENCE).expect("metadata");
        let partitions = metadata.topics()[0].partitions().iter();
        let on_lost = partitions.filter(|partition| partition.replicas().contains(&LOST));
        touched.extend(on_lost.map(|partition| u16::try_from(partition.id()).expect("a partition")));
    }
    touched
}

/// Loses the broker, waits until so many order paths and these quote paths have flipped, and sees more than once that
/// the others go on over Kafka, or, where so many are lost that nobody waits for the rest, have left with them.
async fn loses_a_broker(world: &World, orders_flipped: usize, quotes_flipped: &BTreeSet<u16>) {
    world.inject(json!({"kind": "freeze_controller"})).await;
    world.inject(json!({"kind": "kill_broker", "broker": LOST})).await;
    for partition in quotes_flipped {
        world.eventually("a degraded quote", async || world.quote(*partition).await.is_degraded()).await;
    }
    let mut look = 0;
    for _ in 0..LOOKS {
        // Not asserted at the first look: on a busy machine a healthy partition may be late for once.
        world
            .eventually("as many order paths are refused as the arithmetic says", async || {
                look += 1;
                refused(world, look).await.len() == orders_flipped
            })
            .await;
        for partition in (0..PARTITIONS).filter(|partition| !quotes_flipped.contains(partition)) {
            world
                .eventually("its quotes go where they should", async || {
                    let quote = world.quote(partition).await;
                    if quotes_flipped.len() < ESCALATES { quote.is_kafka() } else { quote.is_degraded() }
                })
                .await;
        }
    }
}

/// The partitions on which an order is refused at once.
async fn refused(world: &World, look: u32) -> BTreeSet<u16> {
    let orders = (0..PARTITIONS).map(async |partition| {
        let order = world.order(partition, &format!("look-{look}-{partition}")).await;
        order.is_fast_rejection().then_some(partition)
    });
    futures::future::join_all(orders).await.into_iter().flatten().collect()
}

async fn heals(world: World) {
    world.inject(json!({"kind": "thaw_controller"})).await;
    world.inject(json!({"kind": "start_broker", "broker": LOST})).await;
    world.is_healthy("after").await;
    world.stop().await;
}

#[tokio::test]
async fn aligned_topics_lose_a_third_of_the_partitions_with_one_of_nine_brokers() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let plan = nine_brokers(Placement::Aligned);
    let world = World::start_on(&plan, degrade()).await;
    let quotes = quote_paths_touched(&world);
    assert_eq!((quotes.len(), order_paths_touched(&plan, Placement::Aligned, LOST)), (3, 3));
    loses_a_broker(&world, 3, &quotes).await;
    heals(world).await;
}

#[tokio::test]
async fn spread_topics_lose_every_order_path_with_one_of_nine_brokers() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let plan = nine_brokers(Placement::Spread);
    let world = World::start_on(&plan, degrade()).await;
    let quotes = quote_paths_touched(&world);
    assert!(quotes.len() > 3, "spread multiplies the damage to quotes too: {quotes:?}");
    let orders = order_paths_touched(&plan, Placement::Spread, LOST);
    assert_eq!(orders, 9);
    // From four stuck paths on, and 30 % of them, a service takes the cluster for stuck: all its quotes leave Kafka.
    let escalated = (0..PARTITIONS).collect();
    loses_a_broker(&world, orders, &escalated).await;
    heals(world).await;
}
