//! Proof against the real thing: what the embedded cluster does is held against Apache Kafka.
//!
//! # Layout
//! - [`conformance`]: the stuck states E0-E8, played on both clusters and compared cell by cell.
//! - [`differential`]: random plans of calls and faults, asked of both clusters, shrunk where they disagree.
//! - [`protocol`]: what no fault touches: versions, error codes, offsets, groups, payloads.
#![warn(missing_docs)]

pub mod conformance;
pub mod differential;
pub mod protocol;
