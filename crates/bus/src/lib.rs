//! The only door to Kafka: every client of the house is made here, and nothing else links librdkafka.
//!
//! # Layout
//! - [`Settings`], [`Preset`]: what a client is configured with, each line with its reason.
//! - [`Producer`]: enqueues or refuses at once; a guard lives until the *delivery report*.
//! - [`Reader`]: a consumer, by assignment or by group; ready means its positions are resolved.
//! - [`Requester`], [`Responder`]: request and reply over topics, each correlation id resolved at most once.
//! - [`Signals`]: what librdkafka knows about leaders, queues and progress, typed, over a `watch` channel.
//! - [`Admin`]: topics, leaders, watermarks.
//! - [`lint`]: how long a client with given settings can block, and what contradicts what. Pure.
//!
//! # Invariants
//! - No call of this crate blocks the thread of its caller, waits without a bound, or hangs on a dead broker:
//!   native clients are taken down on threads of their own.
//! - An error says what is known: *not sent* (refused before it was handed over), or *unknown* (everything after
//!   that). A timeout is never "failed".
//! - There is no way to get at a native client, and no error type of librdkafka in a signature.

#![warn(missing_docs)]

mod admin;
mod code;
mod context;
pub mod lint;
mod producer;
mod reader;
mod record;
mod request_reply;
mod settings;
mod signals;
mod teardown;

pub use admin::{Admin, AdminError, ClusterView, NewTopic, PartitionView, Placement, TopicView, Watermarks};
pub use code::Code;
pub use producer::{Acked, Delivery, DeliveryError, Producer, SendError};
pub use reader::{Reader, ReaderError, StartAt, TopicPartition};
pub use record::{Headers, Incoming, Record};
pub use request_reply::{
    Handler, Malformed, NotSent, Reply, Request, RequestError, RequestHeaders, Requester, RequesterCounts,
    Responder, ResponderCounts, ResponderLimits, ResponderStats, Then, Unknown, header,
};
pub use settings::{Line, Preset, Settings, SettingsError, Side};
pub use signals::{BrokerSignal, GroupSignal, PartitionSignal, Signals, SignalsWatch};
pub use teardown::TimedOut;

/// The version of librdkafka in this process, for reports.
#[must_use]
pub fn librdkafka_version() -> String {
    rdkafka::util::get_rdkafka_version().1
}
