//! Apache Kafka itself, in KRaft mode, as a cluster to break: child processes on loopback.
//!
//! # Layout
//! - [`fetch`]: Kafka's jars, fetched once into the user's cache.
//! - [`kafka_home`]: where Kafka's jars and a Java to run them are, or what exactly is missing.

pub mod fetch;
pub mod kafka_home;
