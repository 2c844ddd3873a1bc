//! Consumer groups: a member of old that commits, and a newcomer that joins, with the coordinator on the broker that
//! breaks and on a healthy one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::oneshot;

use super::clients::{self, Heard};
use crate::conformance::cell::{Class, Seen};
use crate::conformance::ground::{BROKEN, Ground, group_on};

/// How long a question about groups may take: more than a session (6 s).
const WITHIN: Duration = Duration::from_secs(8);

/// How long a group may take to form on a whole cluster.
const FORM_WITHIN: Duration = Duration::from_secs(30);

/// How the table calls a group, and the broker that coordinates it before anything breaks.
pub(super) const PLACES: [(&str, i32); 2] = [("coordinator broken", BROKEN), ("coordinator healthy", 1)];

/// The groups whose coordinators are watched: how the table calls them, and their ids.
#[must_use]
pub fn watched() -> Vec<(&'static str, String)> {
    PLACES.map(|(called, broker)| (called, group_on(broker, "old"))).to_vec()
}

/// Members of old, one group in each place.
#[derive(Debug)]
pub struct Groups {
    members: Vec<(&'static str, Member)>,
}

#[derive(Clone)]
struct Member(Arc<BaseConsumer<Heard>>);

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Member")
    }
}

impl Groups {
    /// Forms them, and has each commit once.
    ///
    /// # Errors
    /// When a whole cluster has no group within 30 s, or refuses a commit.
    pub async fn form(ground: &Ground) -> anyhow::Result<Self> {
        let forming = PLACES.map(|(called, broker)| async move {
            let (id, bootstrap) = (group_on(broker, "old"), ground.lab.bootstrap());
            let joined = apart(FORM_WITHIN, move |over| join(&bootstrap, &id, over)).await;
            let member = joined.context("the group did not form")??;
            let committing = member.clone();
            let class = apart(WITHIN, move |_| commit(&committing)).await;
            anyhow::ensure!(class == Some(Class::ok()), "commit before the fault: {class:?}");
            anyhow::Ok((called, member))
        });
        Ok(Self { members: futures::future::try_join_all(forming).await? })
    }

    /// Asks everything about groups, at once.
    pub async fn ask(&self, ground: &Ground) -> Vec<Seen> {
        let old = self.members.iter().map(|(called, member)| async move {
            let (committing, asking) = (member.clone(), member.clone());
            let begun = Instant::now();
            let class = apart(WITHIN, move |_| commit(&committing)).await.unwrap_or_else(Class::never);
            let commit = ground.seen(format!("old member commits, {called}"), class).took(begun.elapsed());
            let begun = Instant::now();
            let class = apart(WITHIN, move |_| committed(&asking)).await.unwrap_or_else(Class::never);
            let committed = ground
                .seen(format!("old member asks for its offsets, {called}"), class)
                .took(begun.elapsed());
            vec![commit, committed]
        });
        let new = PLACES.map(|(called, broker)| async move {
            let (id, bootstrap) = (group_on(broker, "new"), ground.lab.bootstrap());
            let begun = Instant::now();
            let joined = apart(WITHIN, move |over| join(&bootstrap, &id, over)).await;
            let class = match joined {
                Some(Ok(member)) => {
                    clients::let_go(member);
                    Class::ok()
                }
                Some(Err(_)) | None => Class::never(),
            };
            vec![ground.seen(format!("new member joins, {called}"), class).took(begun.elapsed())]
        });
        let (old, new) = tokio::join!(futures::future::join_all(old), futures::future::join_all(new));
        old.into_iter().chain(new).flatten().collect()
    }

    /// From now on, how long until a member of old commits.
    pub async fn heal(&self, ground: &Ground, within: Duration) -> Vec<Seen> {
        let begun = Instant::now();
        let each = self.members.iter().map(|(called, member)| async move {
            let cell = format!("old member commits after the heal, {called}");
            let member = member.clone();
            let try_on = move |over: &AtomicBool| {
                while commit(&member) != Class::ok() && !over.load(Ordering::Relaxed) {
                    // A member that was thrown out of its group comes back by polling.
                    drop(member.0.poll(Duration::from_millis(50)));
                }
            };
            match apart(within, try_on).await {
                Some(()) => ground.seen(cell, Class::ok()).took(begun.elapsed()),
                None => ground.seen(cell, Class::never()),
            }
        });
        futures::future::join_all(each).await
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        clients::let_go(std::mem::take(&mut self.members));
    }
}

/// Subscribes and waits for an assignment.
fn join(bootstrap: &str, group: &str, over: &AtomicBool) -> anyhow::Result<Member> {
    let consumer = clients::consumer(bootstrap, group, &Heard::default())?;
    consumer.subscribe(&["t"])?;
    while consumer.assignment()?.count() == 0 {
        anyhow::ensure!(!over.load(Ordering::Relaxed), "nobody waits any more");
        // A record is no news here; the offsets are committed by hand.
        drop(consumer.poll(Duration::from_millis(50)));
    }
    Ok(Member(Arc::new(consumer)))
}

fn commit(member: &Member) -> Class {
    let mut offsets = TopicPartitionList::new();
    let added = offsets.add_partition_offset("t", 0, Offset::Offset(1));
    let committed = added.and_then(|()| member.0.commit(&offsets, CommitMode::Sync));
    committed.map_or_else(|error| clients::class(&error), |()| Class::ok())
}

fn committed(member: &Member) -> Class {
    let offsets = member.0.committed(Duration::from_secs(5));
    offsets.map_or_else(|error| clients::class(&error), |_| Class::ok())
}

/// Does something that may hang, on a thread of its own, and stops waiting after `within`. The flag tells the thread
/// that nobody waits any more; what hangs in librdkafka ends when librdkafka lets go.
async fn apart<T: Send + 'static>(
    within: Duration,
    body: impl FnOnce(&AtomicBool) -> T + Send + 'static,
) -> Option<T> {
    let (done, answer) = oneshot::channel();
    let over = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&over);
    let spawned = std::thread::Builder::new().name("group".to_owned()).spawn(move || {
        // Nobody may be waiting any more.
        drop(done.send(body(&seen)));
    });
    spawned.ok()?;
    let answer = tokio::time::timeout(within, answer).await;
    over.store(true, Ordering::Relaxed);
    answer.ok()?.ok()
}
