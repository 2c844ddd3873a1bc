//! Records on their way out and in: owned bytes, no meaning.
//!
//! What keys, headers and payloads mean is the contracts' business.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use rdkafka::Message;
use rdkafka::message::{BorrowedMessage, Header, Headers as _, OwnedHeaders};

/// Header names and values, in the order in which they are written.
pub type Headers = Vec<(Cow<'static, str>, Bytes)>;

/// A record to produce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The topic's name.
    pub topic: Cow<'static, str>,
    /// The partition. The caller chooses it, because circuits are kept per partition.
    pub partition: i32,
    /// The key; empty for none.
    pub key: Bytes,
    /// The headers.
    pub headers: Headers,
    /// The payload.
    pub payload: Bytes,
}

/// A record that was consumed. It is a copy: holding it holds nothing of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// The topic's name.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset within the partition.
    pub offset: i64,
    /// The record's timestamp in milliseconds since the Unix epoch; 0 when it has none.
    pub timestamp_ms: i64,
    /// The key; empty when the record has none.
    pub key: Bytes,
    /// The headers in wire order; a null value is empty. All of them are missing when one name is not UTF-8,
    /// so such a record fails whichever check its reader makes, instead of failing the reader.
    pub headers: Headers,
    /// The payload; empty when the record has none.
    pub payload: Bytes,
}

impl Incoming {
    /// The value of the header `name`; the last one when there are several, as Kafka's own clients do it.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&Bytes> {
        self.headers.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The headers as borrowed names and values.
    pub fn header_pairs(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    pub(crate) fn copied_from(message: &BorrowedMessage<'_>) -> Self {
        Self {
            topic: message.topic().to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            timestamp_ms: message.timestamp().to_millis().unwrap_or(0),
            key: copied(message.key()),
            headers: copied_headers(message),
            payload: copied(message.payload()),
        }
    }
}

fn copied(bytes: Option<&[u8]>) -> Bytes {
    bytes.map_or_else(Bytes::new, Bytes::copy_from_slice)
}

/// rdkafka panics on a header name that is not UTF-8, and anybody who may produce to a topic can write one;
/// a reader must outlive it.
fn copied_headers(message: &BorrowedMessage<'_>) -> Headers {
    let Some(native) = message.headers() else { return Headers::new() };
    let copy = || native.iter().map(|h| (Cow::Owned(h.key.to_owned()), copied(h.value))).collect();
    catch_unwind(AssertUnwindSafe(copy)).unwrap_or_else(|_| {
        let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
        tracing::debug!(topic, partition, offset, "headers ignored: a name is not UTF-8");
        Headers::new()
    })
}

/// The native form of `headers`; `None` when there are none.
pub(crate) fn native_headers(headers: &Headers) -> Option<OwnedHeaders> {
    if headers.is_empty() {
        return None;
    }
    let native = OwnedHeaders::new_with_capacity(headers.len());
    Some(
        headers
            .iter()
            .fold(native, |native, (key, value)| native.insert(Header { key, value: Some(value.as_ref()) })),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_several_equal_headers_counts() {
        let headers = vec![
            (Cow::Borrowed("mode"), Bytes::from_static(b"normal")),
            (Cow::Borrowed("mode"), Bytes::from_static(b"degraded")),
        ];
        let incoming = Incoming {
            topic: String::new(),
            partition: 0,
            offset: 0,
            timestamp_ms: 0,
            key: Bytes::new(),
            headers,
            payload: Bytes::new(),
        };
        assert_eq!(incoming.header("mode").map(AsRef::as_ref), Some(b"degraded".as_slice()));
        assert_eq!(incoming.header("absent"), None);
        let pairs: Vec<_> = incoming.header_pairs().collect();
        assert_eq!(pairs, [("mode", b"normal".as_slice()), ("mode", b"degraded")]);
    }
}
