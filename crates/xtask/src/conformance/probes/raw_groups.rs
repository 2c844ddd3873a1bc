//! Raw questions about groups: a commit and a look at the offsets, by nobody in particular, each on a connection of its
//! own, to the broker that coordinated the group before anything broke.

use std::time::{Duration, Instant};

use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{OffsetFetchRequest, OffsetFetchRequestGroup};
use kafka_protocol::messages::{GroupId, TopicName};
use kafka_protocol::protocol::{Request, StrBytes};
use lab::wire::Connection;

use super::groups::PLACES;
use super::raw;
use crate::conformance::cell::{Class, Seen};
use crate::conformance::ground::{Ground, group_on};

/// Versions that both backends have: the last that name topics.
const COMMIT: i16 = 8;
const FETCH: i16 = 8;

/// How long an answer may take: more than `offsets.commit.timeout.ms` (5 s), and out before the heal.
const WITHIN: Duration = Duration::from_millis(7_500);

/// Commits and asks in each place, all at once.
pub async fn ask(ground: &Ground) -> Vec<Seen> {
    let each = PLACES.map(|(called, broker)| async move {
        let address = ground.address(broker);
        let begun = Instant::now();
        let commit = commit(&group_on(broker, "raw"));
        let committing = async {
            let class = answer(&address, COMMIT, &commit, |answer| {
                answer.topics.first()?.partitions.first().map(|partition| partition.error_code)
            });
            let class = class.await;
            ground
                .seen(format!("raw OffsetCommit, {called}, to broker {broker}"), class)
                .took(begun.elapsed())
        };
        // The group that has committed before the fault.
        let fetch = fetch(&group_on(broker, "old"));
        let fetching = async {
            let class = answer(&address, FETCH, &fetch, |answer| Some(answer.groups.first()?.error_code));
            let class = class.await;
            ground.seen(format!("raw OffsetFetch, {called}, to broker {broker}"), class).took(begun.elapsed())
        };
        let (committed, fetched) = tokio::join!(committing, fetching);
        [committed, fetched]
    });
    futures::future::join_all(each).await.concat()
}

async fn answer<R: Request>(
    address: &str,
    version: i16,
    request: &R,
    code: impl FnOnce(&R::Response) -> Option<i16>,
) -> Class {
    let mut connection = match Connection::open(address).await {
        Ok(connection) => connection,
        Err(error) => return raw::silence(&error.into()),
    };
    match connection.ask(version, request, WITHIN).await {
        Err(error) => raw::silence(&error),
        Ok(answer) => match code(&answer) {
            Some(0) => Class::ok(),
            Some(code) => Class::error(raw::error_name(code)),
            None => Class::word("an empty answer"),
        },
    }
}

fn commit(group: &str) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition::default().with_partition_index(0).with_committed_offset(1);
    let topic = OffsetCommitRequestTopic::default()
        .with_name(TopicName(StrBytes::from_static_str("t")))
        .with_partitions(vec![partition]);
    OffsetCommitRequest::default()
        .with_group_id(id(group))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic])
}

fn fetch(group: &str) -> OffsetFetchRequest {
    let group = OffsetFetchRequestGroup::default().with_group_id(id(group)).with_topics(None);
    OffsetFetchRequest::default().with_groups(vec![group])
}

fn id(group: &str) -> GroupId {
    GroupId(StrBytes::from_string(group.to_owned()))
}
