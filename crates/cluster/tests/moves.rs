//! What an administrator asks of the controller: elections, and other replicas.

mod common;

use cluster::*;
use common::{World, ms, tp};

const B2: BrokerId = BrokerId(2);
const B3: BrokerId = BrokerId(3);

fn elect(world: &mut World, election: Election, partition: i32) -> ErrorCode {
    let topics = Some(vec![("t".into(), vec![partition])]);
    let token = world.ask(1, Request::ElectLeaders(ElectLeaders { election, topics }));
    match world.answer(token) {
        Some(Response::ElectLeaders(ErrorCode::None, topics)) => topics[0].1[0].1,
        other => panic!("{other:?}"),
    }
}

fn change(partition: i32, to: Option<&[i32]>) -> Request {
    let to = to.map(|to| to.iter().copied().map(BrokerId).collect());
    Request::MovePartitions(MovePartitions {
        factor_may_change: true,
        partitions: vec![(tp("t", partition), to)],
    })
}

fn moved(world: &mut World, partition: i32, to: Option<&[i32]>) -> ErrorCode {
    let token = world.ask(1, change(partition, to));
    match world.answer(token) {
        Some(Response::MovePartitions(ErrorCode::None, parts)) => parts[0].1,
        other => panic!("{other:?}"),
    }
}

fn moves(world: &mut World) -> Vec<MoveView> {
    let token = world.ask(1, Request::ListMoves(None));
    match world.answer(token) {
        Some(Response::ListMoves(ErrorCode::None, moves)) => moves,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_preferred_replica_is_elected_once_it_is_back_in_sync() {
    let mut world = World::three();
    assert_eq!(elect(&mut world, Election::Preferred, 1), ErrorCode::ElectionNotNeeded);
    assert_eq!(elect(&mut world, Election::Preferred, 9), ErrorCode::UnknownTopicOrPartition);
    world.pull(Lever::KillBroker(B2));
    world.pass(ms(12_000));
    assert_eq!(elect(&mut world, Election::Preferred, 1), ErrorCode::PreferredLeaderNotAvailable);
    assert_eq!(elect(&mut world, Election::Unclean, 1), ErrorCode::ElectionNotNeeded);
    world.pull(Lever::StartBroker(B2));
    world.pass(ms(12_000));
    assert_eq!(world.leader(1), (3, vec![2, 3, 1]));
    assert_eq!(elect(&mut world, Election::Preferred, 1), ErrorCode::None);
    assert_eq!(world.leader(1), (2, vec![2, 3, 1]));
}

#[test]
fn an_election_of_everything_tells_only_what_needed_one() {
    let mut world = World::three();
    world.pull(Lever::KillBroker(B2));
    world.pass(ms(12_000));
    let everything = ElectLeaders { election: Election::Preferred, topics: None };
    let token = world.ask(1, Request::ElectLeaders(everything));
    let Some(Response::ElectLeaders(ErrorCode::None, topics)) = world.answer(token) else {
        panic!("no answer")
    };
    let of_t: Vec<_> = topics.into_iter().filter(|(topic, _)| &**topic == "t").collect();
    assert_eq!(of_t, [("t".into(), vec![(1, ErrorCode::PreferredLeaderNotAvailable)])]);
}

#[test]
fn an_election_waits_for_a_frozen_controller() {
    let mut world = World::three();
    world.pull(Lever::FreezeController);
    let asked = ElectLeaders { election: Election::Preferred, topics: Some(vec![("t".into(), vec![0])]) };
    let token = world.ask(1, Request::ElectLeaders(asked));
    world.pass(ms(59_000));
    assert!(world.answer(token).is_none());
    world.pass(ms(2_000));
    let Some(Response::ElectLeaders(all, topics)) = world.answer(token) else { panic!("no answer") };
    assert_eq!((all, topics[0].1[0].1), (ErrorCode::RequestTimedOut, ErrorCode::RequestTimedOut));
}

#[test]
fn an_unclean_leader_loses_what_it_never_had() {
    let mut world = World::new(Spec { min_isr: 1, ..Spec::new() });
    world.create("t", &[&[2, 3]]);
    world.produce(2, 0, Acks::All);
    world.pull(Lever::FreezeBroker(B3));
    world.pass(ms(12_000));
    world.produce(2, 0, Acks::All);
    world.pull(Lever::KillBroker(B2));
    assert_eq!(elect(&mut world, Election::Unclean, 0), ErrorCode::ElectionNotNeeded);
    world.pull(Lever::ThawBroker(B3));
    world.pass(ms(12_000));
    assert_eq!(world.leader(0), (-1, vec![]));
    assert_eq!(elect(&mut world, Election::Preferred, 0), ErrorCode::PreferredLeaderNotAvailable);
    assert_eq!(elect(&mut world, Election::Unclean, 0), ErrorCode::None);
    assert_eq!(world.leader(0), (3, vec![3]));
    let read = world.fetch(3, 0, 0, ms(0));
    assert_eq!(world.fetched(read), Some(Ok(1)), "the second record is gone");
    let read = world.fetch(3, 0, 2, ms(0));
    assert_eq!(world.fetched(read), Some(Err(ErrorCode::OffsetOutOfRange)));
    world.pull(Lever::StartBroker(B2));
    world.pass(ms(12_000));
    assert_eq!(world.leader(0), (3, vec![2, 3]), "the old leader cuts its log and follows");
}

#[test]
fn nobody_can_be_elected_where_nobody_lives() {
    let mut world = World::new(Spec { min_isr: 1, ..Spec::new() });
    world.create("t", &[&[2]]);
    world.pull(Lever::KillBroker(B2));
    world.pass(ms(12_000));
    assert_eq!(elect(&mut world, Election::Unclean, 0), ErrorCode::EligibleLeadersNotAvailable);
    world.pull(Lever::StartBroker(B2));
    world.pass(ms(12_000));
    world.pull(Lever::StripLeader(vec![tp("t", 0)]));
    assert_eq!(elect(&mut world, Election::Unclean, 0), ErrorCode::EligibleLeadersNotAvailable);
}

#[test]
fn another_order_of_the_same_replicas_changes_who_is_preferred_and_nothing_else() {
    let mut world = World::three();
    world.changes.clear();
    assert_eq!(moved(&mut world, 0, Some(&[2, 1, 3])), ErrorCode::None);
    assert_eq!((world.leader(0), world.changes.len()), ((1, vec![2, 1, 3]), 0));
    assert_eq!(elect(&mut world, Election::Preferred, 0), ErrorCode::None);
    assert_eq!(world.leader(0).0, 2);
}

#[test]
fn a_partition_moves_away_from_its_leader_with_all_its_records() {
    let mut world = World::new(Spec { brokers: 4, ..Spec::new() });
    world.create("t", &[&[1, 2, 3]]);
    world.produce(1, 0, Acks::All);
    assert_eq!(moved(&mut world, 0, Some(&[4, 3])), ErrorCode::None);
    assert_eq!((world.leader(0), moves(&mut world)), ((4, vec![4, 3]), vec![]));
    let read = world.fetch(4, 0, 0, ms(0));
    assert_eq!(world.fetched(read), Some(Ok(1)));
    let old = world.produce(1, 0, Acks::All);
    assert_eq!(world.produced(old), Some(ErrorCode::NotLeaderOrFollower));
}

#[test]
fn a_move_to_a_broker_that_is_down_waits_and_can_be_taken_back() {
    let mut world = World::new(Spec { brokers: 4, ..Spec::new() });
    world.create("t", &[&[1, 2, 3]]);
    world.pull(Lever::KillBroker(BrokerId(4)));
    world.pass(ms(12_000));
    assert_eq!(moved(&mut world, 0, None), ErrorCode::NoReassignmentInProgress);
    assert_eq!(moved(&mut world, 0, Some(&[4, 2])), ErrorCode::None);
    let under_way = MoveView {
        partition: tp("t", 0),
        replicas: [4, 2, 1, 3].map(BrokerId).to_vec(),
        adding: vec![BrokerId(4)],
        removing: [1, 3].map(BrokerId).to_vec(),
    };
    assert_eq!(moves(&mut world), [under_way]);
    assert_eq!(moved(&mut world, 0, None), ErrorCode::None);
    assert_eq!(moves(&mut world), []);
    assert_eq!(moved(&mut world, 0, Some(&[4, 2])), ErrorCode::None);
    world.pull(Lever::StartBroker(BrokerId(4)));
    world.pass(ms(12_000));
    assert_eq!((world.leader(0).1, moves(&mut world)), (vec![4, 2], vec![]));
}

#[test]
fn what_cannot_be_moved_says_why() {
    let mut world = World::three();
    for (partition, to, error) in [
        (9, &[1, 2, 3][..], ErrorCode::UnknownTopicOrPartition),
        (0, &[], ErrorCode::InvalidReplicaAssignment),
        (0, &[1, 1], ErrorCode::InvalidReplicaAssignment),
        (0, &[1, 9], ErrorCode::InvalidReplicaAssignment),
    ] {
        assert_eq!(moved(&mut world, partition, Some(to)), error, "{partition} to {to:?}");
    }
    let kept =
        MovePartitions { factor_may_change: false, partitions: vec![(tp("t", 0), Some(vec![BrokerId(1)]))] };
    let token = world.ask(1, Request::MovePartitions(kept));
    let Some(Response::MovePartitions(_, parts)) = world.answer(token) else { panic!("no answer") };
    assert_eq!(parts[0].1, ErrorCode::InvalidReplicationFactor);
    world.pull(Lever::StripLeader(vec![tp("t", 0)]));
    assert_eq!(moved(&mut world, 0, Some(&[1, 3])), ErrorCode::UnknownServerError);
}
