//! How long a reader waits: for bytes that do not come, for new ones, and not at all.

use std::time::Duration;

use anyhow::Context;
use lab::wire::{Batch, Connection, Entry};
use tokio::time::Instant;

use super::calls::{Read, fetch, produce};
use super::ground::{Ground, THREE};
use super::sheet::{Noted, Sheet};
use super::words;

/// How long a reader is ready to wait for what does not come.
const WAIT: Duration = Duration::from_millis(600);

/// How long a reader is ready to wait for what will come.
const LONG: Duration = Duration::from_secs(8);

/// When what it waits for is produced.
const PRODUCED_AFTER: Duration = Duration::from_millis(400);

pub(super) async fn run(on: &Ground) -> anyhow::Result<Vec<Noted>> {
    let mut sheet = Sheet::default();
    let topic = on.topic("polling", THREE, &[]).await?;
    let topic = topic.name.as_str();
    let mut reader = on.connect(1).await?;
    let mut writer = on.connect(1).await?;

    let end = Read::from(topic, 0, 0);
    let waiting = Read { max_wait: WAIT, ..end.clone() };
    timed(&mut sheet, &mut reader, "an empty log, max wait 0", &end).await;
    timed(&mut sheet, &mut reader, "an empty log, max wait 600 ms", &waiting).await;
    timed(&mut sheet, &mut reader, "an empty log, min bytes 0", &Read { min_bytes: 0, ..waiting.clone() })
        .await;

    woken(&mut sheet, &mut reader, &mut writer, ("min bytes 1", Read { max_wait: LONG, ..end.clone() }, 1))
        .await?;
    timed(&mut sheet, &mut reader, "something is there, max wait 600 ms", &waiting).await;
    let many = Read { min_bytes: 1 << 20, ..waiting.clone() };
    timed(&mut sheet, &mut reader, "less than min bytes is there, max wait 600 ms", &many).await;
    timed(
        &mut sheet,
        &mut reader,
        "less than min bytes, max wait 0",
        &Read { max_wait: Duration::ZERO, ..many },
    )
    .await;
    let next = Read { offset: 1, max_wait: LONG, min_bytes: 5_000, ..end.clone() };
    woken(&mut sheet, &mut reader, &mut writer, ("min bytes 5000, 10000 come", next, 10_000)).await?;
    let next = Read { offset: 2, max_wait: 2 * WAIT, min_bytes: 5_000, ..end.clone() };
    woken(&mut sheet, &mut reader, &mut writer, ("min bytes 5000, 100 come, max wait 1200 ms", next, 100))
        .await?;
    timed(&mut sheet, &mut reader, "past the end, max wait 600 ms", &Read { offset: 99, ..waiting.clone() })
        .await;
    timed(
        &mut sheet,
        &mut reader,
        "an unknown partition, max wait 600 ms",
        &Read { partition: 9, ..waiting },
    )
    .await;
    Ok(sheet.done())
}

/// A read by itself.
async fn timed(sheet: &mut Sheet, reader: &mut Connection, cell: &str, read: &Read<'_>) {
    let asked = Instant::now();
    let class = class(fetch(reader, read).await);
    sheet.timed(format!("fetch: {cell}"), class, asked.elapsed());
}

/// A read that waits while something is produced; the time counts from the produce request.
async fn woken(
    sheet: &mut Sheet,
    reader: &mut Connection,
    writer: &mut Connection,
    (cell, read, bytes): (&str, Read<'_>, usize),
) -> anyhow::Result<()> {
    let batch = Batch::of([Entry::value(vec![b'x'; bytes])]).encode()?;
    let reading = async {
        let part = fetch(reader, &read).await;
        (class(part), Instant::now())
    };
    let writing = async {
        tokio::time::sleep(PRODUCED_AFTER).await;
        let produced = Instant::now();
        let part = produce(writer, read.topic, 0, -1, batch).await;
        part.map(|_| produced).context("nothing was produced")
    };
    let ((class, answered), produced) = tokio::join!(reading, writing);
    let early = Instant::now();
    let produced = produced?;
    let class = if answered < produced { format!("{class}, before anything came") } else { class };
    sheet.timed(
        format!("fetch wakes: {cell}"),
        class,
        answered.min(early).saturating_duration_since(produced),
    );
    Ok(())
}

fn class(
    part: Result<kafka_protocol::messages::fetch_response::PartitionData, lab::wire::WireError>,
) -> String {
    match part {
        Ok(part) if part.error_code == 0 => {
            let some = part.records.is_some_and(|records| !records.is_empty());
            format!("ok, {}", if some { "records" } else { "nothing" })
        }
        other => words::outcome(other.map(|part| part.error_code)),
    }
}
