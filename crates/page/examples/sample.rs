//! Makes up a game day and writes its files: `cargo run -p page --example sample -- DIR SECONDS RATE`.
//!
//! For trying `leaderless report` and `compare` on runs of any length without running them.

use std::path::PathBuf;

#[path = "../tests/sample/mod.rs"]
mod sample;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [dir, seconds, rate] = args.as_slice() else {
        eprintln!("usage: sample DIR SECONDS RATE");
        std::process::exit(64);
    };
    let number = |text: &str| text.parse().expect("a whole number");
    sample::Sample { seconds: number(seconds), rate_per_s: number(rate), slower: 1.0 }
        .write(&PathBuf::from(dir));
}
