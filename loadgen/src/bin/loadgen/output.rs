//! What the program says: answers on standard output, everything else on standard error.
//!
//! A reader who has gone away (`| head`, a closed terminal) has read what was wanted: no panic and no failure.

use std::io::{self, ErrorKind, Write as _};

use anyhow::Context as _;

/// Prints an answer as it stands.
///
/// # Errors
/// Standard output takes no more, such as a full disk.
pub(crate) fn answer(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        printed => printed.context("standard output"),
    }
}

/// Says a line on standard error.
pub(crate) fn say(line: &str) {
    // Whoever cannot be told need not stop what goes on.
    let _ = writeln!(io::stderr().lock(), "{line}");
}
