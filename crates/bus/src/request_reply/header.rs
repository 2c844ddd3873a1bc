//! The four headers of request and reply, as text: a person with a console consumer can read them.

use std::borrow::Cow;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use uuid::Uuid;

use crate::record::{Headers, Incoming};

/// The request's id, a hyphenated UUID. The reply repeats it.
pub const CORRELATION_ID: &str = "correlation_id";
/// The topic to reply to.
pub const REPLY_TOPIC: &str = "reply_topic";
/// The partition to reply to, decimal.
pub const REPLY_PARTITION: &str = "reply_partition";
/// When the requester stops waiting, in milliseconds since the Unix epoch, decimal.
pub const DEADLINE: &str = "deadline";

/// What a request says about its reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHeaders {
    /// The request's id.
    pub correlation_id: Uuid,
    /// The topic to reply to.
    pub reply_topic: String,
    /// The partition to reply to.
    pub reply_partition: i32,
    /// When the requester stops waiting, in milliseconds since the Unix epoch.
    pub deadline_unix_ms: u64,
}

/// A record is not a request, or not a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The header is not there.
    #[error("header `{0}` is missing")]
    Missing(&'static str),
    /// The header's value can not be read.
    #[error("header `{0}` can not be read")]
    Unreadable(&'static str),
}

impl RequestHeaders {
    /// Reads the headers of a request.
    ///
    /// # Errors
    /// Names the first header that is missing or unreadable.
    pub fn read(record: &Incoming) -> Result<Self, Malformed> {
        Ok(Self {
            correlation_id: correlation_id(record)?,
            reply_topic: text(record, REPLY_TOPIC)?.to_owned(),
            reply_partition: reply_partition(record)?,
            deadline_unix_ms: parsed(record, DEADLINE)?,
        })
    }

    /// Writes these headers over any of the same names.
    pub fn write(&self, headers: &mut Headers) {
        write(headers, CORRELATION_ID, self.correlation_id.to_string());
        write(headers, REPLY_TOPIC, self.reply_topic.clone());
        write(headers, REPLY_PARTITION, self.reply_partition.to_string());
        write(headers, DEADLINE, self.deadline_unix_ms.to_string());
    }

    /// How much of the requester's patience is left; `None` when it has run out.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        let left_ms = self.deadline_unix_ms.saturating_sub(unix_ms_now());
        (left_ms > 0).then(|| Duration::from_millis(left_ms))
    }
}

/// The correlation id of a reply.
pub(super) fn correlation_id(record: &Incoming) -> Result<Uuid, Malformed> {
    let value = record.header(CORRELATION_ID).ok_or(Malformed::Missing(CORRELATION_ID))?;
    Uuid::try_parse_ascii(value).map_err(|_| Malformed::Unreadable(CORRELATION_ID))
}

/// Writes the correlation id of a reply over any that is there.
pub(super) fn write_correlation_id(headers: &mut Headers, id: Uuid) {
    write(headers, CORRELATION_ID, id.to_string());
}

/// `deadline` on the clock that both sides share.
pub(super) fn unix_ms(deadline: Instant) -> u64 {
    let left = deadline.saturating_duration_since(Instant::now());
    unix_ms_now().saturating_add(u64::try_from(left.as_millis()).unwrap_or(u64::MAX))
}

fn unix_ms_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn write(headers: &mut Headers, name: &'static str, value: String) {
    headers.retain(|(other, _)| other != name);
    headers.push((Cow::Borrowed(name), Bytes::from(value)));
}

/// A negative partition would mean "any" to the client, and the requester reads only its own.
fn reply_partition(record: &Incoming) -> Result<i32, Malformed> {
    let partition = parsed(record, REPLY_PARTITION)?;
    if partition < 0 { Err(Malformed::Unreadable(REPLY_PARTITION)) } else { Ok(partition) }
}

fn text<'a>(record: &'a Incoming, name: &'static str) -> Result<&'a str, Malformed> {
    let value = record.header(name).ok_or(Malformed::Missing(name))?;
    std::str::from_utf8(value).map_err(|_| Malformed::Unreadable(name))
}

fn parsed<T: std::str::FromStr>(record: &Incoming, name: &'static str) -> Result<T, Malformed> {
    text(record, name)?.parse().map_err(|_| Malformed::Unreadable(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: Headers) -> Incoming {
        let (key, payload) = (Bytes::new(), Bytes::new());
        Incoming { topic: "t".into(), partition: 0, offset: 0, timestamp_ms: 0, key, headers, payload }
    }

    fn headers() -> RequestHeaders {
        RequestHeaders {
            correlation_id: Uuid::from_u128(7),
            reply_topic: "replies".into(),
            reply_partition: 3,
            deadline_unix_ms: 1_700_000_000_000,
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut written = Headers::new();
        headers().write(&mut written);
        assert_eq!(RequestHeaders::read(&request(written)), Ok(headers()));
    }

    #[test]
    fn writing_again_leaves_one_header_of_each_name() {
        let mut written = Headers::new();
        let other = RequestHeaders { correlation_id: Uuid::from_u128(8), ..headers() };
        other.write(&mut written);
        headers().write(&mut written);
        assert_eq!(written.len(), 4);
        assert_eq!(RequestHeaders::read(&request(written)), Ok(headers()));
    }

    #[test]
    fn a_negative_reply_partition_is_unreadable() {
        let mut written = Headers::new();
        RequestHeaders { reply_partition: -1, ..headers() }.write(&mut written);
        assert_eq!(RequestHeaders::read(&request(written)), Err(Malformed::Unreadable(REPLY_PARTITION)));
    }

    #[test]
    fn a_missing_or_unreadable_header_is_named() {
        let mut written = Headers::new();
        headers().write(&mut written);
        for (at, name) in [CORRELATION_ID, REPLY_TOPIC, REPLY_PARTITION, DEADLINE].into_iter().enumerate() {
            let mut without = written.clone();
            without.remove(at);
            assert_eq!(RequestHeaders::read(&request(without)), Err(Malformed::Missing(name)));
            let mut garbage = written.clone();
            garbage[at].1 = Bytes::from_static(b"\xff");
            assert_eq!(RequestHeaders::read(&request(garbage)), Err(Malformed::Unreadable(name)));
        }
    }

    #[test]
    fn a_deadline_in_the_past_leaves_no_time() {
        assert_eq!(headers().time_left(), None);
        let soon = unix_ms(Instant::now() + Duration::from_secs(60));
        let left = RequestHeaders { deadline_unix_ms: soon, ..headers() }.time_left();
        assert!(left.is_some_and(|left| left > Duration::from_secs(30)));
    }
}
