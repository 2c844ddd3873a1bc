//! `cargo run -p xtask -- COMMAND`: the tasks that hold the project against the real thing.

fn main() {}
