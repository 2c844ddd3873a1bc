//! Every event there and back, each reason why a record cannot be decoded, and random bytes, which must never
//! panic.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::event::Heartbeat;
use crate::event_id::{Step, event_id_for};
use crate::provenance::{Exchange, HEADERS_MAX};
use crate::refusal::RefusalCode;

mod samples;

use samples::{alice, events, exchange, fee_request, order_placed, provenance, trade};

type Pairs = Vec<(String, Vec<u8>)>;

fn pairs(headers: &Headers) -> Pairs {
    headers.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect()
}

fn decode_pairs(topic: &str, headers: &Pairs, payload: &[u8]) -> Result<(Provenance, Event), Undecodable> {
    decode(topic, headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())), payload)
}

fn there_and_back(event: &Event, provenance: &Provenance) -> Result<(Provenance, Event), Undecodable> {
    let record = encode(event.clone(), provenance).expect("samples fit their provenance");
    decode_pairs(record.topic, &pairs(&record.headers), &record.payload)
}

/// What `event` needs of `exchange` and of ids.
fn fitting(event: &Event, exchange: Exchange) -> Provenance {
    let mut provenance = provenance();
    provenance.exchange = event.event_type().is_exchange().then_some(exchange);
    provenance.event_id = event.own_event_id().unwrap_or(provenance.event_id);
    provenance
}

/// Breaks a good record and holds the reason against `expected`.
fn check(event: Event, break_it: impl FnOnce(&mut Pairs, &mut Vec<u8>), expected: Expect) {
    let provenance = fitting(&event, exchange());
    let record = encode(event, &provenance).unwrap();
    let (mut headers, mut payload) = (pairs(&record.headers), record.payload.to_vec());
    break_it(&mut headers, &mut payload);
    let reason = decode_pairs(record.topic, &headers, &payload).unwrap_err();
    expected.assert_eq(&format!("{}: {reason}", reason.code()));
}

fn set(headers: &mut Pairs, name: &str, value: &str) {
    headers.iter_mut().find(|(other, _)| other == name).unwrap().1 = value.into();
}

#[test]
fn a_record_carries_all_the_headers() {
    let event = Event::FeeRequest(fee_request());
    let record = encode(event.clone(), &fitting(&event, exchange())).unwrap();
    let lines: Vec<_> =
        record.headers.iter().map(|(name, value)| format!("{name}: {}", value.escape_ascii())).collect();
    expect![[r#"
        service_id: trade
        event_type: FeeRequest
        event_time: 1800000000000
        event_id: 00000000-0000-0000-0000-00000000000b
        causation_id: 00000000-0000-0000-0000-00000000000c
        schema_version: 1
        mode: normal
        correlation_id: 00000000-0000-0000-0000-00000000000d
        reply_topic: quote.replies
        reply_partition: 3
        deadline: 1800000000250"#]]
    .assert_eq(&lines.join("\n"));
    assert_eq!((record.topic, record.partition, &record.key[..]), ("fee.requests", None, &b"alice"[..]));
}

#[test]
fn a_missing_header_is_named() {
    for name in [
        names::SERVICE_ID,
        names::EVENT_TYPE,
        names::EVENT_TIME,
        names::EVENT_ID,
        names::CAUSATION_ID,
        names::SCHEMA_VERSION,
        names::MODE,
        names::CORRELATION_ID,
        names::REPLY_TOPIC,
        names::REPLY_PARTITION,
        names::DEADLINE,
    ] {
        let event = Event::FeeRequest(fee_request());
        let record = encode(event.clone(), &fitting(&event, exchange())).unwrap();
        let headers: Pairs = pairs(&record.headers).into_iter().filter(|(other, _)| other != name).collect();
        let reason = decode_pairs(record.topic, &headers, &record.payload).unwrap_err();
        assert_eq!(reason, Undecodable::Header(HeaderError::Missing(name)));
    }
}

#[test]
fn each_reason_says_what_is_wrong() {
    let placed = || Event::OrderPlaced(order_placed());
    check(
        placed(),
        |headers, _| set(headers, "schema_version", "2"),
        expect!["unknown-schema-version: the schema version `2` is not known, only `1` is"],
    );
    check(
        placed(),
        |headers, _| set(headers, "event_type", "OrderLost"),
        expect!["unknown-event-type: the event type `OrderLost` is not known"],
    );
    check(
        placed(),
        |headers, _| set(headers, "mode", "so-so"),
        expect!["invalid-header: the header `mode` is `so-so`: allowed is `normal` or `degraded`"],
    );
    check(
        placed(),
        |headers, _| set(headers, "event_id", "7"),
        expect!["invalid-header: the header `event_id` is `7`: allowed is a UUID"],
    );
    check(
        placed(),
        |headers, _| set(headers, "service_id", &"x".repeat(300)),
        expect![
            "invalid-header: the header `service_id` is `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`: allowed is text of at most 256 bytes"
        ],
    );
    check(
        placed(),
        |headers, _| headers.extend((0..HEADERS_MAX).map(|n| (format!("x-{n}"), Vec::new()))),
        expect!["too-many-headers: the record has more than 64 headers"],
    );
    check(
        placed(),
        |headers, _| set(headers, "event_type", "TradeExecuted"),
        expect!["misplaced: TradeExecuted does not belong on the topic `orders`"],
    );
    check(
        placed(),
        |_, payload| payload.resize(PAYLOAD_BYTES_MAX + 1, 0),
        expect!["payload-too-long: the payload has 65537 bytes, more than 65536"],
    );
    check(
        placed(),
        |_, payload| payload.truncate(9),
        expect![
            "malformed-payload: the payload cannot be read as OrderPlaced: failed to decode Protobuf message: OrderPlaced.key: buffer underflow"
        ],
    );
    check(
        placed(),
        |_, payload| payload.clear(),
        expect!["invalid-field: OrderPlaced.key = ``: it must be there"],
    );
    check(
        Event::FeeRequest(fee_request()),
        |headers, _| set(headers, "reply_topic", "orders"),
        expect!["invalid-header: the header `reply_topic` is `orders`: allowed is a topic for replies"],
    );
    check(
        Event::FeeRequest(fee_request()),
        |headers, _| set(headers, "reply_partition", "-1"),
        expect!["invalid-header: the header `reply_partition` is `-1`: allowed is a partition, from 0"],
    );
    check(
        Event::TradeExecuted(Box::new(trade())),
        |headers, _| set(headers, "event_id", "00000000-0000-0000-0000-000000000001"),
        expect!["other-event-id: TradeExecuted carries another event id than its headers"],
    );
}

#[test]
fn a_field_that_is_not_allowed_is_named_with_its_value() {
    fn check(event_type: EventType, message: &impl Message, expected: Expect) {
        let reason = event(event_type, &message.encode_to_vec()).unwrap_err();
        expected.assert_eq(&reason.to_string());
    }
    let good = || wire::OrderPlaced::from(order_placed());
    let ty = EventType::OrderPlaced;
    check(
        ty,
        &wire::OrderPlaced { quantity: "1e5".into(), ..good() },
        expect![
            "OrderPlaced.quantity = `1e5`: `1e5` is not a decimal number such as `-12.5` (no exponent, no sign other than a leading minus)"
        ],
    );
    check(
        ty,
        &wire::OrderPlaced { quantity: "-1".into(), ..good() },
        expect!["OrderPlaced.quantity = `-1`: it must be positive"],
    );
    check(
        ty,
        &wire::OrderPlaced { side: 9, ..good() },
        expect!["OrderPlaced.side = `9`: there is no such value"],
    );
    check(
        ty,
        &wire::OrderPlaced { side: 0, ..good() },
        expect!["OrderPlaced.side = `0`: there is no such value"],
    );
    check(ty, &wire::OrderPlaced { key: None, ..good() }, expect!["OrderPlaced.key = ``: it must be there"]);
    check(
        ty,
        &wire::OrderPlaced { product: "BTC USD".into(), ..good() },
        expect![
            "OrderPlaced.product = `BTC USD`: `BTC USD` is not a product id: allowed is 1 to 64 characters of A-Z a-z 0-9 . _ : -"
        ],
    );
    let trade = wire::TradeExecuted { event_id: vec![1, 2], ..trade().into() };
    check(
        EventType::TradeExecuted,
        &trade,
        expect!["TradeExecuted.event_id = `2 bytes`: an event id has 16 bytes"],
    );
    let lopsided = wire::LedgerPosted {
        event_id: vec![0; 16],
        trade_event_id: vec![0; 16],
        key: good().key,
        entries: ["1", "2"]
            .map(|amount| wire::ledger_posted::Entry {
                account: 2,
                user: String::new(),
                asset: "USD".into(),
                amount: amount.into(),
            })
            .into(),
    };
    check(
        EventType::LedgerPosted,
        &lopsided,
        expect!["LedgerPosted.entries = `2 entries`: the entries in USD sum to 3 and not to zero"],
    );
}

#[test]
fn what_does_not_belong_together_is_not_encoded() {
    let request = Event::FeeRequest(fee_request());
    assert_eq!(encode(request, &provenance()), Err(EncodeError::NoExchange(EventType::FeeRequest)));
    let placed = Event::OrderPlaced(order_placed());
    let with_exchange = provenance().with_exchange(exchange());
    assert_eq!(encode(placed, &with_exchange), Err(EncodeError::UnexpectedExchange(EventType::OrderPlaced)));
    let trade = Event::TradeExecuted(Box::new(trade()));
    assert_eq!(encode(trade, &provenance()), Err(EncodeError::OtherEventId(EventType::TradeExecuted)));
}

#[test]
fn a_reply_goes_where_the_question_says() {
    let reply = Event::FeeReply(Box::new(crate::event::FeeReply {
        subject: fee_request().subject,
        result: Err(crate::refusal::Refusal::new(RefusalCode::Overloaded, "later")),
    }));
    let record = encode(reply, &provenance().with_exchange(exchange())).unwrap();
    assert_eq!((record.topic, record.partition), ("quote.replies", Some(3)));
}

#[test]
fn a_heartbeat_goes_to_its_partition_and_is_refused_elsewhere() {
    let heartbeat = Event::Heartbeat(Heartbeat {
        topic: topics::TRADES,
        partition: 5,
        instance: "trade-1".parse().unwrap(),
        sequence: 1,
        sent_at: provenance().event_time,
    });
    let record = encode(heartbeat, &provenance()).unwrap();
    assert_eq!((record.topic, record.partition), ("trades", Some(5)));
    for topic in ["orders", "dead-letters", "nowhere"] {
        let reason = decode_pairs(topic, &pairs(&record.headers), &record.payload).unwrap_err();
        assert_eq!(reason.code(), "misplaced", "{topic}");
    }
}

#[test]
fn headers_of_other_names_are_left_alone_and_the_last_of_two_counts() {
    let event = Event::OrderPlaced(order_placed());
    let record = encode(event.clone(), &provenance()).unwrap();
    let mut headers = pairs(&record.headers);
    headers.insert(0, ("mode".into(), b"so-so".to_vec()));
    headers.push(("traceparent".into(), vec![0xff; 10_000]));
    assert_eq!(decode_pairs(record.topic, &headers, &record.payload), Ok((provenance(), event)));
}

#[test]
fn a_retry_writes_the_same_record() {
    let encode_once = || {
        let id = event_id_for(&alice(), Step::OrderPlaced);
        encode(Event::OrderPlaced(order_placed()), &Provenance { event_id: id, ..provenance() }).unwrap()
    };
    assert_eq!(encode_once(), encode_once());
}

proptest! {
    #[test]
    fn every_event_comes_back_as_it_was(event in events(), degraded in any::<bool>(), partition in 0i32..10_000) {
        let mut provenance = fitting(&event, Exchange { reply_partition: partition, ..exchange() });
        if degraded { provenance.mode = trading::mode::Mode::Degraded; }
        prop_assert_eq!(there_and_back(&event, &provenance), Ok((provenance, event)));
    }

    #[test]
    fn random_records_never_panic(
        topic in prop_oneof![Just("orders".to_owned()), Just("trade.replies".to_owned()), ".{0,20}"],
        headers in prop::collection::vec((".{0,20}", prop::collection::vec(any::<u8>(), 0..40)), 0..80),
        payload in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        prop_assert!(decode_pairs(&topic, &headers, &payload).is_err());
    }

    #[test]
    fn random_payloads_under_good_headers_never_panic(
        which in 0..EventType::ALL.len(), payload in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = event(EventType::ALL[which], &payload);
    }

    #[test]
    fn damaged_records_are_decoded_or_refused_and_never_panic(
        event in events(), place in any::<prop::sample::Index>(), byte in any::<u8>(),
        which in any::<prop::sample::Index>(), value in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        let record = encode(event.clone(), &fitting(&event, exchange())).unwrap();
        let (mut headers, mut payload) = (pairs(&record.headers), record.payload.to_vec());
        payload[place.index(record.payload.len())] = byte;
        let _ = decode_pairs(record.topic, &headers, &payload);
        let header = which.index(headers.len());
        headers[header].1 = value;
        let _ = decode_pairs(record.topic, &headers, &record.payload);
    }

    #[test]
    fn a_truncated_payload_is_never_taken_for_the_event(event in events(), place in any::<prop::sample::Index>()) {
        let provenance = fitting(&event, exchange());
        let record = encode(event.clone(), &provenance).unwrap();
        let short = &record.payload[..place.index(record.payload.len())];
        prop_assert_ne!(decode_pairs(record.topic, &pairs(&record.headers), short), Ok((provenance, event)));
    }
}
