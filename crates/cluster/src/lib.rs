//! A Kafka cluster as a state machine, with a controller that has a health of its own.
