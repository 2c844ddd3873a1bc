//! `leaderless feed`: a seeded market for services that run on their own, on any cluster.

use std::time::Duration;

use anyhow::Context as _;
use bus::{Admin, NewTopic, Placement, Preset, Settings};
use contracts::topics::{self, MARKET_TICKS};

use crate::cli::FeedArgs;
use crate::output;
use crate::system::feed;

/// How long the cluster may take to answer.
const ASK: Duration = Duration::from_secs(10);
/// How long the feed may take to end.
const STOP: Duration = Duration::from_secs(2);
/// Between two looks whether the feed still runs.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Publishes until Ctrl-C.
pub(super) async fn run(args: FeedArgs) -> anyhow::Result<()> {
    let admin = Admin::new(&Settings::new(args.bootstrap.as_str(), "market-feed-admin", Preset::FailFast))?;
    if let Some((partitions, replicas)) = args.create_topics {
        create(&admin, partitions, replicas).await?;
    }
    let partitions = admin.partition_count(MARKET_TICKS, ASK).await?;
    let partitions =
        partitions.with_context(|| format!("there is no topic {MARKET_TICKS}; --create-topics makes it"))?;
    let feed = feed::start(&args.bootstrap, &args.products, i32::try_from(partitions)?, args.seed)?;
    output::say(&format!("publishing {} on {MARKET_TICKS} until Ctrl-C", args.products.join(", ")));
    tokio::select! {
        () = service_kit::process::wait_for_signal() => {}
        () = async { while !feed.has_ended() { tokio::time::sleep(LOOK_EVERY).await } } => {}
    }
    feed.stop();
    feed.join(STOP).await
}

async fn create(admin: &Admin, partitions: u16, replicas: u16) -> anyhow::Result<()> {
    let placement =
        || Placement::Spread { partitions: i32::from(partitions), replication: i32::from(replicas) };
    let all: Vec<_> = topics::ALL.iter().map(|topic| NewTopic::new(topic.name, placement())).collect();
    admin.create_topics(&all, ASK).await.context("the topics cannot be created")?;
    let wanted: Vec<_> = topics::ALL.iter().map(|topic| (topic.name, usize::from(partitions))).collect();
    admin.wait_for(&wanted, ASK).await.context("the topics have no leaders")
}
