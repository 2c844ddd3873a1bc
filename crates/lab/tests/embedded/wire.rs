//! A client of hand-made frames.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    ApiKey, FetchRequest, FetchResponse, MetadataRequest, MetadataResponse, ProduceRequest, ProduceResponse,
    RequestHeader, ResponseHeader,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record,
    RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use lab::Lab;
use lab::embedded::Embedded;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const PRODUCE: i16 = 9;
pub(crate) const FETCH: i16 = 12;
pub(crate) const METADATA: i16 = 12;

pub(crate) struct Wire {
    pub(crate) stream: TcpStream,
    correlation: i32,
}

pub(crate) fn address(lab: &Embedded, broker: i32) -> String {
    lab.brokers().into_iter().find(|b| b.id == broker).expect("a broker").address
}

impl Wire {
    pub(crate) async fn to(lab: &Embedded, broker: i32) -> Self {
        let stream = TcpStream::connect(address(lab, broker)).await.expect("connected");
        Self { stream, correlation: 0 }
    }

    /// Sends a request and gives its correlation id.
    pub(crate) async fn send(&mut self, key: ApiKey, version: i16, request: &impl Encodable) -> i32 {
        self.correlation += 1;
        let header = RequestHeader::default()
            .with_request_api_key(key as i16)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation)
            .with_client_id(Some(StrBytes::from_static_str("hand-made")));
        let mut frame = BytesMut::new();
        frame.put_i32(0);
        header.encode(&mut frame, key.request_header_version(version)).expect("a header");
        request.encode(&mut frame, version).expect("a request");
        let length = i32::try_from(frame.len() - 4).expect("a length");
        frame[..4].copy_from_slice(&length.to_be_bytes());
        self.stream.write_all(&frame).await.expect("sent");
        self.correlation
    }

    /// The next answer: its correlation id and message.
    pub(crate) async fn receive<R: Decodable>(
        &mut self,
        key: ApiKey,
        version: i16,
    ) -> std::io::Result<(i32, R)> {
        let length = self.stream.read_i32().await?;
        let mut frame = vec![0; usize::try_from(length).expect("a length")];
        self.stream.read_exact(&mut frame).await?;
        let mut frame = Bytes::from(frame);
        let header =
            ResponseHeader::decode(&mut frame, key.response_header_version(version)).expect("a header");
        let message = R::decode(&mut frame, version).expect("a message");
        assert!(!frame.has_remaining(), "nothing follows the message");
        Ok((header.correlation_id, message))
    }

    /// Waits until anything comes, or the connection ends.
    pub(crate) async fn anything(&self) {
        // Not `readable`, which may remember what has been read already.
        drop(self.stream.peek(&mut [0]).await);
    }

    pub(crate) async fn ask<R: Decodable>(
        &mut self,
        key: ApiKey,
        version: i16,
        request: &impl Encodable,
    ) -> R {
        let sent = self.send(key, version, request).await;
        let (received, message) = self.receive(key, version).await.expect("an answer");
        assert_eq!(received, sent);
        message
    }

    pub(crate) async fn metadata(&mut self) -> MetadataResponse {
        self.ask(ApiKey::Metadata, METADATA, &MetadataRequest::default().with_topics(None)).await
    }

    pub(crate) async fn produce(&mut self, topic: &str, partition: i32, value: &str) -> i16 {
        let answer: ProduceResponse =
            self.ask(ApiKey::Produce, PRODUCE, &produce(topic, partition, value, -1)).await;
        answer.responses[0].partition_responses[0].error_code
    }

    /// Error and values.
    pub(crate) async fn fetch(&mut self, topic: &str, partition: i32, wait_ms: i32) -> (i16, Vec<String>) {
        let answer: FetchResponse = self.ask(ApiKey::Fetch, FETCH, &fetch(topic, partition, wait_ms)).await;
        values(&answer)
    }
}

pub(crate) fn produce(topic: &str, partition: i32, value: &str, acks: i16) -> ProduceRequest {
    let part = PartitionProduceData::default().with_index(partition).with_records(Some(batch(value)));
    let topic = TopicProduceData::default()
        .with_name(StrBytes::from_string(topic.to_owned()).into())
        .with_partition_data(vec![part]);
    ProduceRequest::default().with_acks(acks).with_timeout_ms(5_000).with_topic_data(vec![topic])
}

/// From the start, at least one byte.
pub(crate) fn fetch(topic: &str, partition: i32, wait_ms: i32) -> FetchRequest {
    let part = FetchPartition::default().with_partition(partition).with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default()
        .with_topic(StrBytes::from_string(topic.to_owned()).into())
        .with_partitions(vec![part]);
    FetchRequest::default()
        .with_max_wait_ms(wait_ms)
        .with_min_bytes(1)
        .with_max_bytes(1 << 20)
        .with_session_epoch(-1)
        .with_topics(vec![topic])
}

pub(crate) fn values(answer: &FetchResponse) -> (i16, Vec<String>) {
    let part = &answer.responses[0].partitions[0];
    let mut records = part.records.clone().unwrap_or_default();
    let sets = RecordBatchDecoder::decode_all(&mut records).expect("whole batches");
    let values = sets
        .into_iter()
        .flat_map(|set| set.records)
        .map(|record| String::from_utf8(record.value.expect("a value").to_vec()).expect("text"));
    (part.error_code, values.collect())
}

fn batch(value: &str) -> Bytes {
    let record = Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset: 0,
        sequence: NO_SEQUENCE,
        timestamp: 1_700_000_000_000,
        key: None,
        value: Some(Bytes::copy_from_slice(value.as_bytes())),
        headers: Default::default(),
    };
    let mut batch = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    RecordBatchEncoder::encode(&mut batch, [&record], &options).expect("a batch");
    batch.freeze()
}

/// The leader of a partition of `orders`, as this broker's metadata has it.
pub(crate) async fn leader(wire: &mut Wire, topic: &str, partition: i32) -> i32 {
    let metadata = wire.metadata().await;
    let topic = metadata.topics.iter().find(|t| t.name.as_ref().is_some_and(|name| **name == *topic));
    topic
        .expect("the topic")
        .partitions
        .iter()
        .find(|p| p.partition_index == partition)
        .expect("it")
        .leader_id
        .0
}
