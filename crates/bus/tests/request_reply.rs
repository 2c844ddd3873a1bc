//! Request and reply through the mock cluster.

#![allow(clippy::unwrap_used, reason = "in a test a panic is a finding")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bus::{
    Handler, Headers, Incoming, Malformed, NotSent, Producer, Reader, Record, Reply, Request, RequestError,
    RequestHeaders, Requester, Responder, ResponderLimits, ResponderStats, StartAt, Then, Unknown,
};
use bytes::Bytes;
use common::{Cluster, SOON, cluster, eventually, freeze, guard, reader, record, settings};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const REQUESTS: &str = "fee.requests";
const REPLIES: &str = "fee.replies";

async fn requester(cluster: &Cluster, pending_max: usize) -> Requester {
    let settings = settings(cluster);
    let producer = Producer::new(&settings).unwrap();
    Requester::start(producer, &settings, REPLIES, 0..4, pending_max, SOON, |_| {}).await.unwrap()
}

fn request(payload: &'static str, patience: Duration) -> Request {
    let Record { topic, partition, key, headers, payload } = record(REQUESTS, 1, payload);
    let (correlation_id, deadline) = (Uuid::new_v4(), Instant::now() + patience);
    Request { correlation_id, topic, partition, key, headers, payload, reply_partition: 2, deadline }
}

/// Behaves as the payload says.
#[derive(Clone, Default)]
struct Obedient {
    running: Arc<AtomicUsize>,
    running_max: Arc<AtomicUsize>,
    malformed: Arc<AtomicUsize>,
}

impl Handler for Obedient {
    async fn handle(&self, request: Incoming, time_left: Duration) -> Option<Reply> {
        assert!(time_left > Duration::ZERO);
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.running_max.fetch_max(running, Ordering::SeqCst);
        match request.payload.as_ref() {
            b"panic" => panic!("as told"),
            b"hang" => std::future::pending().await,
            b"silence" => return None,
            _ => tokio::time::sleep(Duration::from_millis(2)).await,
        }
        self.running.fetch_sub(1, Ordering::SeqCst);
        Some(Reply { payload: request.payload, ..Reply::default() })
    }

    fn malformed(&self, _: &Incoming, _: Malformed) {
        self.malformed.fetch_add(1, Ordering::SeqCst);
    }
}

struct Running {
    stats: ResponderStats,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

async fn responder(cluster: &Cluster, handler: Obedient, concurrency_max: usize) -> Running {
    let settings = settings(cluster);
    let reader = reader(&settings, REQUESTS, 4, StartAt::Beginning).await;
    let producer = Producer::new(&settings).unwrap();
    let limits = ResponderLimits { concurrency_max, drain_max: SOON };
    let responder = Responder::new(reader, producer, handler, limits);
    let (stats, stop) = (responder.stats(), CancellationToken::new());
    let running = responder.run(stop.clone());
    Running { stats, stop, task: tokio::spawn(async { running.await.unwrap() }) }
}

/// The next request, and a producer's answer to it under any id.
async fn answer(reader: &Reader, producer: &Producer, times: usize) {
    let request = tokio::time::timeout(SOON, reader.recv()).await.unwrap().unwrap();
    let to = RequestHeaders::read(&request).unwrap();
    let mut reply = record(REPLIES, to.reply_partition, "late");
    reply.headers = vec![(bus::header::CORRELATION_ID.into(), to.correlation_id.to_string().into())];
    for _ in 0..times {
        producer.send(&reply, ()).unwrap().await.unwrap();
    }
}

#[tokio::test]
async fn every_request_gets_its_own_reply_and_both_guards_end() {
    let cluster = cluster(&[REQUESTS, REPLIES]);
    let requester = requester(&cluster, 100).await;
    let running = responder(&cluster, Obedient::default(), 8).await;
    let (ack_guard, acked) = guard();
    let (reply_guard, replied) = guard();
    let one = requester.request(request("one", SOON), ack_guard, reply_guard);
    let two = requester.request(request("two", SOON), (), ());
    let (one, two) = tokio::join!(one, two);
    assert_eq!((one.unwrap().payload, two.unwrap().payload), (Bytes::from("one"), Bytes::from("two")));
    assert!(acked.ended() && replied.ended());
    let counts = requester.counts();
    assert_eq!((counts.pending, counts.resolved, counts.late), (0, 2, 0));
    assert_eq!(running.stats.counts().replied, 2);
    running.stop.cancel();
    running.task.await.unwrap();
    requester.close(SOON).await.unwrap();
}

#[tokio::test]
async fn an_unanswered_request_is_unknown_and_its_late_and_repeated_replies_are_counted() {
    let cluster = cluster(&[REQUESTS, REPLIES]);
    let requester = requester(&cluster, 100).await;
    let requests = reader(&settings(&cluster), REQUESTS, 4, StartAt::Beginning).await;
    let producer = Producer::new(&settings(&cluster)).unwrap();
    let error = requester.request(request("x", Duration::from_secs(3)), (), ()).await.unwrap_err();
    assert_eq!(error, RequestError::Unknown(Unknown::Unanswered));
    answer(&requests, &producer, 2).await;
    eventually("both replies are late", || requester.counts().late == 2).await;

    producer.send(&record(REPLIES, 0, "no id"), ()).unwrap().await.unwrap();
    eventually("a record without an id is malformed", || requester.counts().malformed == 1).await;
}

/// Answers, and tells something behind its answer.
struct Telling(Producer);

impl Handler for Telling {
    async fn handle(&self, request: Incoming, _: Duration) -> Option<Reply> {
        let producer = self.0.clone();
        let tell = move || drop(producer.send(&record(REPLIES, 2, "behind"), ()).unwrap());
        Some(Reply { payload: request.payload, then: Some(Then::new(tell)), ..Reply::default() })
    }
}

#[tokio::test]
async fn what_is_told_behind_a_reply_comes_after_it() {
    let cluster = cluster(&[REQUESTS, REPLIES]);
    let settings = settings(&cluster);
    let requester = requester(&cluster, 100).await;
    let producer = Producer::new(&settings).unwrap();
    let requests = reader(&settings, REQUESTS, 4, StartAt::Beginning).await;
    let limits = ResponderLimits { concurrency_max: 8, drain_max: SOON };
    let responder = Responder::new(requests, producer.clone(), Telling(producer), limits);
    let stop = CancellationToken::new();
    let running = tokio::spawn(responder.run(stop.clone()));
    requester.request(request("reply", SOON), (), ()).await.unwrap();

    let replies = reader(&settings, REPLIES, 4, StartAt::Beginning).await;
    for expected in ["reply", "behind"] {
        let read = tokio::time::timeout(SOON, replies.recv()).await.unwrap().unwrap();
        assert_eq!(read.payload, expected);
    }
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_repeated_reply_resolves_once() {
    let cluster = cluster(&[REQUESTS, REPLIES]);
    let requester = requester(&cluster, 100).await;
    let requests = reader(&settings(&cluster), REQUESTS, 4, StartAt::Beginning).await;
    let producer = Producer::new(&settings(&cluster)).unwrap();
    let (reply, ()) =
        tokio::join!(requester.request(request("x", SOON), (), ()), answer(&requests, &producer, 3));
    assert_eq!(reply.unwrap().payload, "late");
    eventually("the repeats are late", || requester.counts().late == 2).await;
    assert_eq!(requester.counts().resolved, 1);
}

#[tokio::test]
async fn a_request_to_a_dead_cluster_is_unacknowledged_and_only_its_reply_guard_ends() {
    let cluster = cluster(&[REQUESTS, REPLIES]);
    let settings = settings(&cluster).with("message.timeout.ms", "200");
    let producer = Producer::new(&settings).unwrap();
    let requester = Requester::start(producer, &settings, REPLIES, 0..4, 9, SOON, |_| {}).await.unwrap();
    cluster.broker_down(-1).unwrap();
    let (ack_guard, acked) = guard();
    let (reply_guard, replied) = guard();
    let brief = Duration::from_millis(50);
    let error = requester.request(request("x", brief), ack_guard, reply_guard).await.unwrap_err();
    assert_eq!(error, RequestError::Unknown(Unknown::Unacknowledged));
    assert!(replied.ended() && !acked.ended());
    eventually("the delivery report ends the other guard", || acked.ended()).await;
}

#[tokio::test]
async fn a_delivery_report_that_is_no_ack_ends_the_wait() {
    let cluster = cluster(&[REQUESTS, REPLIES]);
    let settings = settings(&cluster).with("message.timeout.ms", "200");
    let producer = Producer::new(&settings).unwrap();
    let requester =
        Requester::start(producer.clone(), &settings, REPLIES, 0..4, 9, SOON, |_| {}).await.unwrap();
    cluster.broker_down(-1).unwrap();
    let error = requester.request(request("x", SOON * 2), (), ()).await.unwrap_err();
    assert_eq!(error, RequestError::Unknown(Unknown::Delivery(bus::DeliveryError::TimedOut)));

    let asked = requester.request(request("x", SOON * 2), (), ());
    let (error, closed) = tokio::join!(asked, producer.close(SOON));
    closed.unwrap();
    let purged = bus::DeliveryError::PurgedInQueue;
    assert_eq!(error.unwrap_err(), RequestError::Unknown(Unknown::Delivery(purged)));
    let error = requester.request(request("x", SOON), (), ()).await.unwrap_err();
    assert_eq!(error, RequestError::NotSent(NotSent::Refused(bus::SendError::Closed)));
    assert_eq!(requester.counts().pending, 0);
}

#[tokio::test]
async fn a_full_table_refuses_before_anything_is_sent_and_a_dropped_caller_makes_room() {
    let cluster = cluster(&[REQUESTS, REPLIES]);
    let requester = requester(&cluster, 1).await;
    let (reply_guard, replied) = guard();
    let mut held = Box::pin(requester.request(request("held", SOON), (), reply_guard));
    assert!(futures::poll!(&mut held).is_pending());
    let refused = requester.request(request("refused", SOON), (), ()).await.unwrap_err();
    assert_eq!(refused, RequestError::NotSent(NotSent::TableFull));
    assert!(!replied.ended());
    drop(held);
    assert!(replied.ended());
    assert_eq!(requester.counts().pending, 0);

    let running = responder(&cluster, Obedient::default(), 8).await;
    requester.request(request("next", SOON), (), ()).await.unwrap();
    eventually("two of three requests were sent", || running.stats.counts().replied == 2).await;
}

#[tokio::test]
async fn an_entry_whose_caller_does_not_poll_is_swept_after_its_deadline() {
    let cluster = cluster(&[REQUESTS, REPLIES]);
    let requester = requester(&cluster, 100).await;
    let mut idle = Box::pin(requester.request(request("idle", Duration::from_millis(20)), (), ()));
    assert!(futures::poll!(&mut idle).is_pending());
    eventually("the table is empty", || requester.counts().pending == 0).await;
    let error = idle.await.unwrap_err();
    assert!(matches!(error, RequestError::Unknown(Unknown::Unacknowledged | Unknown::Unanswered)), "{error}");
}

#[tokio::test]
async fn a_request_whose_deadline_has_passed_is_not_sent() {
    let cluster = cluster(&[REQUESTS, REPLIES]);
    let requester = requester(&cluster, 100).await;
    let error = requester.request(request("x", Duration::ZERO), (), ()).await.unwrap_err();
    assert_eq!(error, RequestError::NotSent(NotSent::TooLate));
}

#[tokio::test]
async fn closing_on_a_frozen_cluster_ends_the_wait_of_everybody_and_refuses_the_next() {
    let cluster = cluster(&[REQUESTS, REPLIES]);
    let requester = requester(&cluster, 100).await;
    let (reply_guard, replied) = guard();
    let mut waiting = Box::pin(requester.request(request("x", SOON * 2), (), reply_guard));
    assert!(futures::poll!(&mut waiting).is_pending());
    freeze(&cluster);
    requester.close(SOON).await.unwrap();
    assert!(replied.ended());
    assert_eq!(waiting.await.unwrap_err(), RequestError::Unknown(Unknown::Closed));
    let refused = requester.request(request("x", SOON), (), ()).await.unwrap_err();
    assert_eq!(refused, RequestError::NotSent(NotSent::Closed));
}

#[tokio::test]
async fn a_responder_outlives_poison_and_skips_what_nobody_waits_for() {
    let cluster = cluster(&[REQUESTS, REPLIES]);
    let producer = Producer::new(&settings(&cluster)).unwrap();
    producer.send(&record(REQUESTS, 0, "not a request"), ()).unwrap().await.unwrap();
    let mut expired = record(REQUESTS, 0, "expired");
    let mut headers = Headers::new();
    RequestHeaders {
        correlation_id: Uuid::from_u128(1),
        reply_topic: REPLIES.to_owned(),
        reply_partition: 0,
        deadline_unix_ms: 1,
    }
    .write(&mut headers);
    expired.headers = headers;
    producer.send(&expired, ()).unwrap().await.unwrap();

    let requester = requester(&cluster, 100).await;
    let handler = Obedient::default();
    let running = responder(&cluster, handler.clone(), 2).await;
    let brief = Duration::from_secs(3);
    let ask = |payload, patience| requester.request(request(payload, patience), (), ());
    let (panicked, hung, silent) =
        tokio::join!(ask("panic", brief), ask("hang", brief), ask("silence", brief));
    for error in [panicked, hung, silent].map(Result::unwrap_err) {
        assert!(matches!(error, RequestError::Unknown(_)), "{error}");
    }
    assert_eq!(ask("alive", SOON).await.unwrap().payload, "alive");
    eventually("each has its counter", || {
        let counts = running.stats.counts();
        [counts.malformed, counts.expired, counts.panicked, counts.overrun, counts.silent] == [1; 5]
    })
    .await;
    assert_eq!(handler.malformed.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_no_request_waits_for_is_shown_and_does_not_stop_the_replies() {
    let cluster = cluster(&[REQUESTS, REPLIES]);
    let _running = responder(&cluster, Obedient::default(), 2).await;
    let (settings, strays) = (settings(&cluster), Arc::new(Mutex::new(Vec::new())));
    let producer = Producer::new(&settings).unwrap();
    let seen = Arc::clone(&strays);
    let stray = move |record: &Incoming| seen.lock().unwrap().push(record.payload.clone());
    let starting = Requester::start(producer.clone(), &settings, REPLIES, 0..4, 9, SOON, stray);
    let requester = starting.await.unwrap();

    let mut of_another = record(REPLIES, 2, "to another");
    of_another.headers = vec![("correlation_id".into(), Uuid::from_u128(1).to_string().into())];
    for stray in [record(REPLIES, 2, "no reply"), of_another] {
        producer.send(&stray, ()).unwrap().await.unwrap();
    }
    assert_eq!(requester.request(request("mine", SOON), (), ()).await.unwrap().payload, "mine");
    assert_eq!(*strays.lock().unwrap(), ["no reply", "to another"]);
    let counts = requester.counts();
    assert_eq!((counts.malformed, counts.late, counts.resolved), (1, 1, 1));
}

#[tokio::test]
async fn no_more_handlers_run_than_allowed() {
    let cluster = cluster(&[REQUESTS, REPLIES]);
    let requester = requester(&cluster, 100).await;
    let handler = Obedient::default();
    let _running = responder(&cluster, handler.clone(), 3).await;
    let asked = (0..30).map(|_| requester.request(request("x", SOON), (), ()));
    let replies = futures::future::join_all(asked).await;
    assert!(replies.iter().all(Result::is_ok));
    assert!(handler.running_max.load(Ordering::SeqCst) <= 3);
}
