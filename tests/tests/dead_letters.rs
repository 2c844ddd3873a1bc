//! Junk on every topic that a service reads: it ends on the dead letters with its reason, is counted, and stops nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bus::{Headers, Producer, Reader, Record, StartAt, TopicPartition};
use bytes::{BufMut, Bytes, BytesMut};
use contracts::provenance::names;
use contracts::{EventType, dead_letter, topics};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{ApiKey, ProduceRequest, ProduceResponse, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE,
    RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use story_tests::{PARTITIONS, PATIENCE, World, degrade};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What the services read, what belongs there, and who puts aside what does not.
const READ: [(&str, EventType, &str); 6] = [
    (topics::FEE_REQUESTS, EventType::FeeRequest, "fee"),
    (topics::TRADES, EventType::TradeExecuted, "fee"),
    (topics::QUOTE_REQUESTS, EventType::QuoteRequest, "quote"),
    (topics::QUOTE_REPLIES, EventType::FeeReply, "quote"),
    (topics::MARKET_TICKS, EventType::Tick, "quote"),
    (topics::TRADE_REPLIES, EventType::QuoteReply, "trade"),
];

/// Where a record was found, and why it was put aside.
type Letter = (String, i32, i64, String);

/// The headers of a record that asks for an answer, or gives one.
fn headers(event_type: EventType, schema_version: &str) -> Headers {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    let deadline = (now + Duration::from_secs(3600)).as_millis().to_string();
    let id = "4ae1a6ab-50d5-5c4d-966b-ae9056705d36";
    let headers = [
        (names::SERVICE_ID, "stranger"),
        (names::EVENT_TYPE, event_type.as_str()),
        (names::EVENT_TIME, "1800000000000"),
        (names::EVENT_ID, id),
        (names::CAUSATION_ID, id),
        (names::SCHEMA_VERSION, schema_version),
        (names::MODE, "normal"),
        (names::CORRELATION_ID, id),
        (names::REPLY_TOPIC, topics::QUOTE_REPLIES),
        (names::REPLY_PARTITION, "0"),
        (names::DEADLINE, &deadline),
    ];
    headers.map(|(name, value)| (name.into(), Bytes::copy_from_slice(value.as_bytes()))).into()
}

/// Sends every kind of junk to every partition of what the services read, and says what must be put aside.
async fn litter(world: &World) -> BTreeSet<Letter> {
    let producer = Producer::new(&world.system.client("stranger")).expect("a producer");
    let mut expected = BTreeSet::new();
    for (topic, event_type, _) in READ {
        let kinds = [
            (Headers::new(), "missing-header"),
            (headers(event_type, "9"), "unknown-schema-version"),
            (headers(event_type, "1"), "malformed-payload"),
        ];
        for (headers, reason) in kinds {
            for partition in 0..i32::from(PARTITIONS) {
                let headers = headers.clone();
                // No varint ends in these.
                let payload = Bytes::from_static(&[0xff; 32]);
                let junk = Record { topic: topic.into(), partition, key: Bytes::new(), headers, payload };
                let acked = producer.send(&junk, ()).expect("taken").await.expect("acked");
                expected.insert((topic.to_owned(), partition, acked.offset, reason.to_owned()));
            }
        }
        let offset = produce_a_header_that_is_no_text(world, topic).await;
        expected.insert((topic.to_owned(), 0, offset, "missing-header".to_owned()));
    }
    producer.close(PATIENCE).await.expect("closed");
    expected
}

/// Reads dead letters until there are as many different ones as expected.
async fn dead_letters(world: &World, count: usize) -> BTreeSet<Letter> {
    let topic = topics::DEAD_LETTERS.to_owned();
    let partitions: Vec<_> = (0..i32::from(PARTITIONS))
        .map(|partition| TopicPartition { topic: topic.clone(), partition })
        .collect();
    let settings = world.system.client("reader-of-dead-letters");
    let reader =
        Reader::assigned(&settings, &partitions, StartAt::Beginning, PATIENCE).await.expect("a reader");
    let mut found = BTreeSet::new();
    while found.len() < count {
        let next = tokio::time::timeout(PATIENCE, reader.recv()).await;
        let Ok(letter) = next else { break };
        let letter = letter.expect("a record");
        let text = |name| {
            let value = letter.header(name).expect("every dead letter says where it comes from and why");
            String::from_utf8(value.to_vec()).expect("text")
        };
        let number = |name| text(name).parse::<i64>().expect("a number");
        let partition = i32::try_from(number(dead_letter::PARTITION)).expect("a partition");
        let (topic, offset) = (text(dead_letter::TOPIC), number(dead_letter::OFFSET));
        found.insert((topic, partition, offset, text(dead_letter::REASON)));
    }
    reader.close(PATIENCE).await.expect("closed");
    found
}

/// How many records a service says that it put aside for this reason.
async fn counted(world: &World, service: &str, reason: &str) -> usize {
    let addresses: BTreeMap<&str, SocketAddr> = BTreeMap::from([
        ("fee", world.system.fee_address()),
        ("quote", world.system.quote_address()),
        ("trade", world.system.trade_address()),
    ]);
    let metrics = world.metrics(addresses[service]).await;
    let counter = format!("leaderless_{service}_dead_letters_total{{reason=\"{reason}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&counter));
    line.map_or(0, |count| count.parse().expect("a number"))
}

#[tokio::test]
async fn junk_on_every_topic_ends_on_the_dead_letters_and_stops_no_partition() {
    let world = World::start(degrade()).await;
    let expected = litter(&world).await;
    world.is_healthy("after-junk").await;

    let found = dead_letters(&world, expected.len()).await;
    let missing: Vec<_> = expected.difference(&found).collect();
    let unexpected: Vec<_> = found.difference(&expected).collect();
    assert!(missing.is_empty() && unexpected.is_empty(), "missing {missing:?}, unexpected {unexpected:?}");

    let services: BTreeMap<&str, &str> = READ.iter().map(|(topic, _, service)| (*topic, *service)).collect();
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (topic, _, _, reason) in &expected {
        *counts.entry((services[topic.as_str()], reason)).or_default() += 1;
    }
    for ((service, reason), count) in counts {
        let counted = counted(&world, service, reason).await;
        assert_eq!(counted, count, "{service}: {reason}");
    }
    world.stop().await;
}

/// No client of this house can write a header whose name is not UTF-8, but a stranger's can: made by hand. Returns the
/// record's offset.
async fn produce_a_header_that_is_no_text(world: &World, topic: &str) -> i64 {
    let part = PartitionProduceData::default().with_index(0).with_records(Some(not_utf8()));
    let data = TopicProduceData::default()
        .with_name(StrBytes::from_string(topic.to_owned()).into())
        .with_partition_data(vec![part]);
    let request = ProduceRequest::default().with_acks(-1).with_timeout_ms(5_000).with_topic_data(vec![data]);
    for broker in world.system.lab().brokers() {
        let answer = ask(&broker.address, &request).await;
        let part = &answer.responses[0].partition_responses[0];
        // The other two are not the leader.
        if part.error_code == 0 {
            return part.base_offset;
        }
    }
    panic!("no broker leads {topic}/0");
}

async fn ask(broker: &str, request: &ProduceRequest) -> ProduceResponse {
    const VERSION: i16 = 9;
    let key = ApiKey::Produce;
    let header = RequestHeader::default().with_request_api_key(key as i16).with_request_api_version(VERSION);
    let mut frame = BytesMut::new();
    header.encode(&mut frame, key.request_header_version(VERSION)).expect("a header");
    request.encode(&mut frame, VERSION).expect("a request");
    let mut stream = TcpStream::connect(broker).await.expect("connected");
    stream.write_u32(u32::try_from(frame.len()).expect("a length")).await.expect("sent");
    stream.write_all(&frame).await.expect("sent");

    let length = stream.read_u32().await.expect("an answer");
    let mut answer = vec![0; usize::try_from(length).expect("a length")];
    stream.read_exact(&mut answer).await.expect("a whole answer");
    let mut answer = Bytes::from(answer);
    ResponseHeader::decode(&mut answer, key.response_header_version(VERSION)).expect("a header");
    ProduceResponse::decode(&mut answer, VERSION).expect("an answer to the request")
}

/// A batch with one record, whose one header has the name `0xff 0xff`.
fn not_utf8() -> Bytes {
    const NAME: &str = "~~";
    // Of a batch: its checksum, and what it covers.
    const CRC_AT: usize = 17;
    const CHECKED_FROM: usize = 21;
    let record = kafka_protocol::records::Record {
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
        value: Some(Bytes::from_static(b"junk")),
        headers: [(StrBytes::from_static_str(NAME), Some(Bytes::from_static(b"x")))].into_iter().collect(),
    };
    let mut batch = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    RecordBatchEncoder::encode(&mut batch, [&record], &options).expect("a batch");
    let name_at = batch.windows(NAME.len()).rposition(|w| w == NAME.as_bytes()).expect("the header's name");
    batch[name_at..name_at + NAME.len()].fill(0xff);
    let checksum = crc32c::crc32c(&batch[CHECKED_FROM..]);
    (&mut batch[CRC_AT..CHECKED_FROM]).put_u32(checksum);
    batch.freeze()
}
