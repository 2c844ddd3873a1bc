//! A cluster on a virtual clock, and clients that keep their answers.
#![allow(dead_code, reason = "each test program uses its own part of this")]

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use cluster::*;

pub(crate) struct World {
    pub(crate) cluster: Cluster,
    pub(crate) now: Duration,
    pub(crate) changes: Vec<(Duration, Change)>,
    replies: BTreeMap<Token, Response>,
    next_token: u64,
}

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn tp(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition { topic: topic.into(), partition }
}

/// A batch of one record whose value is opaque here.
pub(crate) fn batch(producer: Option<(i64, i16, i32)>) -> Bytes {
    let (id, epoch, sequence) = producer.unwrap_or((-1, -1, -1));
    let mut checked = BytesMut::new();
    checked.put_i16(0);
    checked.put_i32(0);
    checked.put_i64(1);
    checked.put_i64(1);
    checked.put_i64(id);
    checked.put_i16(epoch);
    checked.put_i32(sequence);
    checked.put_i32(1);
    checked.put_slice(b"a record");
    let mut bytes = BytesMut::new();
    bytes.put_i64(0);
    bytes.put_i32((9 + checked.len()) as i32);
    bytes.put_i32(-1);
    bytes.put_i8(2);
    bytes.put_u32(crc32c::crc32c(&checked));
    bytes.put_slice(&checked);
    bytes.freeze()
}

impl World {
    pub(crate) fn new(spec: Spec) -> Self {
        Self {
            cluster: Cluster::new(spec).expect("a valid spec"),
            now: Duration::ZERO,
            changes: Vec::new(),
            replies: BTreeMap::new(),
            next_token: 0,
        }
    }

    /// Three brokers and a topic `t` with three partitions: partition `p` is led by broker `p + 1`.
    pub(crate) fn three() -> Self {
        let mut world = Self::new(Spec::new());
        world.create("t", &[&[1, 2, 3], &[2, 3, 1], &[3, 1, 2]]);
        world
    }

    pub(crate) fn create(&mut self, name: &str, replicas: &[&[i32]]) {
        let assigned = replicas.iter().enumerate();
        let assigned =
            assigned.map(|(p, brokers)| (p as i32, brokers.iter().map(|b| BrokerId(*b)).collect()));
        let topic = NewTopic {
            name: name.into(),
            replicas: NewReplicas::Explicit(assigned.collect()),
            configs: Vec::new(),
        };
        let create = CreateTopics { timeout: ms(1_000), validate_only: false, topics: vec![topic] };
        let token = self.ask(1, Request::CreateTopics(create));
        let Some(Response::CreateTopics(created)) = self.answer(token) else { panic!("no topic") };
        assert!(created[0].error.is_none(), "{created:?}");
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Reply { token, response } => {
                    assert!(self.replies.insert(token, response).is_none(), "{token:?} was answered twice");
                }
                Effect::Changed(change) => self.changes.push((self.now, change)),
                Effect::Link(..) => {}
            }
        }
    }

    pub(crate) fn pull(&mut self, lever: Lever) {
        let effects = self.cluster.on(Event::Lever(lever), self.now);
        self.take(effects);
    }

    pub(crate) fn ask(&mut self, broker: i32, request: Request) -> Token {
        self.next_token += 1;
        let token = Token(self.next_token);
        let event = Event::Request { broker: BrokerId(broker), token, client_id: "test".into(), request };
        let effects = self.cluster.on(event, self.now);
        self.take(effects);
        token
    }

    /// The connection of a request goes away.
    pub(crate) fn abandon(&mut self, token: Token) {
        let effects = self.cluster.on(Event::Abandon(token), self.now);
        self.take(effects);
    }

    pub(crate) fn answer(&mut self, token: Token) -> Option<Response> {
        self.replies.remove(&token)
    }

    /// Lets time pass, timer by timer.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.cluster.next_timer().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            let effects = self.cluster.on(Event::Tick, self.now);
            self.take(effects);
        }
        self.now = end;
    }

    pub(crate) fn produce(&mut self, broker: i32, partition: i32, acks: Acks) -> Token {
        self.produce_batch(broker, partition, acks, batch(None))
    }

    pub(crate) fn produce_batch(&mut self, broker: i32, partition: i32, acks: Acks, batch: Bytes) -> Token {
        let parts = vec![(TopicRef::Name("t".into()), partition, batch)];
        self.ask(broker, Request::Produce(Produce { acks, timeout: ms(1_000), received_ms: 0, parts }))
    }

    pub(crate) fn fetch(&mut self, broker: i32, partition: i32, offset: i64, max_wait: Duration) -> Token {
        let part = FetchPart {
            topic: TopicRef::Name("t".into()),
            partition,
            offset,
            leader_epoch: None,
            max_bytes: 1_000_000,
        };
        let fetch =
            Fetch { max_wait, min_bytes: 1, max_bytes: 1_000_000, from_followers: false, parts: vec![part] };
        self.ask(broker, Request::Fetch(fetch))
    }

    /// The error of a produce request with one part; `None` while there is no answer.
    pub(crate) fn produced(&mut self, token: Token) -> Option<ErrorCode> {
        match self.answer(token)? {
            Response::Produce(parts) => Some(parts[0].error),
            other => panic!("{other:?}"),
        }
    }

    /// Batches read by a fetch of one partition; `None` while there is no answer.
    pub(crate) fn fetched(&mut self, token: Token) -> Option<Result<usize, ErrorCode>> {
        match self.answer(token)? {
            Response::Fetch(parts) if parts[0].error.is_none() => Some(Ok(parts[0].batches.len())),
            Response::Fetch(parts) => Some(Err(parts[0].error)),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn metadata(&mut self, topic: &str, partition: i32) -> PartitionView {
        let token = self.ask(1, Request::Metadata(Some(vec![TopicRef::Name(topic.into())])));
        let Some(Response::Metadata(mut view)) = self.answer(token) else { panic!("no metadata") };
        view.topics.remove(0).partitions.remove(partition as usize)
    }

    /// (leader or -1, in-sync replicas) of `t`'s partition.
    pub(crate) fn leader(&mut self, partition: i32) -> (i32, Vec<i32>) {
        let view = self.metadata("t", partition);
        (view.leader.map_or(-1, |b| b.0), view.isr.iter().map(|b| b.0).collect())
    }
}
