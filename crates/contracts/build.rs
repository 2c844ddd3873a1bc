//! Compiles `proto/*.proto` with protox, in Rust: the machine needs no `protoc`.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let files = protox::compile(["events.proto", "exchange.proto"], ["proto"])?;
    // The quote is by far the larger of the two answers.
    prost_build::Config::new().boxed(".leaderless.v1.QuoteReply.result.quote").compile_fds(files)?;
    Ok(())
}
