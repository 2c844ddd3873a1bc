//! What nodes say of themselves (stand-in until it is merged).
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::kafka_home::Kafka;

pub(super) fn settings_file(directory: &Path) -> io::Result<PathBuf> {
    Ok(directory.join("metrics.yaml"))
}

pub(super) fn agent(_kafka: &Kafka, _at: SocketAddr, _settings: &Path) -> Option<String> {
    None
}

pub(super) async fn scrape(_at: SocketAddr) -> Option<BTreeMap<String, f64>> {
    None
}
