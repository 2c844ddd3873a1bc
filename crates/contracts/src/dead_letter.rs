//! Dead letters: what becomes of a record that cannot be decoded.
//!
//! Invariants: a dead letter says where the record was found and why it could not be decoded; it has the
//! headers of every record; its event id is a function of the place, so that a record which is put aside
//! twice is one dead letter.
//!
//! Bounds: the payload is kept up to [`PAYLOAD_KEPT_BYTES`] and its full length is told; the reason is cut to
//! [`REASON_KEPT_BYTES`]. The headers of the record are not kept: the reason quotes the one that was wrong.

use bytes::Bytes;
use trading::ids::ServiceId;
use trading::mode::Mode;
use trading::time::Timestamp;

use crate::codec::{Encoded, Undecodable};
use crate::event_id::dead_letter_id;
use crate::provenance::Provenance;
use crate::refusal::cut;
use crate::topics;

/// How much of the payload is kept.
pub const PAYLOAD_KEPT_BYTES: usize = 64 * 1024;

/// How much of the reason is kept.
pub const REASON_KEPT_BYTES: usize = 512;

/// The `event_type` of a dead letter; no event has it, so a dead letter is never decoded as one.
pub const EVENT_TYPE: &str = "DeadLetter";

/// The topic that the record was found on.
pub const TOPIC: &str = "dead_letter_topic";
/// Its partition.
pub const PARTITION: &str = "dead_letter_partition";
/// Its offset.
pub const OFFSET: &str = "dead_letter_offset";
/// The short name of the reason, [`Undecodable::code`].
pub const REASON: &str = "dead_letter_reason";
/// The reason as a sentence.
pub const DETAIL: &str = "dead_letter_detail";
/// The length of the whole payload in bytes.
pub const PAYLOAD_BYTES: &str = "dead_letter_payload_bytes";

/// Where a record was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    /// On which topic.
    pub topic: &'a str,
    /// On which partition.
    pub partition: i32,
    /// At which offset.
    pub offset: i64,
}

impl Undecodable {
    /// The dead letter of a record, put aside by `service_id` at `now`.
    pub fn dead_letter(
        &self,
        origin: Origin<'_>,
        payload: &[u8],
        service_id: &ServiceId,
        now: Timestamp,
    ) -> Encoded {
        let Origin { topic, partition, offset } = origin;
        let topic = cut(topic.to_owned(), 249);
        let id = dead_letter_id(&topic, partition, offset);
        let mut headers = Provenance::root(service_id.clone(), id, now, Mode::Normal).to_headers(EVENT_TYPE);
        headers.extend([
            (TOPIC, Bytes::from(topic.clone())),
            (PARTITION, Bytes::from(partition.to_string())),
            (OFFSET, Bytes::from(offset.to_string())),
            (REASON, Bytes::from_static(self.code().as_bytes())),
            (DETAIL, Bytes::from(cut(self.to_string(), REASON_KEPT_BYTES))),
            (PAYLOAD_BYTES, Bytes::from(payload.len().to_string())),
        ]);
        Encoded {
            topic: topics::DEAD_LETTERS,
            partition: None,
            key: Bytes::from(topic),
            headers,
            payload: Bytes::copy_from_slice(&payload[..payload.len().min(PAYLOAD_KEPT_BYTES)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::codec::decode;

    const ORIGIN: Origin<'_> = Origin { topic: "orders", partition: 7, offset: 42 };

    fn dead_letter(reason: &Undecodable, payload: &[u8]) -> Encoded {
        let service_id = ServiceId::new("trade").unwrap();
        reason.dead_letter(ORIGIN, payload, &service_id, Timestamp::from_unix_ms(1_800_000_000_000))
    }

    #[test]
    fn a_dead_letter_says_where_why_and_how_long() {
        let record = dead_letter(&Undecodable::UnknownSchemaVersion("9".into()), b"abc");
        let headers: Vec<_> =
            record.headers.iter().map(|(name, value)| format!("{name}: {}", value.escape_ascii())).collect();
        expect![[r#"
            service_id: trade
            event_type: DeadLetter
            event_time: 1800000000000
            event_id: 4ae1a6ab-50d5-5c4d-966b-ae9056705d36
            causation_id: 4ae1a6ab-50d5-5c4d-966b-ae9056705d36
            schema_version: 1
            mode: normal
            dead_letter_topic: orders
            dead_letter_partition: 7
            dead_letter_offset: 42
            dead_letter_reason: unknown-schema-version
            dead_letter_detail: the schema version `9` is not known, only `1` is
            dead_letter_payload_bytes: 3"#]]
        .assert_eq(&headers.join("\n"));
        assert_eq!(
            (record.topic, &record.key[..], &record.payload[..]),
            ("dead-letters", &b"orders"[..], &b"abc"[..])
        );
    }

    #[test]
    fn a_record_that_is_put_aside_twice_is_one_dead_letter() {
        let reason = Undecodable::PayloadTooLong(1 << 20);
        assert_eq!(dead_letter(&reason, b"abc"), dead_letter(&reason, b"abc"));
    }

    #[test]
    fn a_long_payload_and_a_long_reason_are_cut() {
        let reason = Undecodable::UnknownEventType("é".repeat(5_000));
        let record = dead_letter(&reason, &vec![1; PAYLOAD_KEPT_BYTES + 1]);
        let header = |name| &record.headers.iter().find(|(other, _)| *other == name).unwrap().1;
        assert_eq!(record.payload.len(), PAYLOAD_KEPT_BYTES);
        assert_eq!(header(PAYLOAD_BYTES), &(PAYLOAD_KEPT_BYTES + 1).to_string());
        assert!(header(DETAIL).len() <= REASON_KEPT_BYTES);
    }

    #[test]
    fn a_dead_letter_is_no_event() {
        let record = dead_letter(&Undecodable::PayloadTooLong(1), b"");
        let headers = record.headers.iter().map(|(name, value)| (*name, value.as_ref()));
        assert_eq!(
            decode(record.topic, headers, &record.payload),
            Err(Undecodable::UnknownEventType(EVENT_TYPE.to_owned()))
        );
    }
}
