//! Circuits that see what never finishes: in-flight age, signals, and the state machine.
