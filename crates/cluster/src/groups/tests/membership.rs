//! Who is a member, who is refused, and what static members keep.

use super::*;

fn refusal(world: &mut World, request: JoinGroup) -> ErrorCode {
    let token = world.join(request);
    world.join_result(token).expect_err("refused").0
}

#[test]
fn a_join_that_makes_no_sense_is_refused_with_its_reason() {
    let mut world = World::new();
    let base = || join_request("");
    assert_eq!(refusal(&mut world, JoinGroup { group: String::new(), ..base() }), ErrorCode::InvalidGroupId);
    let short = JoinGroup { session_timeout: secs(5), ..base() };
    assert_eq!(refusal(&mut world, short), ErrorCode::InvalidSessionTimeout);
    let long = JoinGroup { session_timeout: secs(1_801), ..base() };
    assert_eq!(refusal(&mut world, long), ErrorCode::InvalidSessionTimeout);
    assert_eq!(refusal(&mut world, join_request("nobody")), ErrorCode::UnknownMemberId);
    let none = JoinGroup { protocols: Vec::new(), ..base() };
    assert_eq!(refusal(&mut world, none), ErrorCode::InconsistentGroupProtocol);
    world.stable(1);
    let connect = JoinGroup { protocol_type: "connect".to_owned(), ..base() };
    assert_eq!(refusal(&mut world, connect), ErrorCode::InconsistentGroupProtocol);
}

#[test]
fn strangers_and_the_past_are_told_apart() {
    let mut world = World::new();
    let stranger = Joined { member: "nobody".to_owned(), ..world.stable(1).remove(0) };
    assert_eq!(world.heartbeat(&stranger), Err(ErrorCode::UnknownMemberId));
    let member = world.groups.describe(GROUP).members.remove(0).member;
    let past = Joined { member, generation: 0, ..stranger };
    assert_eq!(world.heartbeat(&past), Err(ErrorCode::IllegalGeneration));
    let token = world.sync(&past, &[]);
    assert_eq!(world.sync_result(token).unwrap_err(), ErrorCode::IllegalGeneration);
    assert_eq!(
        world.leave(&[("nobody", None), (&past.member, None)]),
        [ErrorCode::UnknownMemberId, ErrorCode::None]
    );
}

#[test]
fn old_clients_get_their_id_with_the_first_answer() {
    let mut world = World::new();
    let token = world.join(JoinGroup { member_id_required: false, ..join_request("") });
    assert!(world.joined(token).member.starts_with("app-"));
}

#[test]
fn an_id_that_nobody_joins_with_holds_a_rebalance_up_for_a_session_only() {
    let mut world = World::new();
    let members = world.stable(2);
    world.member_id();
    let tokens = [0, 1].map(|index: usize| world.join(join_request(&members[index].member)));
    assert!(world.is_parked(tokens[0]));
    world.wait(secs(11));
    assert_eq!(tokens.map(|token| world.joined(token).generation), [members[0].generation + 1; 2]);
}

#[test]
fn a_static_member_that_restarts_keeps_its_assignment_and_disturbs_nobody() {
    let mut world = World::new();
    let token = world.join(as_static(join_request(""), "desk-1"));
    let joined = world.joined(token);
    assert!(joined.member.starts_with("desk-1-"));
    let token = world.sync(&joined, &[(&joined.member, "all")]);
    world.assignment(token);

    let token = world.join(as_static(join_request(""), "desk-1"));
    let again = world.joined(token);
    assert_eq!((again.generation, again.skip_assignment), (joined.generation, true));
    assert_ne!(again.member, joined.member);
    let token = world.sync(&again, &[]);
    assert_eq!(world.assignment(token), "all");

    let old = GroupMember { instance: Some("desk-1".to_owned()), ..who(&joined) };
    assert_eq!(world.groups.heartbeat(&old, world.now), Err(ErrorCode::FencedInstanceId));
    let fenced = as_static(join_request(&joined.member), "desk-1");
    assert_eq!(refusal(&mut world, fenced), ErrorCode::FencedInstanceId);
    let token = world.commit(old, &[(0, 1)]);
    assert_eq!(world.commit_errors(token), [ErrorCode::FencedInstanceId]);
}

#[test]
fn a_static_member_that_restarts_amid_a_rebalance_fences_its_earlier_self() {
    let mut world = World::new();
    world.stable(1);
    let early = world.join(as_static(join_request(""), "desk-1"));
    assert!(world.is_parked(early));
    let late = world.join(as_static(join_request(""), "desk-1"));
    assert_eq!(world.join_result(early).unwrap_err().0, ErrorCode::FencedInstanceId);
    assert!(world.is_parked(late));
    assert_eq!(world.groups.describe(GROUP).members.len(), 2);
}

#[test]
fn an_operator_removes_a_static_member_by_its_instance_id() {
    let mut world = World::new();
    let token = world.join(as_static(join_request(""), "desk-1"));
    world.joined(token);
    assert_eq!(
        world.leave(&[("", Some("desk-2")), ("", Some("desk-1"))]),
        [ErrorCode::UnknownMemberId, ErrorCode::None]
    );
    assert_eq!(world.state(), "Empty");
}

#[test]
fn static_members_that_are_away_outlive_a_rebalance_but_not_their_session() {
    let mut world = World::new();
    let patient = |request| JoinGroup { session_timeout: secs(300), ..request };
    let token = world.join(patient(as_static(join_request(""), "desk-1")));
    let joined = world.joined(token);
    let token = world.sync(&joined, &[]);
    world.assignment(token);
    let id = world.member_id();
    let other = world.join(join_request(&id));
    world.wait(secs(61));
    let members = world.joined(other).members;
    assert_eq!(members.len(), 2, "the new leader counts on the one that is away: {members:?}");
}

#[test]
fn an_abandoned_join_is_not_answered_and_its_member_ends_with_its_session() {
    let mut world = World::new();
    let first = world.stable(1).remove(0);
    let id = world.member_id();
    let second = world.join(join_request(&id));
    world.groups.abandon(second);
    let token = world.join(join_request(&first.member));
    assert_eq!(world.joined(token).members.len(), 2);
    assert!(!world.replies.contains_key(&second));
    for _ in 0..3 {
        world.wait(secs(5));
        _ = world.heartbeat(&first);
    }
    assert!(world.groups.describe(GROUP).members.iter().all(|member| member.member != id));
}

#[test]
fn a_retry_supersedes_the_request_before_it() {
    let mut world = World::new();
    let first = world.stable(1).remove(0);
    let id = world.member_id();
    let early = world.join(join_request(&id));
    let late = world.join(join_request(&id));
    assert_eq!(world.join_result(early).unwrap_err().0, ErrorCode::RebalanceInProgress);
    world.join(join_request(&first.member));
    assert_eq!(world.joined(late).member, id);
}

#[test]
fn a_group_that_nobody_has_heard_of_is_dead_and_not_found() {
    let world = World::new();
    let view = world.groups.describe("none");
    assert_eq!((view.state, view.error, view.members.len()), ("Dead", ErrorCode::GroupIdNotFound, 0));
}

#[test]
fn a_stable_group_shows_what_everybody_has() {
    let mut world = World::new();
    let id = world.member_id();
    let token = world.join(join_request(&id));
    let joined = world.joined(token);
    assert_eq!(world.groups.describe(GROUP).protocol, "");
    world.sync(&joined, &[(&id, "all")]);
    let view = world.groups.describe(GROUP);
    let member = &view.members[0];
    assert_eq!(
        (view.state, view.protocol_type.as_str(), view.protocol.as_str()),
        ("Stable", "consumer", "range")
    );
    assert_eq!(
        (member.client_id.as_str(), &member.subscription[..], &member.assignment[..]),
        ("app", &b"orders"[..], &b"all"[..])
    );
}
