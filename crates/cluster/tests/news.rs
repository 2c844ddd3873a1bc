//! What is not known everywhere at once: a heartbeat that nobody read, an election, how much is committed, and that a
//! broker is back. As measured on Apache Kafka 4.3.

mod common;

use cluster::*;
use common::{World, ms, tp};

const B2: BrokerId = BrokerId(2);

fn fenced(world: &World, broker: i32) -> bool {
    world.cluster.state().brokers[broker as usize - 1].fenced
}

#[test]
fn a_heartbeat_that_waits_at_a_frozen_controller_gives_a_dead_broker_a_whole_session() {
    let mut world = World::three();
    world.pull(Lever::FreezeController);
    // Longer than between two heartbeats.
    world.pass(ms(2_100));
    world.pull(Lever::KillBroker(B2));
    world.pass(ms(40_000));
    world.pull(Lever::ThawController);
    world.pass(ms(9_000));
    assert!(!fenced(&world, 2), "its last words were read at the thaw");
    world.pass(ms(1_200));
    assert!(fenced(&world, 2));
    assert_eq!(world.leader(1).0, 3);
}

#[test]
fn a_broker_that_died_before_its_next_heartbeat_is_fenced_at_once() {
    let mut world = World::three();
    world.pull(Lever::FreezeController);
    world.pull(Lever::KillBroker(B2));
    world.pass(ms(40_000));
    world.pull(Lever::ThawController);
    world.pass(ms(200));
    assert!(fenced(&world, 2));
}

#[test]
fn a_broker_that_is_back_joins_with_its_next_fetch_and_no_earlier() {
    let mut world = World::three();
    world.pull(Lever::KillBroker(B2));
    world.pass(ms(12_000));
    world.pull(Lever::StartBroker(B2));
    world.pass(ms(2_400));
    assert!(!fenced(&world, 2));
    assert_eq!(world.leader(0), (1, vec![1, 3]));
    world.pass(ms(500));
    assert_eq!(world.leader(0), (1, vec![1, 2, 3]));
}

#[test]
fn the_old_follower_leaves_the_set_before_another_one_joins_it() {
    let mut world = World::three();
    world.pull(Lever::FreezeBroker(BrokerId(3)));
    world.pass(ms(12_000));
    world.pull(Lever::KillBroker(B2));
    world.pass(ms(500));
    world.changes.clear();
    world.pull(Lever::ThawBroker(BrokerId(3)));
    world.pass(ms(12_000));
    let sets: Vec<Vec<i32>> = world.changes.iter().filter_map(|(_, change)| in_sync_of_t1(change)).collect();
    assert_eq!(sets, [vec![1], vec![3, 1]]);
}

fn in_sync_of_t1(change: &Change) -> Option<Vec<i32>> {
    match change {
        Change::Isr { partition, isr } if *partition == tp("t", 1) => Some(isr.iter().map(|b| b.0).collect()),
        _ => None,
    }
}

fn end_of(world: &mut World, broker: i32, at: OffsetAt) -> Result<i64, ErrorCode> {
    let asked = ListOffset { partition: tp("t", 1), leader_epoch: None, at };
    let token = world.ask(broker, Request::ListOffsets(vec![asked]));
    match world.answer(token) {
        Some(Response::ListOffsets(told)) if told[0].error.is_none() => Ok(told[0].offset),
        Some(Response::ListOffsets(told)) => Err(told[0].error),
        other => panic!("{other:?}"),
    }
}

fn elect_preferred(world: &mut World) {
    world.ask(1, Request::ElectLeaders(ElectLeaders { election: Election::Preferred, topics: None }));
}

/// Partition 1 is led by broker 3, and broker 2, which is preferred, is in sync again.
fn away_from_home() -> World {
    let mut world = World::three();
    world.pull(Lever::StopBroker(B2));
    world.pass(ms(4_000));
    world.pull(Lever::StartBroker(B2));
    world.pass(ms(10_000));
    assert_eq!(world.leader(1), (3, vec![2, 3, 1]));
    world
}

#[test]
fn a_new_leader_tells_no_end_of_its_log_before_its_followers_have_fetched() {
    let mut world = away_from_home();
    let token = world.produce(3, 1, Acks::All);
    assert_eq!(world.produced(token), Some(ErrorCode::None));
    elect_preferred(&mut world);
    assert_eq!(end_of(&mut world, 2, OffsetAt::Latest), Err(ErrorCode::OffsetNotAvailable));
    assert_eq!(end_of(&mut world, 2, OffsetAt::Timestamp(99)), Err(ErrorCode::OffsetNotAvailable));
    assert_eq!(end_of(&mut world, 2, OffsetAt::Earliest), Ok(0));
    assert_eq!(end_of(&mut world, 2, OffsetAt::Timestamp(0)), Ok(0), "that is committed whatever comes");
    world.pass(ms(1_000));
    assert_eq!(end_of(&mut world, 2, OffsetAt::Latest), Ok(1));
}

#[test]
fn a_new_leader_of_a_quiet_partition_knows_its_end() {
    let mut world = away_from_home();
    world.produce(3, 1, Acks::All);
    world.pass(ms(500));
    elect_preferred(&mut world);
    assert_eq!(end_of(&mut world, 2, OffsetAt::Latest), Ok(1));
}

#[test]
fn what_an_old_leader_takes_before_it_hears_of_the_next_one_is_lost() {
    let mut world = away_from_home();
    elect_preferred(&mut world);
    let token = world.produce(3, 1, Acks::Leader);
    assert_eq!(world.produced(token), Some(ErrorCode::None), "it does not know");
    let token = world.produce(3, 1, Acks::All);
    assert_eq!(world.produced(token), Some(ErrorCode::NotLeaderOrFollower), "who waits is told in the end");
    world.pass(ms(100));
    let token = world.produce(3, 1, Acks::Leader);
    assert_eq!(world.produced(token), Some(ErrorCode::NotLeaderOrFollower));
    world.pass(ms(2_000));
    assert_eq!(end_of(&mut world, 2, OffsetAt::Latest), Ok(0));
}

#[test]
fn who_is_frozen_again_before_it_goes_on_stays_frozen() {
    let mut world = World::three();
    let process = |world: &World| world.cluster.link(B2).map(|link| link.process);
    world.pull(Lever::FreezeBroker(B2));
    world.pull(Lever::ThawBroker(B2));
    assert_eq!(process(&world), Some(Process::Frozen));
    world.pull(Lever::FreezeBroker(B2));
    world.pass(ms(1_000));
    assert_eq!(process(&world), Some(Process::Frozen));
    world.pull(Lever::ThawBroker(B2));
    world.pass(ms(100));
    assert_eq!(process(&world), Some(Process::Running));
}
