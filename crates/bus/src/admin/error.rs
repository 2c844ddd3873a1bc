//! Why a question or an order to the cluster failed.

use std::time::Duration;

use rdkafka::error::KafkaError;

use crate::code::Code;
use crate::settings::SettingsError;

/// A question or an order to the cluster failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// The settings name what to change.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The partition has no leader, or there is no such partition. The cheapest detector of the former there is: the
    /// answer comes within microseconds.
    #[error("{topic}/{partition} has no leader, or does not exist")]
    Leaderless {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
    },
    /// A topic could not be created.
    #[error("topic `{topic}` was not created: {code}")]
    NotCreated {
        /// The topic.
        topic: String,
        /// Why.
        code: Code,
    },
    /// A topic is not there, or not with all its leaders, within the bound.
    #[error(
        "topic `{topic}` is not ready after {after:?}: {leaders} of {partitions} partitions have a leader"
    )]
    NotReady {
        /// The first such topic.
        topic: String,
        /// The bound.
        after: Duration,
        /// Its partitions that have a leader.
        leaders: usize,
        /// The partitions that it should have.
        partitions: usize,
    },
    /// The request is not valid.
    #[error("{0}")]
    Invalid(String),
    /// The cluster did not answer, or refused.
    #[error("the cluster failed to answer: {0}")]
    Failed(Code),
}

pub(super) fn failed(error: KafkaError) -> AdminError {
    match error {
        KafkaError::AdminOpCreation(reason) => AdminError::Invalid(reason),
        other => AdminError::Failed(Code::of(&other)),
    }
}
