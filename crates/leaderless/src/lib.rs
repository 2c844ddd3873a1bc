//! Rehearse the day Kafka stops electing leaders.
