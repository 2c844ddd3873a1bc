//! Topics, events and headers: what the services say to each other.
//!
//! # Layout
//! - [`topics`], [`partitioner`]: where a record goes.
//! - [`provenance`]: the headers that every record carries, and those of a question and its answer.
//! - [`event`], [`refusal`]: the events, typed with the words of `trading`.
//! - [`codec`]: [`codec::encode`] and [`codec::decode`]; [`dead_letter`]: what becomes of a record that
//!   cannot be decoded.
//! - [`event_id`]: ids that a retry or a fallback finds again.
//!
//! # Invariants
//! No transport is known here: a record is a topic, a key, headers and a payload. Whatever arrives,
//! [`codec::decode`] answers with an event or with a reason, and never panics; all that it keeps of a bad
//! record is cut to a bound. Decimals travel as canonical text.
#![warn(missing_docs)]

pub mod codec;
mod convert;
pub mod dead_letter;
pub mod event;
pub mod event_id;
pub mod partitioner;
pub mod provenance;
pub mod refusal;
pub mod topics;
mod wire;

pub use codec::{Encoded, Undecodable, decode, encode};
pub use event::{Event, EventType};
pub use provenance::{Exchange, Headers, Provenance};
