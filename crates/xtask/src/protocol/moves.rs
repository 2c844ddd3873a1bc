//! What an administrator may ask of the controller while all is well: elections, and other replicas.

use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::MetadataResponsePartition;
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, BrokerId, ElectLeadersRequest, ListPartitionReassignmentsRequest,
    MetadataRequest,
};
use lab::wire::{Batch, Connection, Entry};
use tokio::time::{Duration, Instant, sleep};

use super::calls::{Read, fetch, produce};
use super::ground::{Ground, PATIENCE, THREE, topic_name};
use super::sheet::{Noted, Sheet};
use super::words;

/// How long brokers may take to say what the controller has decided.
const KNOWN_WITHIN: Duration = Duration::from_secs(10);

const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;

/// A topic with three partitions, asked about at broker 1.
struct Asked<'a> {
    on: &'a Ground,
    topic: &'a str,
    at: Connection,
    sheet: Sheet,
}

pub(super) async fn run(on: &Ground) -> anyhow::Result<Vec<Noted>> {
    let topic = on.topic("moves", THREE, &[]).await?;
    let at = on.connect(1).await?;
    let mut asked = Asked { on, topic: &topic.name, at, sheet: Sheet::default() };
    asked.elections().await;
    asked.refused_moves().await;
    asked.another_order().await?;
    asked.away_from_the_leader().await?;
    asked.fewer_and_more().await?;
    Ok(asked.sheet.done())
}

impl Asked<'_> {
    async fn elections(&mut self) {
        let topic = self.topic;
        for (cell, kind, topic, partitions) in [
            ("preferred, where the preferred leads", PREFERRED, topic, &[0][..]),
            ("unclean, where somebody leads", UNCLEAN, topic, &[0]),
            ("of two partitions, one of them unknown", PREFERRED, topic, &[1, 99]),
            ("of partition -1", UNCLEAN, topic, &[-1]),
            ("of an unknown topic", PREFERRED, "no-such-topic", &[0]),
            ("of no partition", PREFERRED, topic, &[]),
            ("of kind 7", 7, topic, &[0]),
        ] {
            let class = elect(&mut self.at, 2, kind, Some((topic, partitions))).await;
            self.sheet.note(format!("elect {cell}"), class);
        }
        for version in [0, 1] {
            let class = elect(&mut self.at, version, PREFERRED, Some((topic, &[0]))).await;
            self.sheet.note(format!("elect preferred, asked in version {version}"), class);
        }
        for (cell, kind) in [("preferred", PREFERRED), ("unclean", UNCLEAN)] {
            let class = elect(&mut self.at, 2, kind, None).await;
            self.sheet.note(format!("elect {cell}, everywhere"), class);
        }
    }

    async fn refused_moves(&mut self) {
        let topic = self.topic;
        for (cell, topic, partition, to) in [
            ("an unknown topic", "no-such-topic", 0, Some(&[1, 2, 3][..])),
            ("an unknown partition", topic, 99, Some(&[1, 2, 3])),
            ("to nobody", topic, 0, Some(&[])),
            ("to the same broker twice", topic, 0, Some(&[1, 1, 2])),
            ("to an unknown broker", topic, 0, Some(&[1, 2, 9])),
            ("where it is", topic, 0, Some(&[1, 2, 3])),
            ("nowhere, although it does not move", topic, 0, None),
        ] {
            let class = change(&mut self.at, (topic, partition), to, true).await;
            self.sheet.note(format!("move {cell}"), class);
        }
        let class = change(&mut self.at, (topic, 0), Some(&[1, 2]), false).await;
        self.sheet.note("move to fewer brokers, where that is not allowed", class);
        let class = change(&mut self.at, (topic, 99), Some(&[1, 9]), false).await;
        self.sheet.note("move an unknown partition to an unknown broker", class);
        let class = self.under_way().await;
        self.sheet.note("moves under way, when nothing moves", class);
    }

    /// Another replica is preferred, and then elected.
    async fn another_order(&mut self) -> anyhow::Result<()> {
        let class = change(&mut self.at, (self.topic, 0), Some(&[2, 1, 3]), false).await;
        self.sheet.note("move to another order", class);
        self.known("partition 0 in another order", 0, |now| now.replica_nodes[0] == BrokerId(2)).await?;
        let class = elect(&mut self.at, 2, UNCLEAN, Some((self.topic, &[0]))).await;
        self.sheet.note("elect unclean, where not the preferred leads", class);
        let class = elect(&mut self.at, 2, PREFERRED, Some((self.topic, &[0]))).await;
        self.sheet.note("elect preferred, where another leads", class);
        self.known("partition 0 after its election", 0, |now| now.leader_id == BrokerId(2)).await?;
        let class = elect(&mut self.at, 2, PREFERRED, Some((self.topic, &[0]))).await;
        self.sheet.note("elect preferred, again", class);
        Ok(())
    }

    /// The leader is not among the replicas any more; what was written is.
    async fn away_from_the_leader(&mut self) -> anyhow::Result<()> {
        let mut leader = self.on.connect(2).await?;
        let batch = Batch::of([Entry::value("kept")]).encode()?;
        let said = produce(&mut leader, self.topic, 1, -1, batch.clone()).await?;
        anyhow::ensure!(said.error_code == 0, "nothing to keep");
        let class = change(&mut self.at, (self.topic, 1), Some(&[1, 3]), true).await;
        self.sheet.note("move away from the leader", class);
        self.known("partition 1 after its move", 1, |now| now.replica_nodes.len() == 2).await?;
        let class = self.under_way().await;
        self.sheet.note("moves under way, after one", class);
        // The new leader may hear of the high watermark a moment later.
        let read = Read { max_wait: KNOWN_WITHIN, ..Read::from(self.topic, 1, 0) };
        let read = fetch(&mut self.at, &read).await?;
        let class = format!("{}, high watermark {}", words::error(read.error_code), read.high_watermark);
        self.sheet.note("fetch from the new leader", class);
        let said = produce(&mut leader, self.topic, 1, -1, batch).await;
        self.sheet.note("produce to the old leader", words::outcome(said.map(|part| part.error_code)));
        Ok(())
    }

    /// One replica, and three again.
    async fn fewer_and_more(&mut self) -> anyhow::Result<()> {
        let class = change(&mut self.at, (self.topic, 2), Some(&[3]), true).await;
        self.sheet.note("move to the leader alone", class);
        self.known("partition 2 alone", 2, |now| now.replica_nodes.len() == 1).await?;
        let batch = Batch::of([Entry::value("alone")]).encode()?;
        let said = produce(&mut self.on.connect(3).await?, self.topic, 2, -1, batch).await;
        self.sheet.note(
            "produce with acks -1 to a single replica, min ISR 2",
            words::outcome(said.map(|part| part.error_code)),
        );
        let class = change(&mut self.at, (self.topic, 2), Some(&[1, 2, 3]), true).await;
        self.sheet.note("move to three again, the leader last", class);
        self.known("partition 2 with three again", 2, |now| now.isr_nodes.len() == 3).await
    }

    /// Notes what broker 1 says of a partition as soon as `there` holds, or after a while all the same.
    async fn known(
        &mut self,
        cell: &str,
        partition: i32,
        there: fn(&MetadataResponsePartition) -> bool,
    ) -> anyhow::Result<()> {
        let until = Instant::now() + KNOWN_WITHIN;
        let topic = MetadataRequestTopic::default().with_name(Some(topic_name(self.topic)));
        let request = MetadataRequest::default().with_topics(Some(vec![topic]));
        loop {
            let said = self.at.ask(12, &request, PATIENCE).await?;
            let mut parts = said.topics.iter().flat_map(|topic| &topic.partitions);
            let Some(now) = parts.find(|one| one.partition_index == partition) else {
                anyhow::bail!("broker 1 does not speak of partition {partition}");
            };
            if there(now) || Instant::now() > until {
                self.sheet.note(cell, state(now));
                return Ok(());
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn under_way(&mut self) -> String {
        let request = ListPartitionReassignmentsRequest::default().with_timeout_ms(10_000).with_topics(None);
        match self.at.ask(0, &request, PATIENCE).await {
            Ok(answer) if answer.topics.is_empty() => format!("{}, none", words::error(answer.error_code)),
            Ok(answer) => format!("{}, {} topics", words::error(answer.error_code), answer.topics.len()),
            Err(failure) => words::unanswered(&failure),
        }
    }
}

/// Leader and epoch, replicas in their order, and how many of them are in sync.
fn state(now: &MetadataResponsePartition) -> String {
    let replicas: Vec<_> = now.replica_nodes.iter().map(|id| id.0.to_string()).collect();
    let (leader, epoch, in_sync) = (now.leader_id.0, now.leader_epoch, now.isr_nodes.len());
    format!("leader {leader}, epoch {epoch}, replicas {}, {in_sync} in sync", replicas.join(" "))
}

/// The error of the whole answer if there is one, and those of its partitions; `None` asks for an election everywhere,
/// of which only the number of partitions that were told is noted.
async fn elect(at: &mut Connection, version: i16, kind: i8, of: Option<(&str, &[i32])>) -> String {
    let topics = of.map(|(topic, partitions)| {
        vec![TopicPartitions::default().with_topic(topic_name(topic)).with_partitions(partitions.to_vec())]
    });
    let request = ElectLeadersRequest::default()
        .with_election_type(kind)
        .with_topic_partitions(topics)
        .with_timeout_ms(10_000);
    match at.ask(version, &request, PATIENCE).await {
        Ok(answer) => {
            let results = answer.replica_election_results.iter().flat_map(|topic| &topic.partition_result);
            let each: Vec<_> = results.map(|result| words::error(result.error_code)).collect();
            let whole = words::error(answer.error_code);
            match (of, each.as_slice()) {
                (_, []) => format!("{whole}, no partition told"),
                (None, each) => format!("{whole}, {} partitions told", each.len()),
                (Some(_), each) => format!("{whole}: {}", each.join(", ")),
            }
        }
        Err(failure) => words::unanswered(&failure),
    }
}

/// The error of a move, and that of the whole answer if there is one.
async fn change(
    at: &mut Connection,
    (topic, partition): (&str, i32),
    to: Option<&[i32]>,
    factor_may_change: bool,
) -> String {
    let replicas = to.map(|to| to.iter().copied().map(BrokerId).collect());
    let part = ReassignablePartition::default().with_partition_index(partition).with_replicas(replicas);
    let topic = ReassignableTopic::default().with_name(topic_name(topic)).with_partitions(vec![part]);
    let request = AlterPartitionReassignmentsRequest::default()
        .with_timeout_ms(10_000)
        .with_allow_replication_factor_change(factor_may_change)
        .with_topics(vec![topic]);
    match at.ask(1, &request, PATIENCE).await {
        Ok(answer) if answer.error_code != 0 => words::error(answer.error_code),
        Ok(answer) => {
            let part = answer.responses.iter().flat_map(|topic| &topic.partitions).next();
            part.map_or_else(|| "no partition told".to_owned(), |part| words::error(part.error_code))
        }
        Err(failure) => words::unanswered(&failure),
    }
}
