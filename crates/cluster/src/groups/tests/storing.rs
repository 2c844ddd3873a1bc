//! What members see while the offsets partition is stuck, and while their coordinator is away.

use super::*;

#[test]
fn nobody_is_assigned_before_the_record_is_stored() {
    let mut world = World::new();
    let members = world.stable(2);
    let tokens = [0, 1].map(|index: usize| world.join(join_request(&members[index].member)));
    let joined = tokens.map(|token| world.joined(token));
    world.stuck = true;
    let syncs = [0, 1].map(|index: usize| world.sync(&joined[index], &[(&joined[index].member, "mine")]));
    world.wait(secs(4));
    assert!(syncs.iter().all(|token| world.is_parked(*token)));
    assert_eq!(world.state(), "CompletingRebalance");
    world.stuck = false;
    world.store(Ok(()));
    assert_eq!(world.assignment(syncs[0]), "mine");
    assert_eq!(world.assignment(syncs[1]), "", "the leader did not name it");
}

#[test]
fn an_assignment_that_times_out_sends_everybody_back_to_join() {
    let mut world = World::new();
    let members = world.stable(1);
    let token = world.join(join_request(&members[0].member));
    let joined = world.joined(token);
    world.stuck = true;
    let sync = world.sync(&joined, &[]);
    world.wait(secs(5));
    assert!(world.is_parked(sync));
    world.store(Err(ErrorCode::RequestTimedOut));
    assert_eq!(world.sync_result(sync).unwrap_err(), ErrorCode::CoordinatorNotAvailable);
    assert_eq!(world.heartbeat(&joined), Err(ErrorCode::RebalanceInProgress));
    let token = world.join(join_request(&joined.member));
    assert_eq!(world.joined(token).generation, joined.generation + 1);
}

#[test]
fn a_record_of_an_earlier_generation_changes_nothing() {
    let mut world = World::new();
    let id = world.member_id();
    let token = world.join(join_request(&id));
    let joined = world.joined(token);
    world.stuck = true;
    let sync = world.sync(&joined, &[(&id, "old")]);
    let newcomer = world.member_id();
    world.join(join_request(&newcomer));
    assert_eq!(world.sync_result(sync).unwrap_err(), ErrorCode::RebalanceInProgress);
    world.store(Ok(()));
    assert_eq!(world.state(), "PreparingRebalance");
    let token = world.join(join_request(&id));
    assert_eq!(world.joined(token).generation, 2);
}

#[test]
fn a_leader_that_syncs_twice_writes_one_record() {
    let mut world = World::new();
    let id = world.member_id();
    let token = world.join(join_request(&id));
    let joined = world.joined(token);
    world.stuck = true;
    let early = world.sync(&joined, &[(&id, "all")]);
    let late = world.sync(&joined, &[(&id, "all")]);
    assert_eq!(world.records.len(), 1);
    assert_eq!(world.sync_result(early).unwrap_err(), ErrorCode::RebalanceInProgress);
    world.store(Ok(()));
    assert_eq!(world.assignment(late), "all");
}

#[test]
fn a_static_member_waits_for_its_record_too() {
    let mut world = World::new();
    let token = world.join(as_static(join_request(""), "desk-1"));
    let joined = world.joined(token);
    world.sync(&joined, &[(&joined.member, "all")]);
    world.stuck = true;
    let again = world.join(as_static(join_request(""), "desk-1"));
    assert!(world.is_parked(again));
    world.store(Err(ErrorCode::NotLeaderOrFollower));
    assert_eq!(world.join_result(again).unwrap_err(), (ErrorCode::NotCoordinator, String::new()));
    world.stuck = false;
    let again = world.join(as_static(join_request(""), "desk-1"));
    assert_eq!(world.joined(again).generation, joined.generation);
}

#[test]
fn nobody_is_expelled_while_the_coordinator_is_away() {
    let mut world = World::new();
    let members = world.stable(2);
    world.groups.hold(|group| group == GROUP);
    world.wait(secs(600));
    world.groups.release(|group| group == GROUP, world.now);
    world.wait(secs(9));
    assert_eq!([0, 1].map(|index: usize| world.heartbeat(&members[index])), [Ok(()); 2]);
    world.wait(secs(11));
    assert_eq!(world.state(), "Empty", "the clock runs again");
}

#[test]
fn a_rebalance_goes_on_where_it_was_when_the_coordinator_is_back() {
    let mut world = World::new();
    let members = world.stable(2);
    let token = world.join(join_request(&members[0].member));
    world.groups.hold(|_| true);
    world.wait(secs(600));
    world.groups.release(|_| true, world.now);
    assert!(world.is_parked(token));
    let other = world.join(join_request(&members[1].member));
    assert_eq!(world.joined(token).generation, world.joined(other).generation);
}

#[test]
fn a_coordinator_that_moves_tells_those_who_wait_and_forgets_newcomers() {
    let mut world = World::new();
    let members = world.stable(2);
    let token = world.join(join_request(&members[0].member));
    let newcomer = world.join(JoinGroup { member_id_required: false, ..join_request("") });
    let effects = world.groups.fail_parked(|group| group == GROUP, ErrorCode::NotCoordinator, world.now);
    world.take(effects);
    assert_eq!(world.join_result(token).unwrap_err().0, ErrorCode::NotCoordinator);
    assert_eq!(world.join_result(newcomer).unwrap_err().0, ErrorCode::NotCoordinator);
    let again = world.rejoin(&[members[0].member.clone(), members[1].member.clone()]);
    assert_eq!(again.len(), 2);
    assert_eq!(world.groups.describe(GROUP).members.len(), 2);
}

#[test]
fn an_assignment_that_was_stored_survives_the_coordinators_move() {
    let mut world = World::new();
    let id = world.member_id();
    let token = world.join(join_request(&id));
    let joined = world.joined(token);
    world.stuck = true;
    let sync = world.sync(&joined, &[(&id, "all")]);
    let effects = world.groups.fail_parked(|_| true, ErrorCode::NotCoordinator, world.now);
    world.take(effects);
    assert_eq!(world.sync_result(sync).unwrap_err(), ErrorCode::NotCoordinator);
    world.store(Ok(()));
    let sync = world.sync(&joined, &[]);
    assert_eq!(world.assignment(sync), "all");
}
