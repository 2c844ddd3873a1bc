//! The directory of a cluster: one folder a node, formatted once.
//!
//! `StorageTool` formats the first controller; the others get its `bootstrap.checkpoint` and a `meta.properties` of
//! their own, which is all that formatting writes (Kafka 4.3, `MetaPropertiesVersion.V1`) and saves a JVM's start a node.

use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

const CHECKPOINT: &str = "bootstrap.checkpoint";
/// Kafka's log has a bound; without a configuration it would print errors only.
const LOGGING: &str = include_str!("log4j2.properties");
const META: &str = "meta.properties";

/// Where a node lives.
#[derive(Debug, Clone)]
pub(super) struct Home {
    /// Everything of it.
    pub(super) folder: PathBuf,
}

impl Home {
    /// Makes the folder of the node `name` in `directory`.
    pub(super) fn new(directory: &Path, name: &str) -> io::Result<Self> {
        let folder = directory.join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(super) fn settings(&self) -> PathBuf {
        self.folder.join("server.properties")
    }

    /// What the JVM itself prints: nothing, unless it fails.
    pub(super) fn output(&self) -> PathBuf {
        self.folder.join("output.log")
    }

    /// What Kafka logs.
    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    /// The last lines of what the node printed and logged, for an error message.
    pub(super) fn last_words(&self) -> String {
        const LINES: usize = 6;
        let read = |file: PathBuf| std::fs::read_to_string(file).unwrap_or_default();
        let text = read(self.log()) + &read(self.output());
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }

    /// Formats this node's data as those of `formatted` are.
    pub(super) fn format_like(&self, formatted: &Self, id: i32, cluster_id: &str) -> io::Result<()> {
        let data = self.data();
        std::fs::create_dir_all(&data)?;
        std::fs::copy(formatted.data().join(CHECKPOINT), data.join(CHECKPOINT))?;
        let directory_id = new_id();
        let meta = format!("version=1\ncluster.id={cluster_id}\nnode.id={id}\ndirectory.id={directory_id}\n");
        std::fs::write(data.join(META), meta)
    }
}

/// Writes the configuration of every node's log.
pub(super) fn logging(directory: &Path) -> io::Result<PathBuf> {
    let file = directory.join("log4j2.properties");
    std::fs::write(&file, LOGGING)?;
    Ok(file)
}

/// A random id as Kafka spells it: the 16 bytes of a UUID in URL-safe base64, 22 characters. One that begins with a
/// dash is not taken, for a command line would read it as a flag.
pub(super) fn new_id() -> String {
    loop {
        let id = URL_SAFE_NO_PAD.encode(Uuid::new_v4().as_bytes());
        if !id.starts_with('-') {
            return id;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_spelled_as_kafka_spells_it() {
        let id = new_id();
        assert_eq!(id.len(), 22);
        assert_eq!(URL_SAFE_NO_PAD.decode(&id).expect("base64").len(), 16);
    }
}
