//! What a coordinator says to members that it does not know, that are late, or that ask for what cannot be.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::{DescribeGroupsRequest, FindCoordinatorRequest, GroupId, JoinGroupRequest};
use kafka_protocol::protocol::StrBytes;
use lab::wire::Connection;
use tokio::time::Instant;

use super::ground::{Ground, PATIENCE, THREE};
use super::members::Who;
use super::sheet::{Noted, Sheet};
use super::words;

/// How long a coordinator's record may take to be committed on a healthy cluster.
const COMMITTED_WITHIN: Duration = Duration::from_secs(2);

pub(super) async fn run(on: &Ground) -> anyhow::Result<Vec<Noted>> {
    let mut sheet = Sheet::default();
    let topic = on.topic("grouped", THREE, &[]).await?;
    let topic = topic.name.as_str();
    let group = on.name("bad-groups");
    let mut at = on.coordinator(&group).await?;
    unknown(&mut sheet, &mut at, &on.name("bad-groups")).await?;
    bad_joins(&mut sheet, &mut at, &group).await;
    let member = life(&mut sheet, &mut at, (&group, topic)).await?;
    static_members(&mut sheet, on, topic).await?;
    elsewhere(&mut sheet, on, (&member, topic)).await?;
    coordinators(&mut sheet, on).await?;
    Ok(sheet.done())
}

/// A group that nobody has heard of.
async fn unknown(sheet: &mut Sheet, at: &mut Connection, group: &str) -> anyhow::Result<()> {
    sheet.note("an unknown group is described", describe(at, group).await);
    let nobody = Who { member: "nobody".to_owned(), generation: 1, ..Who::new(group) };
    let nowhere = Who { group: String::new(), ..nobody.clone() };
    sheet.note("heartbeat to an empty group id", words::outcome(nowhere.heartbeat(at).await));
    sheet.note(
        "sync with an empty group id",
        words::outcome(nowhere.sync(at, &[]).await.map(|(code, _)| code)),
    );
    sheet.note("leave an empty group id", words::outcome(nowhere.leave(at).await));
    sheet.note("heartbeat to an unknown group", words::outcome(nobody.heartbeat(at).await));
    sheet
        .note("sync with an unknown group", words::outcome(nobody.sync(at, &[]).await.map(|(code, _)| code)));
    sheet.note("leave an unknown group", words::outcome(nobody.leave(at).await));
    let joins = at.ask(9, &nobody.join_request(), PATIENCE).await.map(|answer| answer.error_code);
    sheet.note("join with an unknown member id", words::outcome(joins));
    Ok(())
}

async fn describe(at: &mut Connection, group: &str) -> String {
    let group = GroupId(StrBytes::from_string(group.to_owned()));
    let request = DescribeGroupsRequest::default().with_groups(vec![group]);
    match at.ask(6, &request, PATIENCE).await {
        Ok(answer) => answer.groups.first().map_or_else(String::new, |group| {
            let (state, count) = (group.group_state.as_str(), group.members.len());
            format!("{}, `{state}`, {count} members", words::error(group.error_code))
        }),
        Err(failure) => words::unanswered(&failure),
    }
}

/// The group as soon as its first record is committed: before that a coordinator may not speak of it.
async fn describe_soon(at: &mut Connection, group: &str) -> String {
    let asked = Instant::now();
    loop {
        let said = describe(at, group).await;
        if asked.elapsed() > COMMITTED_WITHIN || !said.contains("GROUP_ID_NOT_FOUND") {
            return said;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Joins that are refused before there is a group.
async fn bad_joins(sheet: &mut Sheet, at: &mut Connection, group: &str) {
    let good = Who::new(group).join_request();
    let empty_group = good.clone().with_group_id(GroupId::default());
    let other = JoinGroupRequestProtocol::default().with_name(StrBytes::from_static_str("other"));
    let joins: Vec<(&str, i16, JoinGroupRequest)> = vec![
        ("without a member id", 9, good.clone()),
        ("with an empty group id", 9, empty_group),
        ("with a session of 1 s", 9, good.clone().with_session_timeout_ms(1_000)),
        ("with a session of an hour", 9, good.clone().with_session_timeout_ms(3_600_000)),
        ("with no assignors", 9, good.clone().with_protocols(Vec::new())),
        ("with an empty protocol type", 9, good.clone().with_protocol_type(StrBytes::default())),
        ("with another assignor, without a member id", 9, good.clone().with_protocols(vec![other])),
    ];
    for (cell, version, join) in joins {
        let said = at.ask(version, &join, PATIENCE).await;
        sheet.note(format!("join {cell}"), words::outcome(said.map(|answer| answer.error_code)));
    }
}

/// A group's life with one member, and what goes wrong on the way. Returns the member as it was.
async fn life(sheet: &mut Sheet, at: &mut Connection, (group, topic): (&str, &str)) -> anyhow::Result<Who> {
    let mut member = Who::new(group);
    let joined = member.join(at).await?;
    let leads = if joined.leader == joined.member_id { "leads" } else { "follows" };
    sheet.note(
        "the first member joins",
        format!("{}, generation {}, {leads}", words::error(joined.error_code), joined.generation_id),
    );
    sheet.note("the group while it syncs", describe_soon(at, group).await);
    sheet.note("heartbeat before the sync", words::outcome(member.heartbeat(at).await));
    sheet.note("commit before the sync", words::outcome(member.commit(at, topic, 0, (1, None)).await));
    let assignment = vec![(member.member.clone(), Bytes::from_static(b"all"))];
    let (code, given) = member.sync(at, &assignment).await?;
    sheet.note(
        "the leader syncs",
        format!("{}, given {:?}", words::error(code), String::from_utf8_lossy(&given)),
    );
    sheet.note("the group when it is stable", describe(at, group).await);
    sheet.note("heartbeat", words::outcome(member.heartbeat(at).await));
    let (code, given) = member.sync(at, &[]).await?;
    sheet.note("sync again", format!("{}, given {:?}", words::error(code), String::from_utf8_lossy(&given)));

    let future = Who { generation: member.generation + 1, ..member.clone() };
    let past = Who { generation: member.generation - 1, ..member.clone() };
    let stranger = Who { member: "stranger".to_owned(), ..member.clone() };
    for (cell, who) in
        [("of a future generation", &future), ("of an older generation", &past), ("by a stranger", &stranger)]
    {
        sheet.note(format!("heartbeat {cell}"), words::outcome(who.heartbeat(at).await));
        sheet.note(format!("sync {cell}"), words::outcome(who.sync(at, &[]).await.map(|(code, _)| code)));
    }
    sheet.note("leave by a stranger", words::outcome(stranger.leave(at).await));
    odd_second_members(sheet, at, &member).await?;
    let again = member.clone().join(at).await?;
    sheet.note(
        "the leader joins again",
        format!("{}, generation {}", words::error(again.error_code), again.generation_id),
    );
    let now = Who { generation: again.generation_id, ..member };
    sheet.note(
        "heartbeat of the generation before",
        words::outcome(Who { generation: 1, ..now.clone() }.heartbeat(at).await),
    );
    let synced = now.sync(at, &[(now.member.clone(), Bytes::new())]).await?;
    sheet.note(
        "the leader syncs, assigning nothing",
        format!("{}, {} bytes", words::error(synced.0), synced.1.len()),
    );
    sheet.note("leave", words::outcome(now.leave(at).await));
    sheet.note("leave again", words::outcome(now.leave(at).await));
    sheet.note("heartbeat after leaving", words::outcome(now.heartbeat(at).await));
    sheet.note("the group when it is empty", describe(at, group).await);
    Ok(now)
}

/// Others who would join a stable group and may not.
async fn odd_second_members(sheet: &mut Sheet, at: &mut Connection, first: &Who) -> anyhow::Result<()> {
    let join = Who::new(&first.group).join_request();
    let other = JoinGroupRequestProtocol::default().with_name(StrBytes::from_static_str("other"));
    for (cell, join) in [
        ("with another protocol type", join.clone().with_protocol_type(StrBytes::from_static_str("connect"))),
        ("without a common assignor", join.with_protocols(vec![other])),
    ] {
        let said = at.ask(9, &join, PATIENCE).await;
        sheet.note(format!("join {cell}"), words::outcome(said.map(|answer| answer.error_code)));
    }
    Ok(())
}

/// Members with an instance id of their own.
async fn static_members(sheet: &mut Sheet, on: &Ground, topic: &str) -> anyhow::Result<()> {
    let group = on.name("static-groups");
    let mut at = on.coordinator(&group).await?;
    let mut first = Who { instance: Some("one".to_owned()), ..Who::new(&group) };
    let joined = first.join(&mut at).await?;
    sheet.note(
        "a static member joins",
        format!("{}, generation {}", words::error(joined.error_code), joined.generation_id),
    );
    let assigned = vec![(first.member.clone(), Bytes::from_static(b"all"))];
    let (code, _) = first.sync(&mut at, &assigned).await?;
    sheet.note("a static member syncs", words::error(code));
    let mut second = Who { member: String::new(), generation: -1, ..first.clone() };
    let joined = second.join(&mut at).await?;
    let skips = if joined.skip_assignment { "need not assign" } else { "assigns" };
    let kept = if second.member == first.member { "the same member id" } else { "a new member id" };
    sheet.note(
        "the same instance joins again",
        format!("{}, generation {}, {kept}, {skips}", words::error(joined.error_code), joined.generation_id),
    );
    sheet.note("heartbeat of the instance's old member", words::outcome(first.heartbeat(&mut at).await));
    sheet.note(
        "commit of the instance's old member",
        words::outcome(first.commit(&mut at, topic, 0, (1, None)).await),
    );
    sheet.note("leave of the instance's old member", words::outcome(first.leave(&mut at).await));
    let by_instance = Who { member: String::new(), ..second };
    sheet.note("leave by instance id alone", words::outcome(by_instance.leave(&mut at).await));
    let unknown = Who { instance: Some("two".to_owned()), ..by_instance };
    sheet.note("leave by an unknown instance id", words::outcome(unknown.leave(&mut at).await));
    Ok(())
}

/// Asked at a broker that is not the group's coordinator.
async fn elsewhere(sheet: &mut Sheet, on: &Ground, (member, topic): (&Who, &str)) -> anyhow::Result<()> {
    for broker in &on.brokers {
        let mut at = on.connect(broker.id).await?;
        let code = member.heartbeat(&mut at).await;
        if matches!(code, Ok(16)) {
            sheet.note("heartbeat at the wrong coordinator", words::outcome(code));
            let joins = at.ask(9, &member.join_request(), PATIENCE).await.map(|answer| answer.error_code);
            sheet.note("join at the wrong coordinator", words::outcome(joins));
            sheet.note(
                "commit at the wrong coordinator",
                words::outcome(member.commit(&mut at, topic, 0, (1, None)).await),
            );
            sheet.note("describe at the wrong coordinator", describe(&mut at, &member.group).await);
            return Ok(());
        }
    }
    sheet.note("heartbeat at the wrong coordinator", "nobody refuses");
    Ok(())
}

async fn coordinators(sheet: &mut Sheet, on: &Ground) -> anyhow::Result<()> {
    let mut at = on.connect(1).await?;
    for (cell, kind, key) in [("of an empty group id", 0, ""), ("of kind 7", 7, "x")] {
        let request = FindCoordinatorRequest::default()
            .with_key_type(kind)
            .with_coordinator_keys(vec![StrBytes::from_static_str(key)]);
        let said = at.ask(4, &request, PATIENCE).await;
        let code = said.map(|answer| answer.coordinators.first().map_or(0, |found| found.error_code));
        sheet.note(format!("the coordinator {cell}"), words::outcome(code));
    }
    Ok(())
}
