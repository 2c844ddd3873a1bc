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

    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("output.log")
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
