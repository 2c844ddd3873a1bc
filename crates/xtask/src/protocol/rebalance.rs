//! Rebalances by hand: who is in, who leads, which generation, and how long the others wait.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use kafka_protocol::messages::{JoinGroupRequest, JoinGroupResponse};
use lab::wire::{Connection, WireError};
use tokio::time::Instant;

use super::ground::Ground;
use super::members::Who;
use super::sheet::{Noted, Sheet};
use super::words;

/// The shortest session that Apache Kafka grants. Source: `group.min.session.timeout.ms`.
const SHORT_SESSION_MS: i32 = 6_000;

/// The rebalance timeout where somebody is meant to miss it.
const SHORT_REBALANCE_MS: i32 = 1_500;

/// How long something is looked for before it counts as `never`.
const LOOKED_FOR: Duration = Duration::from_secs(12);

pub(super) async fn run(on: &Ground) -> anyhow::Result<Vec<Noted>> {
    let mut sheet = Sheet::default();
    grows(&mut sheet, on, 2).await?;
    grows(&mut sheet, on, 5).await?;
    late_member(&mut sheet, on).await?;
    silent_member(&mut sheet, on).await?;
    leader_that_never_syncs(&mut sheet, on).await?;
    Ok(sheet.done())
}

/// A member and its connection.
struct Member {
    who: Who,
    at: Connection,
}

impl Member {
    async fn new(on: &Ground, group: &str) -> anyhow::Result<Self> {
        Ok(Self { who: Who::new(group), at: on.coordinator(group).await? })
    }

    async fn join(&mut self) -> Result<JoinGroupResponse, WireError> {
        self.who.join(&mut self.at).await
    }

    /// Beats until the coordinator says something else than ok.
    async fn called(&mut self) -> String {
        let asked = Instant::now();
        while asked.elapsed() < LOOKED_FOR {
            match self.who.heartbeat(&mut self.at).await {
                Ok(0) => tokio::time::sleep(Duration::from_millis(20)).await,
                other => return words::outcome(other),
            }
        }
        "never".to_owned()
    }

    async fn sync(&mut self, assignments: &[(String, Bytes)]) -> Result<(i16, Bytes), WireError> {
        self.who.sync(&mut self.at, assignments).await
    }
}

/// One member after the other joins a group, until there are so many; then one leaves.
async fn grows(sheet: &mut Sheet, on: &Ground, size: usize) -> anyhow::Result<()> {
    let group = on.name(&format!("grows-to-{size}"));
    let mut members: Vec<Member> = Vec::new();
    while members.len() < size {
        let mut newcomer = Member::new(on, &group).await?;
        let joining = newcomer.join();
        let rejoining =
            join_all(members.iter_mut().map(async |member| (member.called().await, member.join().await)));
        let (joined, rejoined) = tokio::join!(joining, rejoining);
        let calls: Vec<String> = rejoined.iter().map(|(call, _)| call.clone()).collect();
        members.push(newcomer);
        let joined =
            rejoined.into_iter().map(|(_, joined)| joined).chain([joined]).collect::<Result<Vec<_>, _>>()?;
        let now = members.len();
        if now == 2 || now == size {
            sheet.note(format!("{size} members: called when number {now} joins"), calls_in_a_word(&calls));
            sheet.note(format!("{size} members: joined with {now}"), joined_in_a_word(&joined));
        }
        sync_all(&mut members).await?;
    }
    let given = sync_all(&mut members).await?;
    sheet.note(format!("{size} members: given"), given);

    let mut gone = members.remove(0);
    sheet.note(
        format!("{size} members: the leader leaves"),
        words::outcome(gone.who.leave(&mut gone.at).await),
    );
    let left = Instant::now();
    let rejoined =
        join_all(members.iter_mut().map(async |member| (member.called().await, member.join().await))).await;
    let calls: Vec<String> = rejoined.iter().map(|(call, _)| call.clone()).collect();
    let joined = rejoined.into_iter().map(|(_, joined)| joined).collect::<Result<Vec<_>, _>>()?;
    sheet.note(format!("{size} members: called when the leader left"), calls_in_a_word(&calls));
    sheet.timed(
        format!("{size} members: joined after the leader left"),
        joined_in_any_order(&joined),
        left.elapsed(),
    );
    Ok(())
}

/// Followers ask first, then the leader hands out; what each was given.
async fn sync_all(members: &mut [Member]) -> anyhow::Result<String> {
    let assignments: Vec<(String, Bytes)> = (0..)
        .zip(&*members)
        .map(|(at, member)| (member.who.member.clone(), Bytes::from(format!("part {at}"))))
        .collect();
    let Some((leader, followers)) = members.split_first_mut() else { return Ok("nobody".to_owned()) };
    let following = join_all(followers.iter_mut().map(|member| member.sync(&[])));
    let leading = async {
        // The followers' requests are on their way; which comes first must not matter.
        tokio::time::sleep(Duration::from_millis(30)).await;
        leader.sync(&assignments).await
    };
    let (followed, led) = tokio::join!(following, leading);
    let mut given = Vec::new();
    for synced in [led].into_iter().chain(followed) {
        let (code, assignment) = synced?;
        given.push(if code == 0 {
            String::from_utf8_lossy(&assignment).into_owned()
        } else {
            words::error(code)
        });
    }
    Ok(given.join(", "))
}

/// The one word that all say, or all words.
fn calls_in_a_word(calls: &[String]) -> String {
    match calls {
        [first, rest @ ..] if rest.iter().all(|call| call == first) => first.clone(),
        calls => calls.join(", "),
    }
}

/// Generation, who leads (by the order of joining) and how many members the leader was told of.
fn joined_in_a_word(joined: &[JoinGroupResponse]) -> String {
    let said = joined.iter().map(|one| match one.error_code {
        0 if one.leader == one.member_id => {
            format!("generation {} leads {}", one.generation_id, one.members.len())
        }
        0 => format!("generation {}", one.generation_id),
        code => words::error(code),
    });
    said.collect::<Vec<_>>().join(", ")
}

/// As [`joined_in_a_word`], where anybody may lead.
fn joined_in_any_order(joined: &[JoinGroupResponse]) -> String {
    let (leaders, others): (Vec<_>, Vec<_>) =
        joined.iter().cloned().partition(|one| one.leader == one.member_id);
    joined_in_a_word(&[leaders, others].concat())
}

fn impatient(request: JoinGroupRequest) -> JoinGroupRequest {
    request.with_rebalance_timeout_ms(SHORT_REBALANCE_MS)
}

fn short_session(request: JoinGroupRequest) -> JoinGroupRequest {
    request.with_session_timeout_ms(SHORT_SESSION_MS)
}

/// A member that beats but does not join again in time.
async fn late_member(sheet: &mut Sheet, on: &Ground) -> anyhow::Result<()> {
    let group = on.name("late");
    let mut late = Member::new(on, &group).await?;
    late.who.join_as(&mut late.at, impatient).await?;
    late.sync(&[(late.who.member.clone(), Bytes::new())]).await?;
    let mut newcomer = Member::new(on, &group).await?;
    let asked = Instant::now();
    let joined = newcomer.who.join_as(&mut newcomer.at, impatient).await?;
    sheet.timed(
        "a member that does not join again: the newcomer",
        joined_in_a_word(&[joined]),
        asked.elapsed(),
    );
    sheet.note(
        "a member that does not join again: it beats",
        words::outcome(late.who.heartbeat(&mut late.at).await),
    );
    let code = late.sync(&[]).await.map(|(code, _)| code);
    sheet.note("a member that does not join again: it syncs", words::outcome(code));
    Ok(())
}

/// A member that does not beat.
async fn silent_member(sheet: &mut Sheet, on: &Ground) -> anyhow::Result<()> {
    let group = on.name("silent");
    let mut silent = Member::new(on, &group).await?;
    silent.who.join_as(&mut silent.at, short_session).await?;
    let mut other = Member::new(on, &group).await?;
    let (joined, again) = tokio::join!(other.join(), async {
        let called = silent.called().await;
        (called, silent.who.join_as(&mut silent.at, short_session).await)
    });
    sheet.note("two members, one of a short session", joined_in_a_word(&[again.1?, joined?]));
    let mut both = [silent, other];
    sync_all(&mut both).await?;
    let [mut silent, mut other] = both;
    let synced = Instant::now();
    let called = other.called().await;
    sheet.timed("a member falls silent: the other is called", called, synced.elapsed());
    let joined = other.join().await?;
    sheet.note("a member falls silent: the other joins", joined_in_a_word(&[joined]));
    sheet.note(
        "a member falls silent: it beats again",
        words::outcome(silent.who.heartbeat(&mut silent.at).await),
    );
    Ok(())
}

/// A leader that joins and hands nothing out.
async fn leader_that_never_syncs(sheet: &mut Sheet, on: &Ground) -> anyhow::Result<()> {
    let group = on.name("unsynced");
    let mut leader = Member::new(on, &group).await?;
    leader.who.join_as(&mut leader.at, impatient).await?;
    leader.sync(&[(leader.who.member.clone(), Bytes::new())]).await?;
    let mut follower = Member::new(on, &group).await?;
    let (joined, again) = tokio::join!(follower.who.join_as(&mut follower.at, impatient), async {
        leader.called().await;
        leader.who.join_as(&mut leader.at, impatient).await
    });
    sheet.note("a leader that never syncs: joined", joined_in_a_word(&[again?, joined?]));
    let asked = Instant::now();
    let code = follower.sync(&[]).await.map(|(code, _)| code);
    sheet.timed("a leader that never syncs: the follower's sync", words::outcome(code), asked.elapsed());
    sheet.note(
        "a leader that never syncs: the follower beats",
        words::outcome(follower.who.heartbeat(&mut follower.at).await),
    );
    sheet.note(
        "a leader that never syncs: the leader beats",
        words::outcome(leader.who.heartbeat(&mut leader.at).await),
    );
    Ok(())
}
