//! A Kafka cluster as a state machine, with a controller that has a health of its own.
//!
//! [`Cluster::on`] takes one event (a request that a broker has read, a lever that somebody pulls, a timer) and gives
//! back effects: answers, changes of sockets' behaviour, lines of a timeline. There is no socket, clock or thread
//! here; the same machine runs behind the wire protocol, in a property test and on a virtual clock.
//!
//! # Layout
//! - `api`: what goes in and what comes out; `spec`: size, limits, clock.
//! - `cluster`: the struct and its one `match`; `levers`: what can be done to it; `state`: what can be seen of it.
//! - `controller`: fencing, elections, the in-sync sets; `sessions`: who is heard, and taken for dead; `elections`, `moves`: what administrators ask of it; `replication`: followers and high watermarks.
//! - `partition`, `log`, `batch`, `producers`: one partition and what lies in it.
//! - `produce`, `fetch`, `offsets`, `metadata`, `topics`, `configs`, `coordinator`: the APIs; `groups`: the classic
//!   group protocol; `parked`: requests that wait.
//!
//! # Invariants
//! - At most one leader per partition and epoch; a high watermark never goes back; a committed record survives every
//!   change of leader: no election is unclean, unless somebody asks for one by name.
//! - Every request is answered at most once, and is either answered, parked, or abandoned.
//! - The same events at the same times give the same effects.
//! - Every table has a bound, named in [`Spec`].
//!
//! # What is simplified, and shows
//! - A follower has a batch as soon as it can have it: only to join an in-sync set it waits for its next fetch.
//! - All replicas of a partition are prefixes of one log, so two of them never disagree about an offset.
//! - Offsets by time are those of batches, since batches are not decoded.
//! - No transactions, no compaction, no retention by time, no follower fetching, no quotas.
//!
//! Source: Apache Kafka 4.3, its KRaft controller and its defaults.
#![warn(missing_docs)]

mod api;
mod batch;
mod cluster;
mod configs;
mod controller;
mod coordinator;
mod elections;
mod error;
mod fetch;
mod groups;
mod leaving;
mod levers;
mod log;
mod metadata;
mod moves;
mod offsets;
mod parked;
mod partition;
pub mod placement;
mod produce;
mod producers;
mod records;
mod replication;
mod sessions;
mod spec;
mod state;
mod timers;
mod topics;

pub use api::*;
pub use cluster::Cluster;
pub use error::ErrorCode;
pub use spec::{Clock, Spec, SpecError};
pub use state::{BrokerState, ControllerState, PartitionState, State, TopicState};
