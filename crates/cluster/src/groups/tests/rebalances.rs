//! Stories of rebalances.

use std::collections::BTreeSet;

use super::*;

#[test]
fn one_member_gets_an_id_then_a_generation_then_its_assignment() {
    let mut world = World::new();
    let id = world.member_id();
    assert!(id.starts_with("app-") && id.len() == "app-".len() + 36, "{id}");

    let token = world.join(join_request(&id));
    let joined = world.joined(token);
    assert_eq!((joined.generation, &joined.leader, &joined.member), (1, &id, &id));
    assert_eq!((joined.protocol.as_str(), joined.members.len()), ("range", 1));
    assert_eq!(world.state(), "CompletingRebalance");

    let token = world.sync(&joined, &[(&id, "everything")]);
    assert_eq!(world.assignment(token), "everything");
    assert_eq!(world.state(), "Stable");
    assert_eq!(world.heartbeat(&joined), Ok(()));
}

#[test]
fn a_second_member_waits_for_the_first_to_rejoin_and_both_share() {
    let mut world = World::new();
    let first = world.stable(1).remove(0);
    let id = world.member_id();
    let second = world.join(join_request(&id));
    assert!(world.is_parked(second));
    assert_eq!(world.heartbeat(&first), Err(ErrorCode::RebalanceInProgress));

    let again = world.join(join_request(&first.member));
    let (leader, follower) = (world.joined(again), world.joined(second));
    assert_eq!((leader.generation, follower.generation), (2, 2));
    assert_eq!((leader.members.len(), follower.members.len()), (2, 0));
    assert_eq!(follower.leader, leader.member);

    let waits = world.sync(&follower, &[]);
    assert!(world.is_parked(waits), "the leader has not assigned yet");
    let leads = world.sync(&leader, &[(&leader.member, "0-3"), (&follower.member, "4-7")]);
    assert_eq!((world.assignment(leads), world.assignment(waits)), ("0-3".into(), "4-7".into()));
}

#[test]
fn five_members_rebalance_when_one_leaves() {
    let mut world = World::new();
    let members = world.stable(5);
    assert_eq!(members.iter().map(|m| m.generation).collect::<BTreeSet<_>>().len(), 1);
    let (gone, rest) = members.split_last().unwrap();
    assert_eq!(world.leave(&[(&gone.member, None)]), [ErrorCode::None]);
    assert_eq!(world.state(), "PreparingRebalance");

    let tokens: Vec<Token> = rest.iter().map(|member| world.join(join_request(&member.member))).collect();
    let joined: Vec<Joined> = tokens.into_iter().map(|token| world.joined(token)).collect();
    assert!(joined.iter().all(|member| member.generation == gone.generation + 1));
    assert_eq!(
        joined.iter().map(|member| member.members.len()).sum::<usize>(),
        4,
        "the leader alone sees all"
    );
}

#[test]
fn a_leader_that_leaves_is_succeeded_and_an_empty_group_stays() {
    let mut world = World::new();
    let members = world.stable(2);
    world.leave(&[(&members[0].member, None)]);
    let token = world.join(join_request(&members[1].member));
    let joined = world.joined(token);
    assert_eq!((joined.leader, joined.members.len()), (members[1].member.clone(), 1));

    world.leave(&[(&members[1].member, None)]);
    assert_eq!(world.state(), "Empty");
    assert_eq!(world.groups.list(|_| true), [(GROUP.to_owned(), "consumer".to_owned(), "Empty")]);
}

#[test]
fn a_silent_member_is_removed_after_its_session_and_the_others_rebalance() {
    let mut world = World::new();
    let members = world.stable(2);
    world.wait(secs(9));
    assert_eq!(world.heartbeat(&members[0]), Ok(()));
    world.wait(secs(2));
    assert_eq!(world.heartbeat(&members[1]), Err(ErrorCode::UnknownMemberId));
    assert_eq!(world.heartbeat(&members[0]), Err(ErrorCode::RebalanceInProgress));
    let token = world.join(join_request(&members[0].member));
    assert_eq!(world.joined(token).members.len(), 1);
}

#[test]
fn a_rebalance_drops_those_who_do_not_rejoin_in_time() {
    let mut world = World::new();
    let members = world.stable(2);
    let token = world.join(join_request(&members[0].member));
    for _ in 0..11 {
        world.wait(secs(5));
        assert_eq!(world.heartbeat(&members[1]), Err(ErrorCode::RebalanceInProgress), "alive, but busy");
        assert!(world.is_parked(token));
    }
    world.wait(secs(5));
    assert_eq!(world.joined(token).members.len(), 1);
    assert_eq!(world.heartbeat(&members[1]), Err(ErrorCode::UnknownMemberId));
}

#[test]
fn a_member_that_joins_but_never_syncs_is_removed_after_the_rebalance_timeout() {
    let mut world = World::new();
    let members = world.stable(2);
    let tokens = [0, 1].map(|index: usize| world.join(join_request(&members[index].member)));
    let joined = tokens.map(|token| world.joined(token));
    let waits = world.sync(&joined[1], &[]);
    for _ in 0..12 {
        world.wait(secs(5));
        _ = world.heartbeat(&joined[0]);
    }
    assert_eq!(world.sync_result(waits).unwrap_err(), ErrorCode::RebalanceInProgress);
    assert_eq!(world.heartbeat(&joined[0]), Err(ErrorCode::UnknownMemberId), "the leader did not assign");
}

#[test]
fn the_first_rebalance_waits_for_company_when_told_to() {
    let delay = GroupSettings { initial_rebalance_delay: secs(3), ..GroupSettings::default() };
    let mut world = World::with(delay);
    let ids = [world.member_id(), world.member_id()];
    let first = world.join(join_request(&ids[0]));
    world.wait(secs(2));
    let second = world.join(join_request(&ids[1]));
    world.wait(secs(2));
    assert!(world.is_parked(first), "the group grew, so it waits once more");
    world.wait(secs(2));
    assert_eq!((world.joined(first).generation, world.joined(second).generation), (1, 1));
}

#[test]
fn the_assignor_that_everybody_knows_and_most_prefer_wins() {
    let mut world = World::new();
    let with = |world: &mut World, id: &str, names: &[&str]| {
        let protocols = names.iter().map(|name| ((*name).to_owned(), Bytes::new())).collect();
        world.join(JoinGroup { protocols, ..join_request(id) })
    };
    let ids = [world.member_id(), world.member_id(), world.member_id()];
    let alone = with(&mut world, &ids[0], &["sticky", "range", "cooperative"]);
    assert_eq!(world.joined(alone).protocol, "sticky");
    with(&mut world, &ids[1], &["range", "cooperative"]);
    with(&mut world, &ids[2], &["cooperative", "range"]);
    let last = with(&mut world, &ids[0], &["sticky", "range", "cooperative"]);
    assert_eq!(world.joined(last).protocol, "range", "nobody but the first knows sticky");

    let stranger = with(&mut world, "", &["round-robin"]);
    assert_eq!(world.join_result(stranger).unwrap_err().0, ErrorCode::InconsistentGroupProtocol);
}

#[test]
fn a_leader_that_rejoins_starts_a_rebalance_and_a_follower_does_not() {
    let mut world = World::new();
    let members = world.stable(2);
    let follower = world.join(join_request(&members[1].member));
    assert_eq!(world.joined(follower).generation, members[1].generation);
    assert_eq!(world.state(), "Stable");
    let leader = world.join(join_request(&members[0].member));
    assert!(world.is_parked(leader));
    assert_eq!(world.state(), "PreparingRebalance");
}
