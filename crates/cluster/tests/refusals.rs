//! Which of several faults in a request is told, and who may answer: as Apache Kafka 4.3 does, where the differential
//! test found another order here.

mod common;

use bytes::Bytes;
use cluster::*;
use common::*;

fn produce(world: &mut World, broker: i32, topic: &str, acks: Acks, batches: usize) -> Option<ErrorCode> {
    let records = Bytes::from(batch(None).repeat(batches));
    let parts = vec![(TopicRef::Name(topic.into()), 0, records)];
    let token =
        world.ask(broker, Request::Produce(Produce { acks, timeout: ms(1_000), received_ms: 0, parts }));
    world.produced(token)
}

#[test]
fn a_partition_that_is_not_there_is_told_before_bad_acks_and_those_before_the_leader() {
    let mut world = World::three();
    let mut told = |broker, topic, acks, batches| produce(&mut world, broker, topic, acks, batches);
    assert_eq!(told(2, "nowhere", Acks::Unheard, 2), Some(ErrorCode::UnknownTopicOrPartition));
    assert_eq!(told(2, "t", Acks::Unheard, 2), Some(ErrorCode::InvalidRecord));
    assert_eq!(told(2, "t", Acks::Unheard, 1), Some(ErrorCode::InvalidRequiredAcks));
    assert_eq!(told(2, "t", Acks::All, 1), Some(ErrorCode::NotLeaderOrFollower));
}

#[test]
fn without_acknowledgement_only_a_failure_is_told() {
    let mut world = World::three();
    assert_eq!(produce(&mut world, 1, "t", Acks::None, 1), None);
    assert_eq!(produce(&mut world, 2, "t", Acks::None, 1), Some(ErrorCode::NotLeaderOrFollower));
}

#[test]
fn an_unknown_partition_is_told_before_the_group_is_asked() {
    let mut world = World::three();
    let who = GroupMember { group: "g".into(), generation: 7, member: "nobody".into(), instance: None };
    let committed = || Committed { offset: 1, leader_epoch: -1, metadata: String::new() };
    let offsets = vec![(tp("t", 9), committed()), (tp("t", 0), committed())];
    for broker in 1..=3 {
        let commit = OffsetCommit { who: who.clone(), offsets: offsets.clone() };
        let token = world.ask(broker, Request::OffsetCommit(commit));
        let Some(Response::OffsetCommit(parts)) = world.answer(token) else { panic!("no answer") };
        assert_eq!(parts[0].1, ErrorCode::UnknownTopicOrPartition);
        let refused = [ErrorCode::IllegalGeneration, ErrorCode::NotCoordinator];
        assert!(refused.contains(&parts[1].1), "{:?}", parts[1].1);
    }
}

#[test]
fn a_follower_answers_clients_that_say_where_they_are() {
    let mut world = World::three();
    produce(&mut world, 1, "t", Acks::All, 1);
    world.pass(ms(1_000));
    let mut fetched = |broker, from_followers| {
        let part = FetchPart {
            topic: TopicRef::Name("t".into()),
            partition: 0,
            offset: 0,
            leader_epoch: None,
            max_bytes: 1_000,
        };
        let fetch =
            Fetch { max_wait: ms(0), min_bytes: 1, max_bytes: 1_000, from_followers, parts: vec![part] };
        let token = world.ask(broker, Request::Fetch(fetch));
        world.fetched(token).expect("a fetch without a wait is answered at once")
    };
    assert_eq!(fetched(2, false), Err(ErrorCode::NotLeaderOrFollower));
    assert_eq!(fetched(2, true), fetched(1, false));
}

/// A produce request with the cluster's time for it.
fn produced_at(world: &mut World, topic: &str, received_ms: i64) -> Option<ErrorCode> {
    let parts = vec![(TopicRef::Name(topic.into()), 0, batch(None))];
    let produce = Produce { acks: Acks::Leader, timeout: ms(1_000), received_ms, parts };
    let leader = (1..=3).find(|broker| {
        let token = world.ask(*broker, Request::Produce(produce.clone()));
        world.produced(token) != Some(ErrorCode::NotLeaderOrFollower)
    });
    let token = world.ask(leader.expect("a leader"), Request::Produce(produce));
    world.produced(token)
}

#[test]
fn records_from_the_future_are_refused_unless_the_broker_stamps_them() {
    let mut world = World::three();
    // The batches here are of the year 1970.
    let long_before = -4_000_000;
    assert_eq!(produced_at(&mut world, "t", long_before), Some(ErrorCode::InvalidTimestamp));
    assert_eq!(produced_at(&mut world, "t", 0), Some(ErrorCode::None));
    let configs = vec![("message.timestamp.type".to_owned(), Some("LogAppendTime".to_owned()))];
    let replicas = NewReplicas::Counts { partitions: 1, replication_factor: 3 };
    let topics = vec![NewTopic { name: "stamped".into(), replicas, configs }];
    let create = CreateTopics { timeout: ms(1_000), validate_only: false, topics };
    world.ask(1, Request::CreateTopics(create));
    assert_eq!(produced_at(&mut world, "stamped", long_before), Some(ErrorCode::None));
}

#[test]
fn nobody_produces_to_an_internal_topic() {
    let mut world = World::three();
    assert_eq!(produced_at(&mut world, "__consumer_offsets", 0), Some(ErrorCode::InvalidTopicException));
}

#[test]
fn settings_topics_and_ids_are_refused_in_apaches_words() {
    let mut world = World::three();
    let mut create = |names: &[&str], config: Option<(&str, Option<&str>)>, replicas: NewReplicas| {
        let configs: Vec<_> =
            config.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect();
        let new = |name: &&str| NewTopic {
            name: (*name).to_owned(),
            replicas: replicas.clone(),
            configs: configs.clone(),
        };
        let topics = names.iter().map(new).collect();
        let asked = CreateTopics { timeout: ms(1_000), validate_only: true, topics };
        let token = world.ask(1, Request::CreateTopics(asked));
        let Some(Response::CreateTopics(created)) = world.answer(token) else { panic!("no answer") };
        created.into_iter().map(|topic| topic.error).collect::<Vec<_>>()
    };
    let counts = || NewReplicas::Counts { partitions: 1, replication_factor: 3 };
    let invalid = [ErrorCode::InvalidConfig];
    assert_eq!(create(&["a"], Some(("retention.ms", Some("long"))), counts()), invalid);
    assert_eq!(create(&["a"], Some(("retention.ms", None)), counts()), invalid);
    assert_eq!(create(&["a"], Some(("cleanup.policy", Some("shred"))), counts()), invalid);
    assert_eq!(create(&["a"], Some(("cleanup.policy", Some("compact,delete"))), counts()), [ErrorCode::None]);
    assert_eq!(create(&["a"], None, NewReplicas::Both), [ErrorCode::InvalidRequest]);
    assert_eq!(create(&["a", "b", "a"], None, counts()), [ErrorCode::None, ErrorCode::InvalidRequest]);
    for (producer, given) in [((-1, -1), true), ((7, 0), true), ((7, -1), false), ((-1, 0), false)] {
        let asked = InitProducerId { transactional_id: None, producer };
        let token = world.ask(1, Request::InitProducerId(asked));
        let Some(Response::InitProducerId(answer)) = world.answer(token) else { panic!("no answer") };
        assert_eq!(answer.is_ok(), given, "{producer:?}");
    }
}

#[test]
fn a_broker_without_a_replica_leads_nothing_whatever_the_epoch() {
    let mut world = World::three();
    world.create("solo", &[&[1]]);
    let part = FetchPart {
        topic: TopicRef::Name("solo".into()),
        partition: 0,
        offset: 0,
        leader_epoch: Some(7),
        max_bytes: 1_000,
    };
    for (broker, error) in [(1, ErrorCode::UnknownLeaderEpoch), (2, ErrorCode::NotLeaderOrFollower)] {
        let fetch = Fetch {
            max_wait: ms(0),
            min_bytes: 1,
            max_bytes: 1_000,
            from_followers: true,
            parts: vec![part.clone()],
        };
        let token = world.ask(broker, Request::Fetch(fetch));
        assert_eq!(world.fetched(token), Some(Err(error)));
    }
}
