//! Answers in words that two clusters can share: ids become names in the order in which they were first seen, times
//! become their distance to the plan's own beginning of time, durations are left out.
//!
//! Invariant: nothing random is left, and nothing that a client could act on is lost: error codes, offsets, sequences,
//! epochs and contents stay as they are.

use std::fmt::Write as _;

use bytes::Bytes;
use kafka_protocol::error::ParseResponseErrorCode;
use kafka_protocol::records::Record;
use lab::wire::WireError;
use uuid::Uuid;

/// Records' timestamps are whole seconds after the beginning of time, up to here; any other time is the cluster's.
const SECONDS_MAX: i64 = 3_000;

/// Longer contents are told by their length.
const CONTENT_BYTES_MAX: usize = 24;

/// The attribute bits of a batch that name its codec.
const CODEC_BITS: i16 = 0x07;

/// What the ids of one cluster are called.
#[derive(Debug)]
pub(super) struct Names {
    origin_ms: i64,
    topics: Vec<Uuid>,
    producers: Vec<i64>,
    members: Vec<String>,
    /// Leader epochs count elections, and how many a heal needs is chance.
    epochs: bool,
}

impl Names {
    /// With the beginning of time, in milliseconds since 1970.
    pub(super) fn new(origin_ms: i64) -> Self {
        Self { origin_ms, topics: Vec::new(), producers: Vec::new(), members: Vec::new(), epochs: true }
    }

    /// From now on leader epochs are not told.
    pub(super) fn forget_epochs(&mut self) {
        self.epochs = false;
    }

    pub(super) fn topic(&mut self, id: Uuid) -> String {
        if id.is_nil() { "none".to_owned() } else { format!("T{}", place(&mut self.topics, id)) }
    }

    pub(super) fn producer(&mut self, id: i64) -> String {
        if id < 0 { id.to_string() } else { format!("P{}", place(&mut self.producers, id)) }
    }

    pub(super) fn member(&mut self, id: &str) -> String {
        if id.is_empty() {
            "none".to_owned()
        } else {
            format!("M{}", place(&mut self.members, id.to_owned()))
        }
    }

    pub(super) fn epoch(&self, epoch: i32) -> String {
        if self.epochs || epoch < 0 { epoch.to_string() } else { "some".to_owned() }
    }

    pub(super) fn time(&self, ms: i64) -> String {
        let since = ms - self.origin_ms;
        if ms < 0 {
            ms.to_string()
        } else if since % 1_000 == 0 && (0..SECONDS_MAX).contains(&(since / 1_000)) {
            format!("second {}", since / 1_000)
        } else {
            "now".to_owned()
        }
    }

    /// Batches, with what their headers say, and their records.
    pub(super) fn batches(&mut self, bytes: &Bytes) -> String {
        let mut text = String::new();
        let mut rest = bytes.clone();
        while let Some((batch, after)) = split(&rest) {
            let header = Header::of(&batch);
            let (producer, epoch) = (self.producer(header.producer), self.epoch(header.leader_epoch));
            // Writing to a text does not fail.
            let _ = write!(
                text,
                "\n    batch at {} epoch {epoch} codec {} by {producer}/{}/{}:",
                header.base_offset, header.codec, header.producer_epoch, header.sequence
            );
            match lab::wire::decode(&batch) {
                Ok(records) => records.iter().for_each(|record| self.record(&mut text, record)),
                Err(error) => drop(write!(text, " unreadable: {error}")),
            }
            rest = after;
        }
        text
    }

    /// Where the first batch begins, if there is one.
    pub(super) fn first_batch(bytes: &Bytes) -> Option<i64> {
        split(bytes).map(|(batch, _)| Header::of(&batch).base_offset)
    }

    fn record(&self, text: &mut String, record: &Record) {
        let (key, value) = (content(record.key.as_ref()), content(record.value.as_ref()));
        let _ = write!(text, " {}@{} {key}={value}", record.offset, self.time(record.timestamp));
        for (name, value) in &record.headers {
            let _ = write!(text, " {}:{}", name.as_str(), content(value.as_ref()));
        }
        text.push(';');
    }
}

/// An error code by its name.
pub(super) fn error(code: i16) -> String {
    code.err().map_or_else(|| "ok".to_owned(), |error| format!("{error:?}"))
}

/// What a client makes of no answer. A broker that is gone may refuse or reset.
pub(super) fn no_answer(error: &WireError) -> &'static str {
    match error {
        WireError::TimedOut(_) => "silent",
        WireError::Closed | WireError::Io(_) => "gone",
        WireError::Encode { .. } => "cannot be said",
        WireError::Length(_) | WireError::Correlation { .. } | WireError::Decode { .. } => "not understood",
    }
}

/// Bytes as a person would read them.
pub(super) fn content(bytes: Option<&Bytes>) -> String {
    match bytes {
        None => "null".to_owned(),
        Some(bytes) if bytes.len() > CONTENT_BYTES_MAX => format!("{} bytes", bytes.len()),
        Some(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
    }
}

fn place<T: PartialEq>(known: &mut Vec<T>, id: T) -> usize {
    known.iter().position(|seen| *seen == id).unwrap_or_else(|| {
        known.push(id);
        known.len() - 1
    })
}

/// The first whole batch, and what comes after it.
fn split(bytes: &Bytes) -> Option<(Bytes, Bytes)> {
    // The base offset and the length, in front of what the length counts.
    const PREFIX: usize = 12;
    let length = i32::from_be_bytes(*bytes.get(8..)?.first_chunk()?);
    let end = usize::try_from(length).ok()?.checked_add(PREFIX)?;
    (end >= HEADER_BYTES && end <= bytes.len()).then(|| (bytes.slice(..end), bytes.slice(end..)))
}

/// The header of a batch of magic 2.
const HEADER_BYTES: usize = 61;

struct Header {
    base_offset: i64,
    leader_epoch: i32,
    codec: i16,
    producer: i64,
    producer_epoch: i16,
    sequence: i32,
}

impl Header {
    /// Of a batch that [`split`] has found long enough.
    fn of(batch: &Bytes) -> Self {
        Self {
            base_offset: i64::from_be_bytes(field(batch, 0)),
            leader_epoch: i32::from_be_bytes(field(batch, 12)),
            codec: i16::from_be_bytes(field(batch, 21)) & CODEC_BITS,
            producer: i64::from_be_bytes(field(batch, 43)),
            producer_epoch: i16::from_be_bytes(field(batch, 51)),
            sequence: i32::from_be_bytes(field(batch, 53)),
        }
    }
}

fn field<const N: usize>(batch: &Bytes, at: usize) -> [u8; N] {
    batch.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use lab::wire::{Batch, Entry, Producer};

    use super::*;

    #[test]
    fn ids_are_named_in_the_order_in_which_they_are_seen() {
        let mut names = Names::new(0);
        let (one, two) = (Uuid::from_u128(9), Uuid::from_u128(4));
        assert_eq!([names.topic(one), names.topic(two), names.topic(one)], ["T0", "T1", "T0"]);
        assert_eq!(names.topic(Uuid::nil()), "none");
        assert_eq!([names.producer(4_711), names.producer(-1)], ["P0", "-1"]);
        assert_eq!([names.member(""), names.member("wire-1"), names.member("wire-1")], ["none", "M0", "M0"]);
    }

    #[test]
    fn a_batch_is_told_with_its_header_and_its_records() {
        let mut names = Names::new(1_000_000);
        let entry = |second: i64| Entry { timestamp: Some(1_000_000 + second * 1_000), ..Entry::value("v") };
        let producer = Producer { id: 77, epoch: 2, sequence: 5 };
        let batch = Batch::of([entry(1), entry(2)]).by(producer).encode().unwrap();
        let cut = Bytes::from([&batch[..], &batch[..40]].concat());
        expect![[r#"batch at 0 epoch -1 codec 0 by P0/2/5: 0@second 1 null="v"; 1@second 2 null="v";"#]]
            .assert_eq(names.batches(&cut).trim_start());
    }

    #[test]
    fn a_time_that_no_record_was_given_is_the_clusters_own() {
        let names = Names::new(5_000);
        assert_eq!(
            [names.time(-1), names.time(8_000), names.time(8_001), names.time(4_000)],
            ["-1", "second 3", "now", "now"]
        );
    }

    #[test]
    fn errors_have_names() {
        assert_eq!([error(0), error(6), error(999)], ["ok", "NotLeaderOrFollower", "Unknown(999)"]);
    }
}
