//! Elections that are asked for: of the preferred leaders, and of anybody.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use kafka_protocol::messages::elect_leaders_request::{ElectLeadersRequest, TopicPartitions};
use lab::wire::{Connection, WireError};

use super::raw;
use crate::conformance::cell::{Class, Seen};
use crate::conformance::ground::{Ground, ROLES, Role};

/// Whom they are asked of: a broker that no story touches.
const ASKED: i32 = 1;

const VERSION: i16 = 2;

/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(6);

/// How an election is held, by its number in the protocol.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Preferred = 0,
    Unclean = 1,
}

/// Elects every preferred leader that is in sync.
///
/// # Errors
/// When the controller does not do it.
pub async fn preferred_everywhere(ground: &Ground) -> anyhow::Result<()> {
    let mut connection = Connection::open(&ground.address(ASKED)).await?;
    let request = ElectLeadersRequest::default()
        .with_election_type(Kind::Preferred as i8)
        .with_topic_partitions(None)
        .with_timeout_ms(timeout_ms());
    let answer = connection.ask(VERSION, &request, WITHIN).await.context("a preferred election")?;
    anyhow::ensure!(answer.error_code == 0, "a preferred election: {}", raw::error_name(answer.error_code));
    Ok(())
}

/// Asks for an election of either kind for every role.
pub async fn ask(ground: &Ground) -> Vec<Seen> {
    let mut seen = Vec::new();
    for role in ROLES {
        for kind in [Kind::Preferred, Kind::Unclean] {
            let asked = Instant::now();
            let class = match elect(ground, role, kind).await {
                Ok(0) => Class::ok(),
                Ok(code) => Class::error(raw::error_name(code)),
                Err(error) => raw::silence(&error),
            };
            let cell = format!("ElectLeaders, {}, {role}", format!("{kind:?}").to_lowercase());
            seen.push(ground.seen(cell, class).took(asked.elapsed()));
        }
    }
    seen
}

async fn elect(ground: &Ground, role: Role, kind: Kind) -> Result<i16, WireError> {
    let topic = TopicPartitions::default()
        .with_topic(raw::topic_name(role.topic))
        .with_partitions(vec![role.partition]);
    let request = ElectLeadersRequest::default()
        .with_election_type(kind as i8)
        .with_topic_partitions(Some(vec![topic]))
        .with_timeout_ms(timeout_ms());
    let mut connection = Connection::open(&ground.address(ASKED)).await?;
    let answer = connection.ask(VERSION, &request, WITHIN).await?;
    let results = answer.replica_election_results.iter().flat_map(|topic| &topic.partition_result);
    Ok(results.map(|result| result.error_code).next().unwrap_or(answer.error_code))
}

fn timeout_ms() -> i32 {
    i32::try_from(WITHIN.as_millis()).expect("a few seconds fit")
}
