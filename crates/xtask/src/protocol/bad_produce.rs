//! What a broker says to produce requests that it should not take.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::ProduceRequest;
use kafka_protocol::messages::TransactionalId;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::Compression;
use lab::wire::{Batch, Connection, Entry, corrupt};
use uuid::Uuid;

use super::calls::{produce, produce_request};
use super::ground::{Ground, PATIENCE, THREE};
use super::sheet::{Noted, Sheet};
use super::words;

/// Where the bytes of a batch's header lie. Source: the record batch layout.
mod at {
    pub(super) const LENGTH: usize = 11;
    pub(super) const MAGIC: usize = 16;
    pub(super) const CHECKSUM: usize = 17;
    pub(super) const ATTRIBUTES: usize = 22;
    pub(super) const LAST_OFFSET_DELTA: usize = 26;
    pub(super) const COUNT: usize = 60;
}

/// Apache's `message.max.bytes`: the largest batch.
const BATCH_BYTES_MAX: usize = 1_048_588;

/// How long an answer is awaited that may never come.
const UNANSWERED: Duration = Duration::from_secs(3);

pub(super) async fn run(on: &Ground) -> anyhow::Result<Vec<Noted>> {
    let mut sheet = Sheet::default();
    let topic = on.topic("bad-produce", THREE, &[]).await?;
    let name = topic.name.as_str();
    let mut leader = on.connect(1).await?;
    let good = Batch::of([Entry::value("one")]).encode()?;

    for (cell, records) in bad_batches(&good)? {
        let said = produce(&mut leader, name, 0, -1, records).await;
        sheet.note(format!("produce {cell}"), words::outcome(said.map(|part| part.error_code)));
    }
    for (cell, topic, partition) in [
        ("to an unknown topic", "no-such-topic", 0),
        ("to an unknown partition", name, 99),
        ("to partition -1", name, -1),
        ("to a follower", name, 1),
        ("to an empty topic name", "", 0),
        ("to __consumer_offsets", "__consumer_offsets", 0),
    ] {
        // The internal topic's partition 0 has a leader; whoever it is, one of the three is asked that is.
        let said = if topic.starts_with("__") {
            to_internal(on, topic, &good).await?
        } else {
            words::outcome(
                produce(&mut leader, topic, partition, -1, good.clone()).await.map(|p| p.error_code),
            )
        };
        sheet.note(format!("produce {cell}"), said);
    }
    for acks in [-2, 2, 100] {
        let said = produce(&mut leader, name, 0, acks, good.clone()).await;
        sheet.note(format!("produce with acks {acks}"), words::outcome(said.map(|part| part.error_code)));
    }
    whole_requests(&mut sheet, on, name, &good).await?;
    let mut by_id = on.connect(1).await?;
    sheet.note("produce to an unknown topic id", id_answer(&mut by_id, Uuid::from_u128(7), &good).await);
    sheet.note("produce to a known topic id", id_answer(&mut by_id, topic.id, &good).await);
    sheet.note("produce with acks 0 to a follower", unacknowledged(on, name, 1, &good).await?);
    sheet.note("produce with acks 0, corrupt", unacknowledged(on, name, 0, &corrupt(&good)).await?);
    Ok(sheet.done())
}

/// Batches that are wrong in one way each.
fn bad_batches(good: &Bytes) -> anyhow::Result<Vec<(&'static str, Bytes)>> {
    let two = Batch::of([Entry::value("one"), Entry::value("two")]).encode()?;
    let far = Entry { timestamp: Some(i64::MAX / 2), ..Entry::value("far") };
    let negative = Entry { timestamp: Some(-5), ..Entry::value("before 1970") };
    let absent = Entry { timestamp: Some(-1), ..Entry::value("no time") };
    Ok(vec![
        ("a good batch", good.clone()),
        ("no bytes", Bytes::new()),
        ("half a header", good.slice(..30)),
        ("a batch cut short", good.slice(..good.len() - 1)),
        ("a corrupt CRC", corrupt(good)),
        ("a batch that claims a byte less", edited(good, at::LENGTH, |byte| byte - 1)),
        ("two batches", [good.clone(), two.clone()].concat().into()),
        ("magic 1", edited(good, at::MAGIC, |_| 1)),
        ("magic 3", edited(good, at::MAGIC, |_| 3)),
        ("a control batch", checked(edited(good, at::ATTRIBUTES, |byte| byte | 0x20))),
        (
            "a transactional batch without a transactional id",
            checked(edited(good, at::ATTRIBUTES, |b| b | 0x10)),
        ),
        ("an unknown compression", checked(edited(good, at::ATTRIBUTES, |byte| byte | 0x07))),
        ("gzip that is none", checked(edited(good, at::ATTRIBUTES, |byte| byte | 0x01))),
        ("a batch marked LogAppendTime", checked(edited(good, at::ATTRIBUTES, |byte| byte | 0x08))),
        ("a record count too high", checked(edited(&two, at::COUNT, |_| 3))),
        ("a record count too low", checked(edited(&two, at::COUNT, |_| 1))),
        ("a last offset delta too high", checked(edited(&two, at::LAST_OFFSET_DELTA, |_| 9))),
        ("no records", checked(edited(&edited(good, at::COUNT, |_| 0), at::LAST_OFFSET_DELTA, |_| 0))),
        ("a batch as large as allowed", sized(BATCH_BYTES_MAX)?),
        ("a batch one byte too large", sized(BATCH_BYTES_MAX + 1)?),
        ("an oversized batch, compressed small", zipped(2 * BATCH_BYTES_MAX)?),
        ("a timestamp far in the future", Batch::of([far]).encode()?),
        ("a timestamp before 1970", Batch::of([negative]).encode()?),
        ("no timestamp", Batch::of([absent]).encode()?),
    ])
}

/// A batch of exactly so many bytes.
fn sized(bytes: usize) -> anyhow::Result<Bytes> {
    let value = |length: usize| Batch::of([Entry::value(vec![b'x'; length])]).encode();
    // The header and the record's own fields take the rest; their varints have their full width near the end.
    let rest = value(bytes - 100)?.len() - (bytes - 100);
    value(bytes - rest)
}

fn zipped(length: usize) -> anyhow::Result<Bytes> {
    Batch::of([Entry::value(vec![b'x'; length])]).compressed(Compression::Gzip).encode()
}

fn edited(batch: &[u8], at: usize, edit: impl FnOnce(u8) -> u8) -> Bytes {
    let mut bytes = BytesMut::from(batch);
    if let Some(byte) = bytes.get_mut(at) {
        *byte = edit(*byte);
    }
    bytes.freeze()
}

/// The batch with the checksum that its bytes now have.
fn checked(batch: Bytes) -> Bytes {
    let mut bytes = BytesMut::from(&batch[..]);
    let (head, body) = bytes.split_at_mut(at::CHECKSUM + 4);
    head[at::CHECKSUM..].copy_from_slice(&crc32c::crc32c(body).to_be_bytes());
    bytes.freeze()
}

/// What the leader of the internal topic's partition says.
async fn to_internal(on: &Ground, topic: &str, batch: &Bytes) -> anyhow::Result<String> {
    for broker in &on.brokers {
        let mut connection = on.connect(broker.id).await?;
        let said =
            words::outcome(produce(&mut connection, topic, 0, -1, batch.clone()).await.map(|p| p.error_code));
        if said != "error NOT_LEADER_OR_FOLLOWER" {
            return Ok(said);
        }
    }
    Ok("nobody leads".to_owned())
}

/// Requests that are wrong as a whole.
async fn whole_requests(sheet: &mut Sheet, on: &Ground, topic: &str, good: &Bytes) -> anyhow::Result<()> {
    let transactional = produce_request(topic, 0, -1, Some(good.clone()))
        .with_transactional_id(Some(TransactionalId(StrBytes::from_static_str("tx"))));
    let null = produce_request(topic, 0, -1, None);
    let empty = ProduceRequest::default().with_acks(-1).with_timeout_ms(1_000);
    for (cell, request) in [
        ("a transactional id and a plain batch", transactional),
        ("null records", null),
        ("no topics", empty),
    ] {
        // What cannot be answered spoils its connection.
        let said = on.connect(1).await?.ask(9, &request, UNANSWERED).await.map(|answer| {
            let mut parts = answer.responses.iter().flat_map(|topic| &topic.partition_responses);
            parts.next().map_or(0, |part| part.error_code)
        });
        sheet.note(format!("produce {cell}"), words::outcome(said));
    }
    Ok(())
}

async fn id_answer(leader: &mut Connection, id: Uuid, records: &Bytes) -> String {
    let data = PartitionProduceData::default().with_index(0).with_records(Some(records.clone()));
    let data = TopicProduceData::default().with_topic_id(id).with_partition_data(vec![data]);
    let request = ProduceRequest::default().with_acks(-1).with_timeout_ms(5_000).with_topic_data(vec![data]);
    let said = leader.ask(13, &request, PATIENCE).await.map(|answer| {
        let mut parts = answer.responses.iter().flat_map(|topic| &topic.partition_responses);
        parts.next().map_or(0, |part| part.error_code)
    });
    words::outcome(said)
}

/// Whether a broker closes the connection over a produce request that it cannot answer.
async fn unacknowledged(on: &Ground, topic: &str, partition: i32, records: &Bytes) -> anyhow::Result<String> {
    let mut connection = on.connect(1).await?;
    let request = produce_request(topic, partition, 0, Some(records.clone()));
    connection.tell(9, &request, PATIENCE).await?;
    let closed = connection.closed(Duration::from_secs(1)).await.is_ok();
    Ok(if closed { "connection closed" } else { "silence" }.to_owned())
}
