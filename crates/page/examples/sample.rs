//! Makes up a game day, writes its files, and draws its page, with the time that took.
//!
//! For trying `leaderless report` and `compare` on runs of any length without running them:
//! `cargo run --release -p page --example sample -- DIR SECONDS RATE`.

use std::path::Path;
use std::time::Instant;

#[path = "../tests/sample/mod.rs"]
mod sample;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [dir, seconds, rate] = args.as_slice() else {
        eprintln!("usage: sample DIR SECONDS RATE");
        std::process::exit(64);
    };
    let number = |text: &str| text.parse().expect("a whole number");
    let sample = sample::Sample { seconds: number(seconds), rate_per_s: number(rate), slower: 1.0 };
    sample.write(Path::new(dir));
    let began = Instant::now();
    let page = page::draw(Path::new(dir)).expect("what was just written can be drawn");
    let size = std::fs::metadata(&page).map_or(0, |it| it.len());
    println!("{}: {size} bytes, drawn in {:?}", page.display(), began.elapsed());
}
