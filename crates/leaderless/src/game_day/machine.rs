//! Where a run runs.

use report::Machine;
use scenario::{Arm, Strategy};
use service_kit::breaker;

use crate::system::ClusterKind;

/// This machine and the versions that matter to these arms.
#[must_use]
pub(super) fn here<'a>(cluster: &ClusterKind, played: impl IntoIterator<Item = &'a Arm>) -> Machine {
    let mut versions = cluster.versions();
    versions.insert("leaderless".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    versions.insert("librdkafka".to_owned(), bus::librdkafka_version());
    if played.into_iter().any(|arm| matches!(arm.strategy, Strategy::Breaker(_))) {
        versions.insert(report::BREAKER_VERSION.to_owned(), breaker::VERSION.to_owned());
    }
    Machine { cores: std::thread::available_parallelism().map_or(1, usize::from), os: os(), versions }
}

fn os() -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let name = name.map_or_else(|| std::env::consts::OS.to_owned(), |name| name.trim_matches('"').to_owned());
    match std::fs::read_to_string("/proc/sys/kernel/osrelease") {
        Ok(kernel) => format!("{name}, kernel {}", kernel.trim()),
        Err(_) => name,
    }
}
