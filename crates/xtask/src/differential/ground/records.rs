//! Records: produced, fetched, looked up, deleted.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::{
    DeleteRecordsRequest, FetchRequest, InitProducerIdRequest, ListOffsetsRequest,
    OffsetForLeaderEpochRequest, ProduceRequest, ProduceResponse,
};
use kafka_protocol::records::Compression;
use lab::wire::{self, Batch, Connection, Entry};

use super::super::normal::{self, Names};
use super::super::plan::{
    At, Codec, Content, Epoch, Fetch, Idempotent, Part, Place, Produce, Producer, Sequence, To,
};
use super::Case;
use super::ask::epoch;

/// How long a broker may wait for the in-sync replicas.
const TIMEOUT_MS: i32 = 1_500;

/// How long a fetch may wait for a first byte.
const FETCH_WAIT_MS: i32 = 200;

/// Twice the wait of a follower's fetch, and some more.
const FOLLOWING: Duration = Duration::from_millis(1_500);

/// More than a topic takes by default, in bytes.
const TOO_LARGE: usize = 1_100_000;

/// An id that no producer was given.
const NO_PRODUCER: (i64, i16) = (424_242, 0);

impl Case<'_> {
    pub(super) async fn produce(&mut self, asked: &Produce) -> String {
        let (records, sequence) = self.batches(asked);
        let (broker, _) = self.target(asked.part, asked.to).await;
        let mut topic = kafka_protocol::messages::produce_request::TopicProduceData::default();
        topic = if asked.by_id {
            topic.with_topic_id(self.topic_id(asked.part.topic))
        } else {
            topic.with_name(self.topic_name(asked.part.topic).into())
        };
        let data = kafka_protocol::messages::produce_request::PartitionProduceData::default()
            .with_index(asked.part.index)
            .with_records(Some(records));
        let request = ProduceRequest::default()
            .with_acks(asked.acks)
            .with_timeout_ms(TIMEOUT_MS)
            .with_topic_data(vec![topic.with_partition_data(vec![data])]);
        let version = if asked.by_id { 13 } else { 9 };
        let (text, taken) = if asked.acks == 0 {
            self.told(broker, version, &request, asked.part).await
        } else {
            self.acknowledged(broker, version, &request).await
        };
        if let (true, Some(by)) = (taken, asked.by) {
            self.sequences.insert((by.producer, asked.part), sequence);
        }
        if taken {
            self.replicated(broker, asked.part).await;
        }
        text
    }

    /// Produces without an acknowledgement. A request that is asked behind it on the same connection is answered when
    /// it has been carried out, and is not when the broker closed the connection over it.
    async fn told(&self, broker: i32, version: i16, request: &ProduceRequest, part: Part) -> (String, bool) {
        let Ok(mut connection) = Connection::open(self.address(broker)).await else {
            return ("gone".to_owned(), false);
        };
        let patience = self.patience(broker);
        if let Err(none) = connection.tell(version, request, patience).await {
            return (normal::no_answer(&none).to_owned(), false);
        }
        match connection.ask(7, &self.look_up(part, -1, -1), patience).await {
            Ok(_) => ("no acknowledgement asked".to_owned(), true),
            Err(none) => (normal::no_answer(&none).to_owned(), false),
        }
    }

    async fn acknowledged(&self, broker: i32, version: i16, request: &ProduceRequest) -> (String, bool) {
        match self.ask(broker, version, request).await {
            Err(none) => (none.to_owned(), false),
            Ok(told) => self.acknowledgement(&told),
        }
    }

    fn acknowledgement(&self, told: &ProduceResponse) -> (String, bool) {
        let parts = told.responses.iter().flat_map(|topic| &topic.partition_responses);
        let Some(part) = parts.into_iter().next() else { return ("nothing told".to_owned(), false) };
        let bad: Vec<i32> = part.record_errors.iter().map(|bad| bad.batch_index).collect();
        let text = format!(
            "{} base {} appended {} from {} bad {bad:?}",
            normal::error(part.error_code),
            part.base_offset,
            self.names.time(part.log_append_time_ms),
            part.log_start_offset,
        );
        (text, part.error_code == 0)
    }

    /// The batches of a produce request, and the first sequence and the count of the last one.
    fn batches(&mut self, asked: &Produce) -> (Bytes, (i32, i32)) {
        let mut bytes = Vec::new();
        let mut count = i32::from(asked.records);
        let mut sequence = 0;
        if let Some(by) = asked.by {
            let (last, last_count) =
                self.sequences.get(&(by.producer, asked.part)).copied().unwrap_or((0, 0));
            sequence = match by.sequence {
                Sequence::Next => last + last_count,
                Sequence::Again => last,
                Sequence::Gap => last + last_count + 1,
                Sequence::Zero => 0,
            };
            if by.sequence == Sequence::Again && last_count > 0 {
                count = last_count;
            }
        }
        for at in 0..i32::from(asked.batches) {
            let entries: Vec<Entry> = (0..count).map(|_| self.entry(asked.content)).collect();
            let mut batch = Batch::of(entries).compressed(compression(asked.codec));
            if let Some(by) = asked.by {
                batch = batch.by(self.producer(by, sequence + at * count));
            }
            let encoded = batch.encode().expect("every codec is built in");
            let corrupt = asked.content == Content::Corrupt;
            bytes.extend_from_slice(&if corrupt { wire::corrupt(&encoded) } else { encoded });
        }
        (bytes.into(), (sequence + (i32::from(asked.batches) - 1) * count, count))
    }

    fn producer(&self, by: Idempotent, sequence: i32) -> wire::Producer {
        let (id, right) = self.producers.get(&by.producer).copied().unwrap_or(NO_PRODUCER);
        let epoch = match by.epoch {
            Epoch::Unsaid | Epoch::Right => right,
            // There is none below 0.
            Epoch::Old => (right - 1).max(0),
            Epoch::Future => right + 1,
        };
        wire::Producer { id, epoch, sequence }
    }

    fn entry(&mut self, content: Content) -> Entry {
        self.seconds += 1;
        let at = self.seconds;
        let (key, value) = (Bytes::from(format!("k{at}")), Bytes::from(format!("v{at}")));
        let entry = Entry { key: Some(key), value: Some(value), headers: Vec::new(), timestamp: None };
        let entry = match content {
            Content::Keyed | Content::Corrupt => entry,
            Content::NullKey => Entry { key: None, ..entry },
            Content::NullValue => Entry { value: None, ..entry },
            Content::Empty => Entry { key: Some(Bytes::new()), value: Some(Bytes::new()), ..entry },
            Content::TooLarge => Entry { value: Some(Bytes::from(vec![b'x'; TOO_LARGE])), ..entry },
            Content::Headers => {
                let headers = vec![("h".to_owned(), Some(Bytes::from("1"))), ("none".to_owned(), None)];
                Entry { headers, ..entry }
            }
        };
        Entry { timestamp: Some(self.origin_ms + at * 1_000), ..entry }
    }

    /// Waits until the high watermark has reached the end of the log, or does not move because something is broken.
    async fn replicated(&self, broker: i32, part: Part) {
        let stuck = self.broken.controller && self.broken.broker.is_some();
        let patience = Duration::from_millis(if stuck { 300 } else { 5_000 });
        let reached = async {
            loop {
                let (_, epoch) = self.target(part, To::Leader).await;
                let end = self.log_end(broker, part, epoch).await;
                if end.is_none() || end == self.place(broker, part, Place::End).await {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        // What it looks like when it is not reached is the next steps' matter.
        drop(tokio::time::timeout(patience, reached).await);
    }

    /// Waits until a follower knows how far the leader is: it is told with its next fetch, half a second later.
    async fn followed(&self, follower: i32, part: Part) {
        let (leader, _) = self.target(part, To::Leader).await;
        let Some(committed) = self.offset(leader, part, -1).await else { return };
        let asked = Fetch {
            part,
            from: Place::At(committed),
            bytes_max: 1,
            epoch: Epoch::Unsaid,
            to: To::Other,
            by_id: false,
        };
        let known = async {
            loop {
                let told = self.ask(follower, 12, &self.fetching(&asked, committed, -1)).await.ok();
                let told = told.and_then(|told| told.responses.into_iter().flat_map(|t| t.partitions).next());
                // One that does not serve the partition will not learn of it either.
                if told.is_none_or(|part| part.high_watermark < 0 || part.high_watermark >= committed) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        drop(tokio::time::timeout(FOLLOWING, known).await);
    }

    /// A fetch request from this offset, with this epoch as the right one.
    fn fetching(&self, asked: &Fetch, offset: i64, right: i32) -> FetchRequest {
        use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
        let part = FetchPartition::default()
            .with_partition(asked.part.index)
            .with_current_leader_epoch(epoch(right, asked.epoch))
            .with_fetch_offset(offset)
            .with_partition_max_bytes(asked.bytes_max);
        let mut topic = FetchTopic::default().with_partitions(vec![part]);
        topic = if asked.by_id {
            topic.with_topic_id(self.topic_id(asked.part.topic))
        } else {
            topic.with_topic(self.topic_name(asked.part.topic).into())
        };
        FetchRequest::default()
            .with_replica_id((-1).into())
            .with_max_wait_ms(FETCH_WAIT_MS)
            .with_min_bytes(1)
            .with_max_bytes(asked.bytes_max)
            .with_session_epoch(-1)
            .with_topics(vec![topic])
    }

    pub(super) async fn fetch(&mut self, asked: &Fetch) -> String {
        let (broker, right) = self.target(asked.part, asked.to).await;
        if asked.to == To::Other {
            self.followed(broker, asked.part).await;
        }
        let offset = self.place(broker, asked.part, asked.from).await.unwrap_or(0);
        let request = self.fetching(asked, offset, right);
        let told = match self.ask(broker, if asked.by_id { 13 } else { 12 }, &request).await {
            Ok(told) => told,
            Err(none) => return none.to_owned(),
        };
        if told.error_code != 0 {
            return normal::error(told.error_code);
        }
        let Some(part) = told.responses.into_iter().flat_map(|topic| topic.partitions).next() else {
            return "nothing told".to_owned();
        };
        let batches = self.names.batches(&part.records.unwrap_or_default());
        format!(
            "{} at {offset}: {} to {} stable {}{batches}",
            normal::error(part.error_code),
            part.log_start_offset,
            part.high_watermark,
            part.last_stable_offset,
        )
    }

    /// A place as an offset; `None` where the broker does not say.
    async fn place(&self, broker: i32, part: Part, place: Place) -> Option<i64> {
        let earliest = async || self.offset(broker, part, -2).await;
        let latest = async || self.offset(broker, part, -1).await;
        match place {
            Place::At(offset) => Some(offset),
            Place::Begin => earliest().await,
            Place::End => latest().await,
            Place::Beyond => Some(latest().await? + 5),
            Place::Middle => Some((earliest().await? + latest().await?) / 2),
        }
    }

    async fn offset(&self, broker: i32, part: Part, at: i64) -> Option<i64> {
        let told = self.ask(broker, 7, &self.look_up(part, at, -1)).await.ok()?;
        let told = told.topics.first()?.partitions.first()?;
        (told.error_code == 0).then_some(told.offset)
    }

    fn look_up(&self, part: Part, at: i64, epoch: i32) -> ListOffsetsRequest {
        use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
        let partition = ListOffsetsPartition::default()
            .with_partition_index(part.index)
            .with_current_leader_epoch(epoch)
            .with_timestamp(at);
        let topic = ListOffsetsTopic::default()
            .with_name(self.topic_name(part.topic).into())
            .with_partitions(vec![partition]);
        ListOffsetsRequest::default().with_replica_id((-1).into()).with_topics(vec![topic])
    }

    pub(super) async fn list_offsets(&mut self, part: Part, at: At, said: Epoch, to: To) -> String {
        let (broker, right) = self.target(part, to).await;
        let by_time = matches!(at, At::Second(_));
        let at = match at {
            At::Latest => -1,
            At::Earliest => -2,
            At::MaxTimestamp => -3,
            At::Unheard => -99,
            At::Second(second) => self.origin_ms + second * 1_000,
        };
        let told = match self.ask(broker, 7, &self.look_up(part, at, epoch(right, said))).await {
            Ok(told) => told,
            Err(none) => return none.to_owned(),
        };
        let Some(told) = told.topics.first().and_then(|topic| topic.partitions.first()) else {
            return "nothing told".to_owned();
        };
        let (error, epoch) = (normal::error(told.error_code), self.names.epoch(told.leader_epoch));
        if by_time && told.offset >= 0 {
            // The embedded cluster does not look into batches: which batch it is must be right, not which record.
            let base = self.batch_at(broker, part, told.offset).await;
            return format!("{error} in the batch at {base:?} epoch {epoch}");
        }
        let time = self.names.time(told.timestamp);
        format!("{error} offset {} time {time} epoch {epoch}", told.offset)
    }

    /// The base offset of the batch that holds an offset.
    async fn batch_at(&self, broker: i32, part: Part, offset: i64) -> Option<i64> {
        let asked = Fetch {
            part,
            from: Place::At(offset),
            bytes_max: 1,
            epoch: Epoch::Unsaid,
            to: To::Leader,
            by_id: false,
        };
        let told = self.ask(broker, 12, &self.fetching(&asked, offset, 0)).await.ok()?;
        let part = told.responses.into_iter().flat_map(|topic| topic.partitions).next()?;
        Names::first_batch(&part.records?)
    }

    pub(super) async fn delete_records(&mut self, part: Part, before: Place) -> String {
        use kafka_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
        let (broker, _) = self.target(part, To::Leader).await;
        // "The end" is a word of its own here.
        let offset = match before {
            Place::End => -1,
            place => self.place(broker, part, place).await.unwrap_or(0),
        };
        let partition =
            DeleteRecordsPartition::default().with_partition_index(part.index).with_offset(offset);
        let topic = DeleteRecordsTopic::default()
            .with_name(self.topic_name(part.topic).into())
            .with_partitions(vec![partition]);
        let request = DeleteRecordsRequest::default().with_topics(vec![topic]).with_timeout_ms(TIMEOUT_MS);
        match self.ask(broker, 2, &request).await {
            Err(none) => none.to_owned(),
            Ok(told) => told.topics.first().and_then(|topic| topic.partitions.first()).map_or_else(
                || "nothing told".to_owned(),
                |told| format!("{} low {}", normal::error(told.error_code), told.low_watermark),
            ),
        }
    }

    pub(super) async fn epoch_end(&mut self, part: Part, current: Epoch, asked: Epoch) -> String {
        use kafka_protocol::messages::offset_for_leader_epoch_request as wire;
        let (broker, right) = self.target(part, To::Leader).await;
        let partition = wire::OffsetForLeaderPartition::default()
            .with_partition(part.index)
            .with_current_leader_epoch(epoch(right, current))
            .with_leader_epoch(epoch(right, asked));
        let topic = wire::OffsetForLeaderTopic::default()
            .with_topic(self.topic_name(part.topic).into())
            .with_partitions(vec![partition]);
        let request =
            OffsetForLeaderEpochRequest::default().with_replica_id((-1).into()).with_topics(vec![topic]);
        let told = match self.ask(broker, 4, &request).await {
            Ok(told) => told,
            Err(none) => return none.to_owned(),
        };
        let Some(told) = told.topics.first().and_then(|topic| topic.partitions.first()) else {
            return "nothing told".to_owned();
        };
        let epoch = self.names.epoch(told.leader_epoch);
        format!("{} epoch {epoch} ends {}", normal::error(told.error_code), told.end_offset)
    }

    pub(super) async fn init_producer(&mut self, producer: Producer, bump: bool) -> String {
        let (id, epoch) =
            if bump { self.producers.get(&producer).copied().unwrap_or(NO_PRODUCER) } else { (-1, -1) };
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_transaction_timeout_ms(60_000)
            .with_producer_id(id.into())
            .with_producer_epoch(epoch);
        let told = match self.ask(self.any(), 4, &request).await {
            Ok(told) => told,
            Err(none) => return none.to_owned(),
        };
        if told.error_code == 0 {
            self.producers.insert(producer, (told.producer_id.0, told.producer_epoch));
            // With another id or epoch, sequences begin again.
            self.sequences.retain(|(whose, _), _| *whose != producer);
        }
        let id = self.names.producer(told.producer_id.0);
        format!("{} producer {id} epoch {}", normal::error(told.error_code), told.producer_epoch)
    }
}

fn compression(codec: Codec) -> Compression {
    match codec {
        Codec::None => Compression::None,
        Codec::Gzip => Compression::Gzip,
        Codec::Snappy => Compression::Snappy,
        Codec::Lz4 => Compression::Lz4,
        Codec::Zstd => Compression::Zstd,
    }
}
