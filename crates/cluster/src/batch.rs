//! The header of a record batch (magic 2): read, checked and stamped, while the records stay as they are.
//!
//! Base offset and leader epoch lie before the checksum's range, so a broker can write them without touching it.
//! Source: the record batch layout in Apache Kafka's message format documentation.

use bytes::{BufMut, Bytes, BytesMut};

use crate::error::ErrorCode;
use crate::records;

/// Bytes before the records.
const HEADER: usize = 61;
/// Bytes that `batch_length` does not count: base offset and itself.
const LENGTH_PREFIX: usize = 12;
const MAGIC_AT: usize = 16;
const CRC_AT: usize = 17;
const CHECKED_FROM: usize = 21;
const ATTRIBUTES_AT: usize = 21;
const FIRST_TIMESTAMP_AT: usize = 27;
const MAX_TIMESTAMP_AT: usize = 35;
/// Attribute bits 0 to 2: the compression; the last one there is.
const COMPRESSION: i16 = 0x07;
const ZSTD: i16 = 4;
/// Attribute bit 3: the records have the time of the append, the batch's largest, whatever they say themselves.
const APPEND_TIME: i16 = 1 << 3;
/// Attribute bit 5: a control batch, which only a transaction coordinator may write.
const CONTROL: i16 = 1 << 5;

/// A batch as it lies in a log.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) base_offset: i64,
    pub(crate) last_offset_delta: i32,
    pub(crate) max_timestamp: i64,
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) base_sequence: i32,
    bytes: Bytes,
}

impl Batch {
    pub(crate) fn last_offset(&self) -> i64 {
        self.base_offset + i64::from(self.last_offset_delta)
    }

    pub(crate) fn end_offset(&self) -> i64 {
        self.last_offset() + 1
    }

    pub(crate) fn last_sequence(&self) -> i32 {
        wrapping_sequence(self.base_sequence, self.last_offset_delta)
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }

    /// The batch with its place in the log written into it.
    pub(crate) fn placed(mut self, base_offset: i64, leader_epoch: i32) -> Self {
        let mut bytes = BytesMut::from(&self.bytes[..]);
        bytes[0..8].copy_from_slice(&base_offset.to_be_bytes());
        bytes[12..16].copy_from_slice(&leader_epoch.to_be_bytes());
        self.base_offset = base_offset;
        self.bytes = bytes.freeze();
        self
    }

    /// The batch with the broker's time for all its records. The header's, so the checksum changes too.
    pub(crate) fn stamped(mut self, time: i64) -> Self {
        let mut bytes = BytesMut::from(&self.bytes[..]);
        let attributes = i16_at(&self.bytes, ATTRIBUTES_AT) | APPEND_TIME;
        bytes[ATTRIBUTES_AT..ATTRIBUTES_AT + 2].copy_from_slice(&attributes.to_be_bytes());
        bytes[MAX_TIMESTAMP_AT..MAX_TIMESTAMP_AT + 8].copy_from_slice(&time.to_be_bytes());
        let crc = crc32c::crc32c(&bytes[CHECKED_FROM..]);
        bytes[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_be_bytes());
        self.max_timestamp = time;
        self.bytes = bytes.freeze();
        self
    }

    pub(crate) fn is_stamped(&self) -> bool {
        i16_at(&self.bytes, ATTRIBUTES_AT) & APPEND_TIME != 0
    }

    /// The records' offsets and timestamps in order; nothing if they are compressed, for they are not unpacked here.
    pub(crate) fn timestamps(&self) -> impl Iterator<Item = (i64, i64)> {
        let packed = i16_at(&self.bytes, ATTRIBUTES_AT) & COMPRESSION != 0;
        let records = if packed { &[][..] } else { &self.bytes[HEADER..] };
        let (offset, first) = (self.base_offset, i64_at(&self.bytes, FIRST_TIMESTAMP_AT));
        let stamp = self.is_stamped().then_some(self.max_timestamp);
        records::deltas(records)
            .map(move |(at, time)| (offset.saturating_add(at), stamp.unwrap_or(first.saturating_add(time))))
    }

    /// A batch with one record that has neither key nor value: what a coordinator writes down.
    pub(crate) fn of_one_empty_record(timestamp: i64) -> Self {
        // Record: length 6 (zigzag 12), attributes, timestamp delta, offset delta, key -1, value -1, no headers.
        const RECORD: [u8; 7] = [12, 0, 0, 0, 1, 1, 0];
        let mut checked = BytesMut::with_capacity(HEADER + RECORD.len());
        checked.put_i16(0);
        checked.put_i32(0);
        checked.put_i64(timestamp);
        checked.put_i64(timestamp);
        checked.put_i64(-1);
        checked.put_i16(-1);
        checked.put_i32(-1);
        checked.put_i32(1);
        checked.put_slice(&RECORD);
        let mut bytes = BytesMut::with_capacity(CHECKED_FROM + checked.len());
        bytes.put_i64(0);
        bytes.put_i32((CHECKED_FROM - LENGTH_PREFIX + checked.len()) as i32);
        bytes.put_i32(-1);
        bytes.put_i8(2);
        bytes.put_u32(crc32c::crc32c(&checked));
        bytes.put_slice(&checked);
        Self {
            base_offset: 0,
            last_offset_delta: 0,
            max_timestamp: timestamp,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            bytes: bytes.freeze(),
        }
    }
}

/// Sequence numbers wrap from `i32::MAX` to 0.
pub(crate) fn wrapping_sequence(base: i32, delta: i32) -> i32 {
    let sum = i64::from(base) + i64::from(delta);
    (sum % (i64::from(i32::MAX) + 1)) as i32
}

/// Refuses none and several batches for one partition, as Apache Kafka does before it looks at anything else.
pub(crate) fn check_alone(bytes: &Bytes) -> Result<(), ErrorCode> {
    let alone = match whole_length(bytes) {
        // What is left over and no whole batch is dropped, as by Apache Kafka.
        Ok(length) => whole_length(&bytes.slice(length..)).is_err(),
        Err(error) => error != ErrorCode::InvalidRecord,
    };
    if alone { Ok(()) } else { Err(ErrorCode::InvalidRecord) }
}

/// Reads and checks the one batch that a producer sends for a partition; see [`check_alone`].
pub(crate) fn read(bytes: Bytes, bytes_max: usize) -> Result<Batch, ErrorCode> {
    let length = whole_length(&bytes)?;
    if length > bytes_max {
        return Err(ErrorCode::MessageTooLarge);
    }
    let crc = i32_at(&bytes, CRC_AT).cast_unsigned();
    if crc != crc32c::crc32c(&bytes[CHECKED_FROM..length]) {
        return Err(ErrorCode::CorruptMessage);
    }
    let (attributes, last_offset_delta) = (i16_at(&bytes, ATTRIBUTES_AT), i32_at(&bytes, 23));
    // Apache Kafka trips over it, and says no more than that.
    if attributes & COMPRESSION > ZSTD {
        return Err(ErrorCode::UnknownServerError);
    }
    let records = i32_at(&bytes, 57);
    if attributes & CONTROL != 0 || records < 1 || last_offset_delta != records - 1 {
        return Err(ErrorCode::InvalidRecord);
    }
    Ok(Batch {
        base_offset: i64_at(&bytes, 0),
        last_offset_delta,
        max_timestamp: i64_at(&bytes, MAX_TIMESTAMP_AT),
        producer_id: i64_at(&bytes, 43),
        producer_epoch: i16_at(&bytes, 51),
        base_sequence: i32_at(&bytes, 53),
        bytes: bytes.slice(..length),
    })
}

fn whole_length(bytes: &Bytes) -> Result<usize, ErrorCode> {
    // What is cut short is no batch at all, and exactly one is asked for.
    if bytes.len() < HEADER {
        return Err(ErrorCode::InvalidRecord);
    }
    match bytes[MAGIC_AT] {
        2 => {}
        // Older formats lie differently, and are not taken any more.
        0 | 1 => return Err(ErrorCode::InvalidRecord),
        _ => return Err(ErrorCode::CorruptMessage),
    }
    let length = usize::try_from(i32_at(bytes, 8)).map_err(|_| ErrorCode::CorruptMessage)?;
    let whole = length.saturating_add(LENGTH_PREFIX);
    match whole {
        _ if whole > bytes.len() => Err(ErrorCode::InvalidRecord),
        _ if whole < HEADER => Err(ErrorCode::CorruptMessage),
        _ => Ok(whole),
    }
}

fn i16_at(bytes: &Bytes, at: usize) -> i16 {
    i16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn i32_at(bytes: &Bytes, at: usize) -> i32 {
    i32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn i64_at(bytes: &Bytes, at: usize) -> i64 {
    (i64::from(i32_at(bytes, at)) << 32) | i64::from(i32_at(bytes, at + 4).cast_unsigned())
}

/// Batches for tests, with a valid checksum.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// `records` records of a producer; what the records hold does not matter here.
    pub(crate) fn batch(
        records: i32,
        producer: Option<(i64, i16, i32)>,
        timestamp: i64,
        filler: usize,
    ) -> Bytes {
        let (id, epoch, sequence) = producer.unwrap_or((-1, -1, -1));
        let mut checked = BytesMut::new();
        checked.put_i16(0);
        checked.put_i32(records - 1);
        checked.put_i64(timestamp);
        checked.put_i64(timestamp);
        checked.put_i64(id);
        checked.put_i16(epoch);
        checked.put_i32(sequence);
        checked.put_i32(records);
        checked.put_bytes(b'x', filler);
        let mut bytes = BytesMut::new();
        bytes.put_i64(0);
        bytes.put_i32((9 + checked.len()) as i32);
        bytes.put_i32(-1);
        bytes.put_i8(2);
        bytes.put_u32(crc32c::crc32c(&checked));
        bytes.put_slice(&checked);
        bytes.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::batch;
    use super::*;

    #[test]
    fn a_placed_batch_keeps_its_checksum() {
        let placed = read(batch(3, None, 7, 10), 1_000).unwrap().placed(40, 5);
        assert_eq!((placed.base_offset, placed.end_offset()), (40, 43));
        let again = read(placed.bytes(), 1_000).unwrap();
        assert_eq!((again.base_offset, again.max_timestamp), (40, 7));
    }

    #[test]
    fn what_a_coordinator_writes_is_a_valid_batch() {
        let read = read(Batch::of_one_empty_record(9).bytes(), 1_000).unwrap();
        assert_eq!((read.last_offset_delta, read.max_timestamp), (0, 9));
    }

    #[test]
    fn damage_is_named() {
        let good = batch(1, None, 0, 20);
        let flip = |at: usize| {
            let mut bytes = BytesMut::from(&good[..]);
            bytes[at] ^= 1;
            read(bytes.freeze(), 1_000).unwrap_err()
        };
        assert_eq!(flip(70), ErrorCode::CorruptMessage);
        assert_eq!(flip(MAGIC_AT), ErrorCode::CorruptMessage, "magic 3");
        assert_eq!(read(good.slice(..good.len() - 1), 1_000).unwrap_err(), ErrorCode::InvalidRecord);
        assert_eq!(read(good.slice(..12), 1_000).unwrap_err(), ErrorCode::InvalidRecord);
        assert_eq!(read(good.clone(), 50).unwrap_err(), ErrorCode::MessageTooLarge);
        assert_eq!(read(Bytes::new(), 50).unwrap_err(), ErrorCode::InvalidRecord);
    }

    #[test]
    fn a_producer_sends_one_batch_at_a_time() {
        let both = [batch(1, None, 0, 3), batch(2, None, 0, 4)].concat();
        assert_eq!(check_alone(&both.into()), Err(ErrorCode::InvalidRecord));
        assert_eq!(check_alone(&batch(2, None, 0, 4)), Ok(()));
        assert_eq!(check_alone(&Bytes::new()), Err(ErrorCode::InvalidRecord));
    }

    #[test]
    fn what_is_left_over_behind_a_batch_is_dropped() {
        let good = batch(1, None, 0, 3);
        let more = Bytes::from([&good[..], &[0; 20]].concat());
        assert_eq!(check_alone(&more), Ok(()));
        assert_eq!(read(more, 1_000).unwrap().bytes(), good);
    }

    #[test]
    fn a_stamped_batch_has_the_brokers_time_and_a_valid_checksum() {
        let stamped = read(batch(2, None, 7, 10), 1_000).unwrap().stamped(99).placed(5, 1);
        let again = read(stamped.bytes(), 1_000).unwrap();
        assert_eq!((again.max_timestamp, again.is_stamped()), (99, true));
    }

    #[test]
    fn an_unknown_compression_is_refused() {
        let mut bytes = BytesMut::from(&batch(1, None, 0, 3)[..]);
        bytes[ATTRIBUTES_AT + 1] = 5;
        let crc = crc32c::crc32c(&bytes[CHECKED_FROM..]);
        bytes[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_be_bytes());
        assert_eq!(read(bytes.freeze(), 1_000).unwrap_err(), ErrorCode::UnknownServerError);
    }

    #[test]
    fn sequences_wrap_to_zero() {
        assert_eq!(wrapping_sequence(i32::MAX, 1), 0);
        assert_eq!(wrapping_sequence(i32::MAX - 1, 1), i32::MAX);
    }
}
