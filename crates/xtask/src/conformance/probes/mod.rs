//! What is asked of a cluster. Every probe has a deadline and gives back an answer, whatever happens.

pub mod account;
pub mod admin;
pub mod clients;
pub mod consume;
pub mod groups;
pub mod metrics;
pub mod produce;
pub mod pulse;
pub mod raw;
pub mod raw_groups;
pub mod series;
pub mod watch;
