//! What a broker's configuration says about consumer groups, and the bounds this implementation adds.

use std::time::Duration;

/// Limits and timeouts of all groups.
#[derive(Debug, Clone)]
pub(crate) struct GroupSettings {
    /// Member ids are derived from it and a counter: the same seed and requests give the same ids.
    pub(crate) seed: u64,
    /// How long the first rebalance of an empty group waits for more members
    /// (`group.initial.rebalance.delay.ms`; Apache's default is 3 s, its test configurations use 0).
    pub(crate) initial_rebalance_delay: Duration,
    /// `group.min.session.timeout.ms`.
    pub(crate) session_timeout_min: Duration,
    /// `group.max.session.timeout.ms`.
    pub(crate) session_timeout_max: Duration,
    /// Members of one group, those included that have not rejoined yet; as many more may hold an id that they
    /// have not joined with. Beyond: `GROUP_MAX_SIZE_REACHED`.
    pub(crate) members_max: usize,
    /// Groups that hold a member or an offset. Beyond: `POLICY_VIOLATION`.
    pub(crate) groups_max: usize,
    /// Partitions with a committed offset, per group. Beyond: `POLICY_VIOLATION` for the partition.
    pub(crate) offsets_max: usize,
    /// Records handed to the log and not yet reported on. Beyond: `COORDINATOR_NOT_AVAILABLE`, which clients retry.
    pub(crate) persists_max: usize,
    /// Bytes of the note of a committed offset (`offset.metadata.max.bytes`). Beyond: `OFFSET_METADATA_TOO_LARGE`.
    pub(crate) offset_metadata_bytes_max: usize,
    /// Bytes of one member's subscriptions, and of the assignments of a group; Apache keeps both in one record, which
    /// `message.max.bytes` bounds. Beyond: `UNKNOWN_SERVER_ERROR`, as there.
    pub(crate) record_bytes_max: usize,
}

impl Default for GroupSettings {
    fn default() -> Self {
        Self {
            seed: 0,
            initial_rebalance_delay: Duration::ZERO,
            session_timeout_min: Duration::from_secs(6),
            session_timeout_max: Duration::from_secs(30 * 60),
            members_max: 250,
            groups_max: 1_000,
            offsets_max: 10_000,
            persists_max: 10_000,
            offset_metadata_bytes_max: 4_096,
            record_bytes_max: 1_048_588,
        }
    }
}
