//! Offsets committed and read back: by members, by strangers, without a group, with notes of any length.

use bytes::Bytes;
use lab::wire::Connection;

use super::ground::{Ground, THREE};
use super::members::{Who, committed};
use super::sheet::{Noted, Sheet};
use super::words;

/// Source: `offset.metadata.max.bytes`, 4096.
const METADATA_BYTES_MAX: usize = 4_096;

pub(super) async fn run(on: &Ground) -> anyhow::Result<Vec<Noted>> {
    let mut sheet = Sheet::default();
    let topic = on.topic("committed", THREE, &[]).await?;
    let topic = topic.name.as_str();
    let group = on.name("committers");
    let mut at = on.coordinator(&group).await?;

    sheet.note("offsets of an unknown group", stored(&mut at, on, &group, Some(topic)).await);
    sheet.note("all offsets of an unknown group", stored(&mut at, on, &group, None).await);
    let alone = Who::new(&group);
    sheet.note(
        "commit without membership",
        words::outcome(alone.commit(&mut at, topic, 0, (5, Some("note"))).await),
    );
    sheet.note("offsets committed without membership", stored(&mut at, on, &group, Some(topic)).await);
    let pretender = Who { member: "pretender".to_owned(), generation: 3, ..alone.clone() };
    sheet.note(
        "commit by a pretender to an empty group",
        words::outcome(pretender.commit(&mut at, topic, 0, (6, None)).await),
    );
    let fresh = on.name("committers-unheard-of");
    let mut there = on.coordinator(&fresh).await?;
    let stranger = Who { group: fresh, ..pretender.clone() };
    sheet.note(
        "commit by a member of an unknown group",
        words::outcome(stranger.commit(&mut there, topic, 0, (6, None)).await),
    );

    for (cell, partition, offset, metadata) in [
        ("a lower offset", 0, 2, Some("note".to_owned())),
        ("offset 0 and no note", 0, 0, None),
        ("a negative offset", 0, -1, None),
        ("past the end of the log", 0, 1_000_000, None),
        ("a note as long as allowed", 1, 7, Some("x".repeat(METADATA_BYTES_MAX))),
        ("a note one byte too long", 1, 8, Some("x".repeat(METADATA_BYTES_MAX + 1))),
        ("for a partition that does not exist", 99, 1, None),
    ] {
        let said = alone.commit(&mut at, topic, partition, (offset, metadata.as_deref())).await;
        sheet.note(format!("commit {cell}"), words::outcome(said));
    }
    sheet.note(
        "commit for an unknown topic",
        words::outcome(alone.commit(&mut at, "no-such-topic", 0, (1, None)).await),
    );
    sheet.note("offsets after all that", stored(&mut at, on, &group, Some(topic)).await);
    sheet.note("all offsets after all that", stored(&mut at, on, &group, None).await);
    with_members(&mut sheet, on, &mut at, (&group, topic)).await?;
    Ok(sheet.done())
}

/// The same group once it has a member.
async fn with_members(
    sheet: &mut Sheet,
    on: &Ground,
    at: &mut Connection,
    (group, topic): (&str, &str),
) -> anyhow::Result<()> {
    let mut member = Who::new(group);
    member.join(at).await?;
    let assigned = vec![(member.member.clone(), Bytes::new())];
    member.sync(at, &assigned).await?;
    sheet.note("commit by a member", words::outcome(member.commit(at, topic, 0, (11, Some("mine"))).await));
    let alone = Who::new(group);
    sheet.note(
        "commit without membership to a group with members",
        words::outcome(alone.commit(at, topic, 0, (12, None)).await),
    );
    let stranger = Who { member: "stranger".to_owned(), ..member.clone() };
    sheet.note("commit by a stranger", words::outcome(stranger.commit(at, topic, 0, (12, None)).await));
    let late = Who { generation: member.generation - 1, ..member.clone() };
    sheet.note("commit of an older generation", words::outcome(late.commit(at, topic, 0, (12, None)).await));
    let early = Who { generation: member.generation + 1, ..member.clone() };
    sheet.note("commit of a future generation", words::outcome(early.commit(at, topic, 0, (12, None)).await));
    sheet.note("offsets with a member", stored(at, on, group, Some(topic)).await);
    member.leave(at).await?;
    sheet.note("commit after leaving", words::outcome(member.commit(at, topic, 0, (13, None)).await));
    sheet.note("offsets after the last member left", stored(at, on, group, Some(topic)).await);
    Ok(())
}

/// What the group has stored, with this run's names taken out.
async fn stored(at: &mut Connection, on: &Ground, group: &str, topic: Option<&str>) -> String {
    let asked = topic.map(|topic| [(topic, [0, 1, 99].as_slice())]);
    match committed(at, group, asked.as_ref().map(|asked| asked.as_slice())).await {
        Ok(Ok(stored)) if stored.is_empty() => "nothing".to_owned(),
        Ok(Ok(stored)) => {
            let said = stored.iter().map(|(topic, partition, offset, note)| {
                let note = if note.len() > 8 { format!("{} bytes", note.len()) } else { format!("`{note}`") };
                format!("{}-{partition}: {offset} {note}", topic.trim_end_matches(&format!("-{}", on.run)))
            });
            said.collect::<Vec<_>>().join(", ")
        }
        Ok(Err(code)) => words::error(code),
        Err(failure) => words::unanswered(&failure),
    }
}
