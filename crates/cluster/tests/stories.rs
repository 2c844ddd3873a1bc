//! The stuck states of a cluster, as measured on Apache Kafka 4.3: what a client sees, and how they heal.

mod common;

use cluster::*;
use common::{World, batch, ms, tp};

const B2: BrokerId = BrokerId(2);

fn acked(world: &mut World, broker: i32, partition: i32, acks: Acks) -> bool {
    let token = world.produce(broker, partition, acks);
    world.produced(token) == Some(ErrorCode::None)
}

#[test]
fn e0_a_frozen_controller_alone_is_harmless_until_its_thaw_fences_a_broker_that_is_well() {
    let mut world = World::three();
    world.pull(Lever::FreezeController);
    world.pass(ms(30_000));
    for partition in 0..3 {
        assert!(acked(&mut world, partition + 1, partition, Acks::All));
    }
    world.changes.clear();
    world.pull(Lever::ThawController);
    world.pass(ms(30_000));
    let fenced: Vec<(BrokerId, bool)> = world.changes.iter().filter_map(fencing).collect();
    assert_eq!(fenced, [(BrokerId(1), true), (BrokerId(1), false)], "one, for a moment");
    assert_eq!(world.leader(0), (2, vec![1, 2, 3]), "its leaders moved, and every set is full again");
    assert!(acked(&mut world, 2, 0, Acks::All));
}

#[test]
fn a_freeze_shorter_than_a_session_changes_nothing() {
    let mut world = World::three();
    world.pull(Lever::FreezeController);
    world.pass(ms(6_000));
    world.changes.clear();
    world.pull(Lever::ThawController);
    world.pass(ms(30_000));
    assert_eq!(world.changes.len(), 1, "the thaw and nothing else: {:?}", world.changes);
}

#[test]
fn e7_a_quorum_that_is_back_gives_a_dead_broker_a_whole_session() {
    let mut world = World::three();
    world.pull(Lever::LoseQuorum);
    world.pull(Lever::KillBroker(B2));
    world.pass(ms(30_000));
    world.pull(Lever::ThawController);
    let state = world.cluster.state().controller;
    assert!(state.frozen && state.quorum_lost, "one controller that goes on is no majority");
    assert_eq!((state.active_controller_count, world.leader(1).0), (0, 2));
    world.pull(Lever::RestoreQuorum);
    world.pass(ms(9_000));
    assert_eq!((world.cluster.state().controller.active_controller_count, world.leader(1).0), (1, 2));
    world.pass(ms(1_500));
    assert_eq!(world.leader(1), (3, vec![3, 1]));
    assert_eq!(world.leader(0), (1, vec![1, 3]), "nobody else was taken for dead");
}

fn fencing((_, change): &(std::time::Duration, Change)) -> Option<(BrokerId, bool)> {
    match change {
        Change::Fenced { broker, fenced } => Some((*broker, *fenced)),
        _ => None,
    }
}

#[test]
fn e0_topics_cannot_be_created_until_the_controller_goes_on() {
    let mut world = World::three();
    let new = |name: &str| {
        let replicas = NewReplicas::Counts { partitions: 1, replication_factor: -1 };
        let topic = NewTopic { name: name.into(), replicas, configs: Vec::new() };
        Request::CreateTopics(CreateTopics { timeout: ms(5_000), validate_only: false, topics: vec![topic] })
    };
    let error = |response: Option<Response>| match response {
        Some(Response::CreateTopics(created)) => created[0].error,
        other => panic!("{other:?}"),
    };
    world.pull(Lever::FreezeController);
    let (late, gone) = (world.ask(1, new("late")), world.ask(1, new("gone")));
    // A client that gives up does not take back what was handed on to the controller.
    world.abandon(gone);
    world.pass(ms(59_000));
    assert!(world.answer(late).is_none(), "a client's own timeout is not the broker's");
    world.pass(ms(2_000));
    assert_eq!(error(world.answer(late)), ErrorCode::RequestTimedOut);
    let waiting = world.ask(1, new("v"));
    world.pull(Lever::ThawController);
    assert_eq!(error(world.answer(waiting)), ErrorCode::None);
}

#[test]
fn e1_a_dead_broker_under_a_frozen_controller_stops_every_acks_all_write() {
    let mut world = World::three();
    world.pull(Lever::FreezeController);
    world.pull(Lever::KillBroker(B2));
    world.pass(ms(96_000));
    assert_eq!(world.leader(1), (2, vec![2, 3, 1]), "metadata is stale for ever");
    let stuck = world.produce(1, 0, Acks::All);
    assert!(acked(&mut world, 1, 0, Acks::Leader), "acks=1 succeeds on a live leader");
    world.pass(ms(1_000));
    assert_eq!(world.produced(stuck), Some(ErrorCode::RequestTimedOut));
    let state = world.cluster.state();
    assert_eq!(state.controller.offline_partitions_count, 0, "the dashboards stay green");
    assert!(state.brokers.iter().all(|b| b.under_replicated_partitions == 0));
}

#[test]
fn e1_heals_with_an_election_and_is_whole_when_the_broker_is_back() {
    let mut world = World::three();
    world.pull(Lever::FreezeController);
    world.pull(Lever::KillBroker(B2));
    world.pass(ms(30_000));
    world.pull(Lever::ThawController);
    world.pass(ms(600));
    assert_eq!(world.leader(1), (3, vec![3, 1]), "elected within 0.6 s, the survivors in sync");
    assert!(acked(&mut world, 1, 0, Acks::All), "the others lost a follower and go on");
    assert!(acked(&mut world, 3, 1, Acks::All));
    world.pull(Lever::StartBroker(B2));
    world.pass(ms(2_900));
    assert_eq!(world.leader(1), (3, vec![2, 3, 1]));
}

#[test]
fn e2_a_frozen_leader_goes_on_where_it_stood() {
    let mut world = World::three();
    world.pull(Lever::FreezeController);
    world.pull(Lever::FreezeBroker(B2));
    let stuck = world.produce(1, 0, Acks::All);
    world.pass(ms(800));
    assert_eq!(world.produced(stuck), None);
    world.pull(Lever::ThawController);
    world.pull(Lever::ThawBroker(B2));
    world.pass(ms(100));
    assert_eq!(world.produced(stuck), Some(ErrorCode::None), "the follower is back, and with it the ack");
    world.pass(ms(10_000));
    assert_eq!(world.leader(1), (2, vec![2, 3, 1]), "nobody was fenced");
}

fn commit(group: &str) -> Request {
    let who = GroupMember { group: group.into(), generation: -1, member: String::new(), instance: None };
    let committed = Committed { offset: 3, leader_epoch: -1, metadata: String::new() };
    Request::OffsetCommit(OffsetCommit { who, offsets: vec![(tp("t", 0), committed)] })
}

fn coordinator(world: &mut World, group: &str) -> Result<BrokerId, ErrorCode> {
    let token = world.ask(1, Request::FindCoordinator(vec![group.into()]));
    match world.answer(token) {
        Some(Response::FindCoordinator(mut found)) => found.remove(0).1,
        other => panic!("{other:?}"),
    }
}

#[test]
fn e2_groups_on_healthy_coordinators_cannot_commit() {
    let mut world = World::three();
    let group =
        (0..).map(|n| format!("g{n}")).find(|g| coordinator(&mut world, g) != Ok(B2)).expect("some group");
    let healthy = coordinator(&mut world, &group).expect("a coordinator").0;
    world.pull(Lever::FreezeController);
    world.pull(Lever::FreezeBroker(B2));
    let token = world.ask(healthy, commit(&group));
    world.pass(ms(4_000));
    assert!(world.answer(token).is_none());
    world.pass(ms(1_500));
    let Some(Response::OffsetCommit(refused)) = world.answer(token) else { panic!("no answer") };
    assert_eq!(refused[0].1, ErrorCode::CoordinatorNotAvailable);
}

fn offsets_of(group: &str, require_stable: bool) -> Request {
    Request::OffsetFetch(vec![OffsetFetch { group: group.into(), partitions: None, require_stable }])
}

fn answered(world: &mut World, token: Token) -> Option<Result<(), ErrorCode>> {
    match world.answer(token)? {
        Response::OffsetFetch(mut groups) => Some(groups.remove(0).1.map(drop)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn e2_who_asks_for_stable_offsets_waits_for_the_commit_before_and_others_do_not() {
    let mut world = World::three();
    let group =
        (0..).map(|n| format!("g{n}")).find(|g| coordinator(&mut world, g) != Ok(B2)).expect("some group");
    let healthy = coordinator(&mut world, &group).expect("a coordinator").0;
    let settled = world.ask(healthy, offsets_of(&group, true));
    assert_eq!(answered(&mut world, settled), Some(Ok(())), "nothing is on its way");
    world.pull(Lever::FreezeController);
    world.pull(Lever::FreezeBroker(B2));
    world.ask(healthy, commit(&group));
    let (stable, any) =
        (world.ask(healthy, offsets_of(&group, true)), world.ask(healthy, offsets_of(&group, false)));
    assert_eq!(answered(&mut world, any), Some(Ok(())));
    world.pass(ms(4_900));
    assert_eq!(answered(&mut world, stable), None);
    world.pass(ms(200));
    assert_eq!(answered(&mut world, stable), Some(Err(ErrorCode::CoordinatorNotAvailable)));
    let later = world.ask(healthy, offsets_of(&group, true));
    world.pull(Lever::ThawBroker(B2));
    world.pass(ms(100));
    assert_eq!(answered(&mut world, later), Some(Ok(())), "the follower is back");
}

#[test]
fn e4_tries_that_timed_out_are_appended_and_appear_after_the_heal() {
    let mut world = World::three();
    world.pull(Lever::FreezeController);
    world.pull(Lever::KillBroker(B2));
    for _ in 0..4 {
        let token = world.produce(1, 0, Acks::All);
        world.pass(ms(1_000));
        assert_eq!(world.produced(token), Some(ErrorCode::RequestTimedOut));
    }
    let reader = world.fetch(1, 0, 0, ms(60_000));
    assert_eq!(world.fetched(reader), None, "nothing is readable below a stuck high watermark");
    world.pull(Lever::ThawController);
    world.pass(ms(9_500));
    assert_eq!(world.fetched(reader), Some(Ok(4)), "all four tries, of which a client meant one");
}

#[test]
fn e4_an_idempotent_retry_within_an_epoch_is_not_doubled() {
    let mut world = World::three();
    world.pull(Lever::FreezeController);
    world.pull(Lever::KillBroker(B2));
    for _ in 0..4 {
        let token = world.produce_batch(1, 0, Acks::All, batch(Some((7, 0, 0))));
        world.pass(ms(1_000));
        assert_eq!(world.produced(token), Some(ErrorCode::RequestTimedOut));
    }
    let bumped = world.produce_batch(1, 0, Acks::All, batch(Some((7, 1, 0))));
    world.pull(Lever::ThawController);
    world.pass(ms(9_500));
    assert_eq!(world.produced(bumped), Some(ErrorCode::RequestTimedOut));
    let reader = world.fetch(1, 0, 0, ms(0));
    assert_eq!(world.fetched(reader), Some(Ok(2)), "the bumped epoch is taken for a new record");
}

#[test]
fn e5_the_only_replica_dies_and_the_partition_has_no_leader_until_it_is_back() {
    let mut world = World::new(Spec::new());
    world.create("t", &[&[1], &[2], &[3]]);
    world.pull(Lever::KillBroker(B2));
    world.pass(ms(6_900));
    assert_eq!(world.leader(1).0, 2, "stale for most of the session");
    world.pass(ms(2_200));
    assert_eq!(world.leader(1), (-1, vec![]));
    assert_eq!(world.metadata("t", 1).error, ErrorCode::LeaderNotAvailable);
    assert_eq!(world.cluster.state().controller.offline_partitions_count, 1);
    assert!(acked(&mut world, 1, 0, Acks::All), "others are not touched");
    world.pull(Lever::StartBroker(B2));
    world.pass(ms(2_800));
    assert!(acked(&mut world, 2, 1, Acks::All));
}

#[test]
fn e6_a_live_replica_that_is_not_in_sync_does_not_lead() {
    let mut world = World::new(Spec { min_isr: 1, ..Spec::new() });
    world.create("t", &[&[1, 2]]);
    world.pull(Lever::FreezeBroker(B2));
    world.pass(ms(10_000));
    assert!(acked(&mut world, 1, 0, Acks::All));
    world.pull(Lever::KillBroker(BrokerId(1)));
    world.pass(ms(10_000));
    world.pull(Lever::ThawBroker(B2));
    world.pass(ms(10_000));
    let view = world.metadata("t", 0);
    assert_eq!((view.leader, view.offline), (None, vec![BrokerId(1)]));
    world.pull(Lever::StartBroker(BrokerId(1)));
    world.pass(ms(3_000));
    assert_eq!(world.leader(0), (1, vec![1, 2]));
}

#[test]
fn e8_a_group_without_a_coordinator_cannot_commit_while_its_partitions_are_fine() {
    let mut world = World::three();
    let b = coordinator(&mut world, "g").expect("a coordinator").0;
    let offsets: Vec<_> = (0..6).map(|p| tp("__consumer_offsets", p)).collect();
    world.pull(Lever::StripLeader(offsets.clone()));
    assert_eq!(coordinator(&mut world, "g"), Err(ErrorCode::CoordinatorNotAvailable));
    let token = world.ask(b, commit("g"));
    let Some(Response::OffsetCommit(refused)) = world.answer(token) else { panic!("no answer") };
    assert_eq!(refused[0].1, ErrorCode::CoordinatorNotAvailable);
    assert!(acked(&mut world, 1, 0, Acks::All));
    world.pull(Lever::RestoreLeader(offsets));
    let back = coordinator(&mut world, "g").expect("a coordinator again").0;
    let token = world.ask(back, commit("g"));
    let Some(Response::OffsetCommit(done)) = world.answer(token) else { panic!("no answer") };
    assert_eq!(done[0].1, ErrorCode::None);
}

#[test]
fn a_stripped_partition_stays_without_leader_whatever_the_controller_does() {
    let mut world = World::three();
    let reader = world.fetch(1, 0, 0, ms(60_000));
    world.pull(Lever::StripLeader(vec![tp("t", 0)]));
    assert_eq!(world.fetched(reader), Some(Err(ErrorCode::NotLeaderOrFollower)));
    world.pass(ms(600_000));
    assert_eq!(world.leader(0).0, -1);
    let token = world.produce(1, 0, Acks::All);
    assert_eq!(world.produced(token), Some(ErrorCode::NotLeaderOrFollower));
    world.pull(Lever::RestoreLeader(vec![tp("t", 0)]));
    assert_eq!(world.leader(0), (1, vec![1, 2, 3]));
    assert!(acked(&mut world, 1, 0, Acks::All));
}

#[test]
fn a_slow_follower_delays_acks_and_does_not_leave_the_set() {
    let mut world = World::three();
    world.pull(Lever::SlowBroker(B2, ms(800)));
    let token = world.produce(1, 0, Acks::All);
    world.pass(ms(799));
    assert_eq!(world.produced(token), None);
    world.pass(ms(1));
    assert_eq!(world.produced(token), Some(ErrorCode::None));
    world.pass(ms(60_000));
    assert_eq!(world.leader(0).1.len(), 3);
}

#[test]
fn leadership_goes_home_after_a_while() {
    let mut world = World::three();
    world.pull(Lever::KillBroker(B2));
    world.pass(ms(10_000));
    world.pull(Lever::StartBroker(B2));
    world.pass(ms(10_000));
    assert_eq!(world.leader(1).0, 3);
    world.pass(ms(300_000));
    assert_eq!(world.leader(1).0, 2);
}

#[test]
fn a_broker_that_restarts_at_once_is_let_in_when_its_old_session_is_over() {
    let mut world = World::three();
    world.pull(Lever::KillBroker(B2));
    world.pull(Lever::StartBroker(B2));
    world.pass(ms(6_900));
    assert_eq!(world.leader(1), (2, vec![2, 3, 1]), "the old session lasts, and nobody else may lead");
    world.pass(ms(9_000));
    assert_eq!(world.leader(1), (3, vec![2, 3, 1]), "it is back with its next try, a session later at most");
    assert!(acked(&mut world, 3, 1, Acks::All));
}

#[test]
fn a_topic_may_be_placed_on_a_fenced_broker_that_does_not_lead() {
    let mut world = World::three();
    world.pull(Lever::KillBroker(B2));
    world.pass(ms(10_000));
    let replicas = NewReplicas::Counts { partitions: 3, replication_factor: 3 };
    let topic = NewTopic { name: "n".into(), replicas, configs: Vec::new() };
    let asked = CreateTopics { timeout: ms(5_000), validate_only: false, topics: vec![topic] };
    let token = world.ask(1, Request::CreateTopics(asked));
    let Some(Response::CreateTopics(created)) = world.answer(token) else { panic!("no answer") };
    assert_eq!(created[0].error, ErrorCode::None);
    for partition in 0..3 {
        let view = world.metadata("n", partition);
        assert_ne!(view.leader, Some(B2));
        assert_eq!((view.replicas.len(), view.isr.len(), view.offline), (3, 2, vec![B2]));
    }
}

#[test]
fn e9_a_broker_that_stops_in_order_hands_over_before_it_goes() {
    let mut world = World::three();
    world.create("solo", &[&[2]]);
    world.pull(Lever::StopBroker(B2));
    assert!(acked(&mut world, 2, 1, Acks::All), "it has not asked yet");
    world.pass(ms(200));
    assert_eq!(world.leader(1), (3, vec![3, 1]), "it asked, and others were elected at once");
    assert_eq!(world.leader(0), (1, vec![1, 3]));
    assert_eq!(world.metadata("solo", 0).leader, None);
    assert!(acked(&mut world, 1, 0, Acks::All) && acked(&mut world, 3, 1, Acks::Leader), "nobody waits");
    let waits = world.produce(3, 1, Acks::All);
    let token = world.produce(2, 1, Acks::All);
    assert_eq!(world.produced(token), Some(ErrorCode::NotLeaderOrFollower), "its port is still open");
    world.pass(ms(250));
    assert_eq!(world.produced(waits), None, "nobody follows the new leader yet");
    world.pass(ms(50));
    assert_eq!(world.produced(waits), Some(ErrorCode::None));
    world.pass(ms(1_700));
    let gone = |world: &World| world.cluster.link(B2).map(|link| link.process) == Some(Process::Dead);
    assert!(gone(&world) && world.cluster.state().brokers[1].fenced, "no session has to run out");
    world.pull(Lever::StartBroker(B2));
    world.pass(ms(3_000));
    assert_eq!((world.leader(1), world.leader(0).1), ((3, vec![2, 3, 1]), vec![1, 2, 3]));
    assert_eq!(world.metadata("solo", 0).leader, Some(B2));
}

#[test]
fn e9_a_frozen_controller_lets_nobody_go_until_it_goes_on_or_the_broker_has_enough() {
    let mut world = World::three();
    world.pull(Lever::FreezeController);
    world.pull(Lever::StopBroker(B2));
    world.pass(ms(60_000));
    assert!(acked(&mut world, 2, 1, Acks::All), "it serves on");
    world.pull(Lever::ThawController);
    assert_eq!(world.leader(1), (3, vec![3, 1]));
    world.pass(ms(2_200));
    world.pull(Lever::StartBroker(B2));
    world.pass(ms(12_000));
    world.pull(Lever::FreezeController);
    world.pull(Lever::StopBroker(B2));
    world.pass(ms(301_000));
    assert_eq!(world.cluster.link(B2).map(|link| link.process), Some(Process::Dead));
    assert_eq!(world.leader(1), (3, vec![2, 3, 1]), "as if it had been killed");
}

#[test]
fn a_broker_that_is_started_before_it_is_gone_comes_back() {
    let mut world = World::three();
    world.pull(Lever::StopBroker(B2));
    world.pull(Lever::FreezeBroker(B2));
    world.pull(Lever::StartBroker(B2));
    world.pass(ms(10_000));
    assert_eq!(world.leader(1), (3, vec![2, 3, 1]));
    world.pull(Lever::StopBroker(B2));
    world.pull(Lever::KillBroker(B2));
    world.pull(Lever::StartBroker(B2));
    world.pass(ms(16_000));
    assert_eq!(world.leader(1), (3, vec![2, 3, 1]), "a kill comes before an orderly end");
}
