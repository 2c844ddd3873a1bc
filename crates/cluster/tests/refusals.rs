//! Which of several faults in a request is told, and who may answer: as Apache Kafka 4.3 does, where the differential
//! test found another order here.

mod common;

use bytes::Bytes;
use cluster::*;
use common::*;

fn produce(world: &mut World, broker: i32, topic: &str, acks: Acks, batches: usize) -> Option<ErrorCode> {
    let records = Bytes::from(batch(None).repeat(batches));
    let parts = vec![(TopicRef::Name(topic.into()), 0, records)];
    let token = world.ask(broker, Request::Produce(Produce { acks, timeout: ms(1_000), parts }));
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
