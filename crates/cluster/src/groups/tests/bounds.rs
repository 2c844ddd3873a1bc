//! What happens when a table is full.

use super::*;

fn small() -> GroupSettings {
    GroupSettings {
        members_max: 2,
        groups_max: 2,
        offsets_max: 2,
        persists_max: 1,
        offset_metadata_bytes_max: 4,
        record_bytes_max: 16,
        ..GroupSettings::default()
    }
}

fn simple(group: &str) -> GroupMember {
    GroupMember { group: group.to_owned(), generation: -1, member: String::new(), instance: None }
}

#[test]
fn a_full_group_refuses_newcomers_and_keeps_its_members() {
    let mut world = World::with(small());
    let members = world.stable(2);
    for required in [true, false] {
        let token = world.join(JoinGroup { member_id_required: required, ..join_request("") });
        assert_eq!(world.join_result(token).unwrap_err().0, ErrorCode::GroupMaxSizeReached);
    }
    assert_eq!(world.heartbeat(&members[0]), Ok(()));
    let again = world.rejoin(&[members[0].member.clone(), members[1].member.clone()]);
    assert_eq!(again.len(), 2);
}

#[test]
fn ids_are_handed_out_up_to_the_bound_and_again_once_they_have_run_out() {
    let mut world = World::with(small());
    world.member_id();
    world.member_id();
    let token = world.join(join_request(""));
    assert_eq!(world.join_result(token).unwrap_err().0, ErrorCode::GroupMaxSizeReached);
    world.wait(secs(11));
    world.member_id();
}

#[test]
fn a_full_table_forgets_a_hollow_group_and_no_other() {
    let mut world = World::with(small());
    world.stable(1);
    let token = world.commit(simple("offsets"), &[(0, 1)]);
    assert_eq!(world.commit_errors(token), [ErrorCode::None]);
    let token = world.commit(simple("third"), &[(0, 1)]);
    assert_eq!(world.commit_errors(token), [ErrorCode::PolicyViolation]);
    let token = world.join(JoinGroup { group: "third".to_owned(), ..join_request("") });
    assert_eq!(world.join_result(token).unwrap_err().0, ErrorCode::PolicyViolation);

    let member = world.groups.describe(GROUP).members.remove(0).member;
    world.leave(&[(&member, None)]);
    let token = world.commit(simple("third"), &[(0, 1)]);
    assert_eq!(world.commit_errors(token), [ErrorCode::None]);
    assert_eq!(world.state(), "Dead", "it held neither member nor offset");
}

#[test]
fn offsets_beyond_the_bound_are_refused_partition_by_partition() {
    let mut world = World::with(small());
    let token = world.commit(simple(GROUP), &[(0, 1), (1, 1), (2, 1)]);
    assert_eq!(world.commit_errors(token), [ErrorCode::None, ErrorCode::None, ErrorCode::PolicyViolation]);
    let token = world.commit(simple(GROUP), &[(2, 2), (1, 2)]);
    assert_eq!(world.commit_errors(token), [ErrorCode::PolicyViolation, ErrorCode::None]);
    assert_eq!(world.offsets(), [(0, 1), (1, 2)]);
}

#[test]
fn slots_of_commits_that_failed_are_free_again() {
    let mut world = World::with(small());
    world.stuck = true;
    world.commit(simple(GROUP), &[(0, 1), (1, 1)]);
    world.store(Err(ErrorCode::NotEnoughReplicas));
    world.stuck = false;
    let token = world.commit(simple(GROUP), &[(2, 1), (3, 1)]);
    assert_eq!(world.commit_errors(token), [ErrorCode::None; 2]);
}

#[test]
fn a_note_that_is_too_long_is_refused() {
    let mut world = World::with(small());
    let token = world.token();
    let parts = vec![(partition(0), Ok(Committed { metadata: "12345".to_owned(), ..at(1) }))];
    let effects = world.groups.commit(token, &simple(GROUP), parts, world.now);
    world.take(effects);
    assert_eq!(world.commit_errors(token), [ErrorCode::OffsetMetadataTooLarge]);
}

#[test]
fn with_too_many_records_under_way_clients_are_told_to_come_again() {
    let mut world = World::with(small());
    world.stuck = true;
    let waits = world.commit(simple("other"), &[(0, 1)]);
    let token = world.commit(simple("other"), &[(1, 1)]);
    assert_eq!(world.commit_errors(token), [ErrorCode::CoordinatorNotAvailable]);

    let id = world.member_id();
    let token = world.join(join_request(&id));
    let joined = world.joined(token);
    let token = world.sync(&joined, &[]);
    assert_eq!(world.sync_result(token).unwrap_err(), ErrorCode::CoordinatorNotAvailable);
    assert_eq!(world.state(), "PreparingRebalance");
    world.store(Ok(()));
    assert_eq!(world.commit_errors(waits), [ErrorCode::None]);
}

#[test]
fn subscriptions_and_assignments_that_fit_no_record_are_refused() {
    let mut world = World::with(small());
    let protocols = vec![("range".to_owned(), Bytes::from_static(&[0; 12]))];
    let token = world.join(JoinGroup { protocols, ..join_request("") });
    assert_eq!(world.join_result(token).unwrap_err().0, ErrorCode::UnknownServerError);

    let member = world.stable(1).remove(0);
    let token = world.join(join_request(&member.member));
    let joined = world.joined(token);
    let token = world.sync(&joined, &[(&joined.member, "seventeen letters")]);
    assert_eq!(world.sync_result(token).unwrap_err(), ErrorCode::UnknownServerError);
}
