//! Where a run runs.

use report::Machine;

use crate::system::ClusterKind;

/// This machine and the versions that matter.
#[must_use]
pub(super) fn here(cluster: &ClusterKind) -> Machine {
    let mut versions = cluster.versions();
    versions.insert("leaderless".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    versions.insert("librdkafka".to_owned(), bus::librdkafka_version());
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
