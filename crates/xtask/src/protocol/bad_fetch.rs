//! What a broker says to readers: at the edges of the log, with a wrong leader epoch, at the wrong broker.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::{BrokerId, OffsetForLeaderEpochRequest};
use lab::wire::{Batch, Connection, Entry, decode};
use uuid::Uuid;

use super::calls::{Read, fetch, list_offsets, produce};
use super::ground::{Ground, PATIENCE, THREE, topic_name};
use super::sheet::{Noted, Sheet};
use super::words;

pub(super) async fn run(on: &Ground) -> anyhow::Result<Vec<Noted>> {
    let mut sheet = Sheet::default();
    let topic = on.topic("bad-fetch", THREE, &[]).await?;
    let name = topic.name.as_str();
    let mut leader = on.connect(1).await?;
    // Two batches of three records: the log is 0 to 6.
    for _ in 0..2 {
        let batch = Batch::of(vec![Entry::value("v"); 3]).encode()?;
        anyhow::ensure!(produce(&mut leader, name, 0, -1, batch).await?.error_code == 0, "nothing to read");
    }
    for (cell, offset) in [
        ("the first offset", 0),
        ("inside the second batch", 4),
        ("the end", 6),
        ("past the end", 7),
        ("-1", -1),
    ] {
        let class = read(&mut leader, &Read::from(name, 0, offset)).await?;
        sheet.note(format!("fetch from {cell}"), class);
    }
    let here = Read::from(name, 0, 0);
    for (cell, read_as) in [
        ("with the right epoch", Read { epoch: 0, ..here.clone() }),
        ("with an epoch of the future", Read { epoch: 9, ..here.clone() }),
        ("with an epoch of -5", Read { epoch: -5, ..here.clone() }),
        ("with room for one byte", Read { max_bytes: 1, ..here.clone() }),
        ("with no room", Read { max_bytes: 0, ..here.clone() }),
        ("from an unknown partition", Read { partition: 99, ..here.clone() }),
        ("from an unknown topic", Read { topic: "no-such-topic", ..here.clone() }),
        ("from partition -1", Read { partition: -1, ..here.clone() }),
        ("from a follower", Read { partition: 1, ..here.clone() }),
        (
            "a bad partition, although it would wait",
            Read { partition: 99, max_wait: Duration::from_secs(5), ..here },
        ),
    ] {
        sheet.note(format!("fetch {cell}"), read(&mut leader, &read_as).await?);
    }
    let unknown = Uuid::from_u128(7);
    sheet.note("fetch by topic id", by_id(&mut leader, topic.id, 0, -1).await);
    sheet.note("fetch by an unknown topic id", by_id(&mut leader, unknown, 0, -1).await);
    sheet.note("fetch in a session that is not there", by_id(&mut leader, topic.id, 4711, 3).await);
    sheet.note("fetch that opens a session", by_id(&mut leader, topic.id, 0, 0).await);
    offsets(&mut sheet, &mut leader, name).await;
    epoch_ends(&mut sheet, &mut leader, name).await;
    Ok(sheet.done())
}

/// The class of a read: the error, or the offsets that came and the ends of the log.
async fn read(leader: &mut Connection, read: &Read<'_>) -> anyhow::Result<String> {
    let part = match fetch(leader, read).await {
        Ok(part) if part.error_code == 0 => part,
        Ok(part) => {
            let leader = part.current_leader.leader_id.0;
            let told = if leader >= 0 { format!(", leader {leader} named") } else { String::new() };
            return Ok(format!("{}{told}", words::error(part.error_code)));
        }
        Err(failure) => return Ok(words::unanswered(&failure)),
    };
    let records = decode(&part.records.unwrap_or_else(Bytes::new))?;
    let offsets: Vec<_> = records.iter().map(|record| record.offset.to_string()).collect();
    let what = if offsets.is_empty() { "nothing".to_owned() } else { offsets.join(" ") };
    Ok(format!("ok, {what}, start {}, high watermark {}", part.log_start_offset, part.high_watermark))
}

async fn by_id(leader: &mut Connection, id: Uuid, session: i32, epoch: i32) -> String {
    let part = FetchPartition::default().with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default().with_topic_id(id).with_partitions(vec![part]);
    let request = Read::from("", 0, 0).request().with_topics(vec![topic]);
    let request = request.with_session_id(session).with_session_epoch(epoch);
    match leader.ask(13, &request, PATIENCE).await {
        Ok(answer) if answer.error_code != 0 => words::error(answer.error_code),
        Ok(answer) => {
            let code = answer
                .responses
                .iter()
                .flat_map(|topic| &topic.partitions)
                .map(|part| part.error_code)
                .next();
            let session = if answer.session_id == 0 { "no session" } else { "a session" };
            format!("{}, {session}", code.map_or_else(|| "no partition".to_owned(), words::error))
        }
        Err(failure) => words::unanswered(&failure),
    }
}

async fn offsets(sheet: &mut Sheet, leader: &mut Connection, topic: &str) {
    for (cell, topic, partition, timestamp, epoch) in [
        ("latest", topic, 0, -1, -1),
        ("earliest", topic, 0, -2, -1),
        ("earliest local, -4", topic, 0, -4, -1),
        ("an unknown special time, -9", topic, 0, -9, -1),
        ("latest, with an epoch of the future", topic, 0, -1, 9),
        ("latest, with an epoch of -5", topic, 0, -1, -5),
        ("latest at a follower", topic, 1, -1, -1),
        ("latest of an unknown partition", topic, 99, -1, -1),
        ("latest of an unknown topic", "no-such-topic", 0, -1, -1),
    ] {
        let class = match list_offsets(leader, topic, partition, timestamp, epoch).await {
            Ok(part) if part.error_code == 0 => format!("ok, {}, epoch {}", part.offset, part.leader_epoch),
            other => words::outcome(other.map(|part| part.error_code)),
        };
        sheet.note(format!("offset {cell}"), class);
    }
}

async fn epoch_ends(sheet: &mut Sheet, leader: &mut Connection, topic: &str) {
    for (cell, partition, current, asked) in [
        ("of the current epoch", 0, 0, 0),
        ("of a future epoch", 0, 0, 5),
        ("of epoch -1", 0, 0, -1),
        ("asked with an epoch of the future", 0, 9, 0),
        ("asked at a follower", 1, -1, 0),
        ("of an unknown partition", 99, -1, 0),
    ] {
        let part = OffsetForLeaderPartition::default()
            .with_partition(partition)
            .with_current_leader_epoch(current)
            .with_leader_epoch(asked);
        let topic = OffsetForLeaderTopic::default().with_topic(topic_name(topic)).with_partitions(vec![part]);
        let request =
            OffsetForLeaderEpochRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic]);
        let class = match leader.ask(4, &request, PATIENCE).await {
            Ok(answer) => {
                let end = answer.topics.iter().flat_map(|topic| &topic.partitions).next();
                end.map_or_else(
                    || "no partition".to_owned(),
                    |end| match end.error_code {
                        0 => format!("ok, epoch {} ends at {}", end.leader_epoch, end.end_offset),
                        code => words::error(code),
                    },
                )
            }
            Err(failure) => words::unanswered(&failure),
        };
        sheet.note(format!("end {cell}"), class);
    }
}
