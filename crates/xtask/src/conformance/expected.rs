//! What Apache Kafka showed in the last full run, as committed: what the embedded cluster is held against where there
//! is no Java.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::agree::Summary;

/// A full run, as a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// Which Kafka, on what, and when.
    pub from: String,
    /// The command that played it.
    pub command: String,
    /// What was seen.
    pub cells: Vec<Summary>,
}

/// Where it is committed.
#[must_use]
pub fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("expected/conformance.json")
}

impl Expected {
    /// Reads the committed file.
    ///
    /// # Errors
    /// Names the file, and what is wrong with it.
    pub fn read() -> anyhow::Result<Self> {
        let path = path();
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} does not hold", path.display()))
    }

    /// Writes it, one cell to a line.
    ///
    /// # Errors
    /// Names the file, and why it was not written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let cells: Vec<String> = self.cells.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
        let from = serde_json::to_string(&self.from)?;
        let command = serde_json::to_string(&self.command)?;
        let text =
            format!("{{\"from\":{from},\"command\":{command},\"cells\":[\n{}\n]}}\n", cells.join(",\n"));
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::cell::{Class, Seen};

    #[test]
    fn what_was_written_is_read_back() {
        let seen = [Seen::class("E0", "a \"cell\"", Class::ok()).count(4)];
        let expected = Expected {
            from: "a test".to_owned(),
            command: "xtask".to_owned(),
            cells: Summary::of_all(&seen),
        };
        let file = std::env::temp_dir().join(format!("expected-{}.json", std::process::id()));
        expected.write(&file).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(serde_json::from_str::<Expected>(&text).unwrap(), expected);
    }
}
