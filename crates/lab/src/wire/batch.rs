//! Record batches, made and read by hand.
//!
//! Source: the record batch format of magic 2, by way of `kafka-protocol`. Codecs other than none work where the
//! program that links this crate enables the codec's feature of `kafka-protocol`.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record,
    RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};

/// The magic byte of the only batch format that Kafka 4 takes.
const MAGIC: i8 = 2;

/// Where the checksum of a batch begins, in bytes.
const CHECKSUM_AT: usize = 17;

/// A record to produce.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its key; none is a null key.
    pub key: Option<Bytes>,
    /// Its value; none is a null value.
    pub value: Option<Bytes>,
    /// Its headers; none is a null value.
    pub headers: Vec<(String, Option<Bytes>)>,
    /// Its timestamp in milliseconds since 1970; now, if none.
    pub timestamp: Option<i64>,
}

impl Entry {
    /// A record with a value and no more.
    pub fn value(value: impl Into<Bytes>) -> Self {
        Self { value: Some(value.into()), ..Self::default() }
    }
}

/// Who produces, when it does so idempotently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Producer {
    /// The id that `InitProducerId` gave.
    pub id: i64,
    /// The epoch that it gave.
    pub epoch: i16,
    /// The sequence number of the batch's first record.
    pub sequence: i32,
}

/// A record batch to produce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Its records; at least one.
    pub entries: Vec<Entry>,
    /// How they are compressed.
    pub compression: Compression,
    /// Who produces; none is a producer without idempotence.
    pub producer: Option<Producer>,
}

impl Batch {
    /// Uncompressed, without idempotence.
    pub fn of(entries: impl IntoIterator<Item = Entry>) -> Self {
        Self { entries: entries.into_iter().collect(), compression: Compression::None, producer: None }
    }

    /// The same, compressed.
    #[must_use]
    pub fn compressed(self, compression: Compression) -> Self {
        Self { compression, ..self }
    }

    /// The same, by an idempotent producer.
    #[must_use]
    pub fn by(self, producer: Producer) -> Self {
        Self { producer: Some(producer), ..self }
    }

    /// The batch as a produce request carries it.
    ///
    /// # Errors
    /// What the codec says: too many records, or a compression that this program was built without.
    pub fn encode(&self) -> anyhow::Result<Bytes> {
        let records = (0..).zip(&self.entries).map(|(at, entry)| self.record(at, entry)).collect::<Vec<_>>();
        let options = RecordEncodeOptions { version: MAGIC, compression: self.compression };
        let mut bytes = BytesMut::new();
        RecordBatchEncoder::encode(&mut bytes, &records, &options)?;
        Ok(bytes.freeze())
    }

    fn record(&self, at: i32, entry: &Entry) -> Record {
        let header =
            |(name, value): &(String, Option<Bytes>)| (StrBytes::from_string(name.clone()), value.clone());
        Record {
            transactional: false,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
            producer_id: self.producer.map_or(NO_PRODUCER_ID, |producer| producer.id),
            producer_epoch: self.producer.map_or(NO_PRODUCER_EPOCH, |producer| producer.epoch),
            timestamp_type: TimestampType::Creation,
            offset: i64::from(at),
            // A batch is cut where sequence and offset do not advance together.
            sequence: self.producer.map_or(NO_SEQUENCE, |producer| producer.sequence).wrapping_add(at),
            timestamp: entry.timestamp.unwrap_or_else(now_ms),
            key: entry.key.clone(),
            value: entry.value.clone(),
            headers: entry.headers.iter().map(header).collect::<IndexMap<_, _>>(),
        }
    }
}

/// The batch with a wrong checksum.
pub fn corrupt(batch: &[u8]) -> Bytes {
    let mut bytes = BytesMut::from(batch);
    if let Some(checksum) = bytes.get_mut(CHECKSUM_AT) {
        *checksum ^= 0x55;
    }
    bytes.freeze()
}

/// The records of batches as a fetch answer carries them. A batch that was cut off at the end is left out, as a
/// consumer leaves it out.
///
/// # Errors
/// What the codec says.
pub fn decode(batches: &Bytes) -> anyhow::Result<Vec<Record>> {
    let mut whole = batches.slice(..whole_batches(batches));
    let sets = RecordBatchDecoder::decode_all(&mut whole)?;
    Ok(sets.into_iter().flat_map(|set| set.records).collect())
}

/// How many bytes at the front are whole batches.
fn whole_batches(bytes: &[u8]) -> usize {
    /// The base offset and the length, in front of what the length counts.
    const PREFIX: usize = 12;
    let mut end = 0;
    while let Some(length) = bytes.get(end + 8..).and_then(|rest| rest.first_chunk::<4>()) {
        let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        match end.checked_add(PREFIX).and_then(|at| at.checked_add(length)) {
            Some(next) if next <= bytes.len() => end = next,
            _ => break,
        }
    }
    end
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
