//! Commits and what can be read of them.

use super::*;

fn nobody() -> GroupMember {
    GroupMember { group: GROUP.to_owned(), generation: -1, member: String::new(), instance: None }
}

#[test]
fn a_commit_is_visible_once_it_is_stored() {
    let mut world = World::new();
    let member = world.stable(1).remove(0);
    world.stuck = true;
    let token = world.commit(who(&member), &[(0, 10), (1, 20)]);
    assert!(world.is_parked(token));
    assert_eq!(world.offsets(), []);
    let asked = OffsetFetch {
        group: GROUP.to_owned(),
        partitions: Some(vec![partition(1), partition(7)]),
        require_stable: false,
    };
    assert_eq!(world.groups.fetch_offsets(asked.clone()), [(partition(1), None), (partition(7), None)]);
    world.store(Ok(()));
    assert_eq!(world.commit_errors(token), [ErrorCode::None; 2]);
    assert_eq!(world.offsets(), [(0, 10), (1, 20)]);
    assert_eq!(world.groups.fetch_offsets(asked), [(partition(1), Some(at(20))), (partition(7), None)]);
}

#[test]
fn a_commit_that_is_not_stored_says_so_and_leaves_the_earlier_offset() {
    let mut world = World::new();
    let member = world.stable(1).remove(0);
    world.commit(who(&member), &[(0, 10)]);
    world.stuck = true;
    let token = world.commit(who(&member), &[(0, 11), (1, 1)]);
    world.store(Err(ErrorCode::RequestTimedOut));
    assert_eq!(world.commit_errors(token), [ErrorCode::CoordinatorNotAvailable; 2]);
    assert_eq!(world.offsets(), [(0, 10)]);
}

#[test]
fn who_may_commit_depends_on_the_group() {
    let mut world = World::new();
    let errors = |world: &mut World, who| {
        let token = world.commit(who, &[(0, 1)]);
        world.commit_errors(token)[0]
    };
    let early = GroupMember { generation: 3, member: "early".to_owned(), ..nobody() };
    assert_eq!(errors(&mut world, early), ErrorCode::IllegalGeneration, "there is no group yet");
    assert_eq!(errors(&mut world, nobody()), ErrorCode::None, "a group without members stores offsets");

    let member = world.stable(1).remove(0);
    assert_eq!(errors(&mut world, nobody()), ErrorCode::UnknownMemberId);
    let past = GroupMember { generation: 0, ..who(&member) };
    assert_eq!(errors(&mut world, past), ErrorCode::IllegalGeneration);
    let token = world.join(join_request(&member.member));
    let next = world.joined(token);
    assert_eq!(errors(&mut world, who(&next)), ErrorCode::RebalanceInProgress, "not assigned yet");
}

#[test]
fn members_may_still_commit_while_a_rebalance_waits_for_them() {
    let mut world = World::new();
    let member = world.stable(1).remove(0);
    let id = world.member_id();
    world.join(join_request(&id));
    assert_eq!(world.state(), "PreparingRebalance");
    let token = world.commit(who(&member), &[(0, 5)]);
    assert_eq!(world.commit_errors(token), [ErrorCode::None]);
}

#[test]
fn a_commit_is_a_sign_of_life() {
    let mut world = World::new();
    let member = world.stable(1).remove(0);
    for offset in 0..4 {
        world.wait(secs(6));
        world.commit(who(&member), &[(0, offset)]);
    }
    assert_eq!(world.heartbeat(&member), Ok(()));
}

#[test]
fn offsets_outlive_the_members_but_not_the_topic() {
    let mut world = World::new();
    let member = world.stable(1).remove(0);
    world.commit(who(&member), &[(0, 5)]);
    world.leave(&[(&member.member, None)]);
    assert_eq!(world.offsets(), [(0, 5)]);
    world.stuck = true;
    let token = world.commit(nobody(), &[(0, 6)]);
    world.groups.forget_topic("orders");
    world.store(Ok(()));
    assert_eq!(world.commit_errors(token), [ErrorCode::None]);
    assert_eq!(world.offsets(), []);
}

#[test]
fn a_commit_of_nothing_is_answered_at_once() {
    let mut world = World::new();
    world.stuck = true;
    let token = world.commit(nobody(), &[]);
    assert_eq!(world.commit_errors(token), []);
}
