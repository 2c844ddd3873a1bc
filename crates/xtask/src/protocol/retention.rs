//! Offsets and timestamps: by time, before and after records are deleted, and as the broker stamps them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use kafka_protocol::messages::DeleteRecordsRequest;
use kafka_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use lab::wire::{Batch, Connection, Entry, decode};

use super::calls::{Read, fetch, list_offsets, produce};
use super::ground::{Ground, PATIENCE, THREE, topic_name};
use super::sheet::{Noted, Sheet};
use super::words;

/// The records' timestamps: two batches in order, one that goes back in time. Offsets 0 to 8.
const TIMES: [[i64; 3]; 3] = [[1_000, 2_000, 3_000], [4_000, 6_000, 5_000], [2_500, 2_600, 2_700]];

pub(super) async fn run(on: &Ground) -> anyhow::Result<Vec<Noted>> {
    let mut sheet = Sheet::default();
    // Old timestamps must not make the records old.
    let topic = on.topic("retention", THREE, &[("retention.ms", "-1")]).await?;
    let topic = topic.name.as_str();
    let mut leader = on.connect(1).await?;
    ask_all(&mut sheet, &mut leader, topic, "of an empty log").await;
    for times in TIMES {
        let entry = |at: i64| Entry { timestamp: Some(at), ..Entry::value("v") };
        let batch = Batch::of(times.map(entry)).encode()?;
        anyhow::ensure!(produce(&mut leader, topic, 0, -1, batch).await?.error_code == 0, "nothing to list");
    }
    ask_all(&mut sheet, &mut leader, topic, "of nine records").await;
    for (cell, partition, before) in [
        ("before offset 4, inside a batch", 0, 4),
        ("before offset 2, which are gone", 0, 2),
        ("past the high watermark", 0, 99),
        ("before offset -2", 0, -2),
        ("at a follower", 1, 0),
        ("of an unknown partition", 99, 0),
    ] {
        sheet.note(format!("delete records {cell}"), delete(&mut leader, topic, partition, before).await);
    }
    ask_all(&mut sheet, &mut leader, topic, "after the first four are deleted").await;
    for offset in [3, 4] {
        sheet.note(
            format!("fetch from {offset} after the first four are deleted"),
            read(&mut leader, topic, offset).await?,
        );
    }
    sheet.note("delete all records", delete(&mut leader, topic, 0, -1).await);
    ask_all(&mut sheet, &mut leader, topic, "after all are deleted").await;
    sheet.note("fetch from 9 after all are deleted", read(&mut leader, topic, 9).await?);
    broker_time(&mut sheet, on, &mut leader).await?;
    Ok(sheet.done())
}

/// Every kind of question about offsets.
async fn ask_all(sheet: &mut Sheet, leader: &mut Connection, topic: &str, when: &str) {
    for (cell, timestamp) in [
        ("the latest offset", -1),
        ("the earliest offset", -2),
        ("the offset of the largest timestamp", -3),
        ("the offset at time 0", 0),
        ("the offset at a record's time", 2_000),
        ("the offset between records", 2_001),
        ("the offset at the largest time", 6_000),
        ("the offset in the future", 9_000),
    ] {
        let class = match list_offsets(leader, topic, 0, timestamp, -1).await {
            Ok(part) if part.error_code == 0 => {
                format!("ok, {} at {}, epoch {}", part.offset, part.timestamp, part.leader_epoch)
            }
            other => words::outcome(other.map(|part| part.error_code)),
        };
        sheet.note(format!("{cell} {when}"), class);
    }
}

async fn delete(leader: &mut Connection, topic: &str, partition: i32, before: i64) -> String {
    let part = DeleteRecordsPartition::default().with_partition_index(partition).with_offset(before);
    let topic = DeleteRecordsTopic::default().with_name(topic_name(topic)).with_partitions(vec![part]);
    let request = DeleteRecordsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
    match leader.ask(2, &request, PATIENCE).await {
        Ok(answer) => match answer.topics.iter().flat_map(|topic| &topic.partitions).next() {
            Some(part) if part.error_code == 0 => format!("ok, from {}", part.low_watermark),
            part => words::error(part.map_or(0, |part| part.error_code)),
        },
        Err(failure) => words::unanswered(&failure),
    }
}

async fn read(leader: &mut Connection, topic: &str, offset: i64) -> anyhow::Result<String> {
    let part = fetch(leader, &Read::from(topic, 0, offset)).await?;
    if part.error_code != 0 {
        return Ok(words::error(part.error_code));
    }
    let records = decode(&part.records.unwrap_or_else(Bytes::new))?;
    let offsets: Vec<_> = records.iter().map(|record| record.offset.to_string()).collect();
    Ok(format!("ok, batches with {}, start {}", offsets.join(" "), part.log_start_offset))
}

/// A topic whose records carry the broker's time.
async fn broker_time(sheet: &mut Sheet, on: &Ground, leader: &mut Connection) -> anyhow::Result<()> {
    let topic = on.topic("stamped", THREE, &[("message.timestamp.type", "LogAppendTime")]).await?;
    let topic = topic.name.as_str();
    let entry = |at: i64| Entry { timestamp: Some(at), ..Entry::value("v") };
    let said = produce(leader, topic, 0, -1, Batch::of([1_000, 2_000].map(entry)).encode()?).await?;
    let stamped = near_now(said.log_append_time_ms);
    sheet.note(
        "produce with LogAppendTime",
        format!("{}, append time is {stamped}", words::error(said.error_code)),
    );
    let part = fetch(leader, &Read::from(topic, 0, 0)).await?;
    let records = decode(&part.records.unwrap_or_else(Bytes::new))?;
    let times: Vec<_> = records.iter().map(|record| near_now(record.timestamp)).collect();
    let kinds: Vec<_> = records.iter().map(|record| format!("{:?}", record.timestamp_type)).collect();
    sheet.note("records read with LogAppendTime", format!("{}: {}", kinds.join(" "), times.join(", ")));
    let at = list_offsets(leader, topic, 0, 3_000, -1).await?;
    sheet.note(
        "the offset by time with LogAppendTime",
        format!("{} at {}", at.offset, near_now(at.timestamp)),
    );
    Ok(())
}

fn near_now(timestamp: i64) -> &'static str {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let at = Duration::from_millis(u64::try_from(timestamp).unwrap_or(0));
    match now.abs_diff(at) {
        _ if timestamp < 0 => "not told",
        apart if apart < Duration::from_secs(60) => "now",
        _ => "the client's",
    }
}
