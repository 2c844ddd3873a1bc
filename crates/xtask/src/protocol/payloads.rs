//! Whether what is read is what was written: every compression, headers, nulls, empty and large records.

use bytes::Bytes;
use kafka_protocol::records::{Compression, Record};
use lab::wire::{Batch, Connection, Entry, decode};

use super::calls::{Read, fetch, produce};
use super::ground::{Ground, THREE};
use super::sheet::{Noted, Sheet};
use super::words;

const MIB: usize = 1024 * 1024;

const COMPRESSIONS: [Compression; 5] =
    [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

pub(super) async fn run(on: &Ground) -> anyhow::Result<Vec<Noted>> {
    let mut sheet = Sheet::default();
    let topic = on.topic("payloads", THREE, &[]).await?;
    let mut leader = on.connect(1).await?;
    for compression in COMPRESSIONS {
        let batch = Batch::of(mixed()).compressed(compression);
        let class = there_and_back(&mut leader, &topic.name, &batch).await?;
        sheet.note(format!("mixed records, {compression:?}"), class);
    }
    for (cell, entries) in shapes() {
        let class = there_and_back(&mut leader, &topic.name, &Batch::of(entries)).await?;
        sheet.note(cell, class);
    }
    for compression in COMPRESSIONS {
        let batch = Batch::of([Entry::value(noise(MIB))]).compressed(compression);
        let class = there_and_back(&mut leader, &topic.name, &batch).await?;
        sheet.note(format!("1 MiB of noise, {compression:?}"), class);
    }
    let roomy = on.topic("roomy", THREE, &[("max.message.bytes", "3000000")]).await?;
    let large = Batch::of([Entry::value(noise(2 * MIB))]);
    sheet.note("2 MiB where the topic allows it", there_and_back(&mut leader, &roomy.name, &large).await?);
    let tight = on.topic("tight", THREE, &[("max.message.bytes", "1000")]).await?;
    let small = Batch::of([Entry::value(noise(1_000))]);
    sheet.note(
        "1000 bytes where the topic allows less",
        there_and_back(&mut leader, &tight.name, &small).await?,
    );
    for kind in ["gzip", "zstd", "uncompressed"] {
        let topic = on.topic(&format!("recoded-{kind}"), THREE, &[("compression.type", kind)]).await?;
        let batch = Batch::of(mixed()).compressed(Compression::Lz4);
        let class = there_and_back(&mut leader, &topic.name, &batch).await?;
        let stored = stored_compression(&mut leader, &topic.name).await?;
        sheet.note(
            format!("Lz4 to a topic with compression.type {kind}"),
            format!("{class}, stored {stored}"),
        );
    }
    Ok(sheet.done())
}

/// A little of everything.
fn mixed() -> Vec<Entry> {
    let keyed = Entry { key: Some("key".into()), ..Entry::value("value") };
    let headers = vec![("h".to_owned(), Some(Bytes::from_static(b"1"))), ("null".to_owned(), None)];
    let repeated = Entry::value(vec![b'r'; 5_000]);
    vec![keyed.clone(), Entry::default(), Entry { headers, ..keyed }, Entry::value(""), repeated]
}

fn shapes() -> Vec<(&'static str, Vec<Entry>)> {
    let header = |name: &str, value: Option<&'static [u8]>| (name.to_owned(), value.map(Bytes::from_static));
    let many = (0..500).map(|n| (format!("h{n}"), Some(Bytes::from(n.to_string())))).collect();
    vec![
        ("a null key and a null value", vec![Entry::default()]),
        ("a record of 0 bytes", vec![Entry { key: Some(Bytes::new()), ..Entry::value("") }]),
        ("a key and a null value", vec![Entry { key: Some("k".into()), ..Entry::default() }]),
        ("a header without a value", vec![Entry { headers: vec![header("h", None)], ..Entry::default() }]),
        ("a header of 0 bytes", vec![Entry { headers: vec![header("h", Some(b""))], ..Entry::default() }]),
        (
            "a header without a name",
            vec![Entry { headers: vec![header("", Some(b"v"))], ..Entry::default() }],
        ),
        ("500 headers", vec![Entry { headers: many, ..Entry::default() }]),
        ("10000 records in a batch", vec![Entry::value("v"); 10_000]),
        ("1 MiB less 1 KiB", vec![Entry::value(noise(MIB - 1_024))]),
        ("1 MiB", vec![Entry::value(noise(MIB))]),
        ("a key of 500 KiB", vec![Entry { key: Some(noise(500 * 1_024)), ..Entry::value("v") }]),
    ]
}

/// Produces a batch and reads it back from where it was put.
async fn there_and_back(leader: &mut Connection, topic: &str, batch: &Batch) -> anyhow::Result<String> {
    let said = produce(leader, topic, 0, -1, batch.encode()?).await;
    let offset = match said {
        Ok(part) if part.error_code == 0 => part.base_offset,
        other => return Ok(words::outcome(other.map(|part| part.error_code))),
    };
    let part = fetch(leader, &Read::from(topic, 0, offset)).await?;
    let records = decode(&part.records.unwrap_or_else(Bytes::new))?;
    let read: Vec<Entry> = records.iter().filter(|record| record.offset >= offset).map(entry).collect();
    // The time of writing is the codec's; all else must be the same.
    let wrote: Vec<Entry> =
        batch.entries.iter().map(|entry| Entry { timestamp: None, ..entry.clone() }).collect();
    Ok(if read == wrote {
        "ok, equal".to_owned()
    } else {
        format!("ok, {} of {} back", read.len(), wrote.len())
    })
}

fn entry(record: &Record) -> Entry {
    let headers = record.headers.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
    Entry { key: record.key.clone(), value: record.value.clone(), headers, timestamp: None }
}

/// How the batches of a log are compressed: the low three bits of the attributes.
async fn stored_compression(leader: &mut Connection, topic: &str) -> anyhow::Result<&'static str> {
    /// Where a batch's attributes end. Source: the record batch layout.
    const ATTRIBUTES_AT: usize = 22;
    let part = fetch(leader, &Read::from(topic, 0, 0)).await?;
    let attributes = part.records.and_then(|records| records.get(ATTRIBUTES_AT).copied());
    Ok(match attributes.map(|attributes| attributes & 0x07) {
        Some(0) => "uncompressed",
        Some(1) => "gzip",
        Some(2) => "snappy",
        Some(3) => "lz4",
        Some(4) => "zstd",
        _ => "nothing",
    })
}

/// Bytes that do not compress, the same each time.
fn noise(length: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(next).collect()
}
