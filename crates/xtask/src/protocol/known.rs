//! The cells where the embedded cluster does not agree with Apache Kafka, on purpose, and why.

/// (subject, beginning of the cell, reason).
const REASONS: &[(&str, &str, &str)] = &[
    (
        "versions",
        "other requests offered",
        "transactions, ACLs, quotas, share groups, reassignments and the rest are not part of the simulator: what is \
         not offered is not half there",
    ),
    (
        "bad produce",
        "produce null records",
        "Apache Kafka 4.3 never answers and the connection hangs; the embedded cluster refuses, as it does no bytes",
    ),
    (
        "bad produce",
        "produce gzip that is none",
        "compressed records are not unpacked: only the header of a batch is read",
    ),
    (
        "bad fetch",
        "fetch that opens a session",
        "no sessions are kept: a client is told so and names its partitions",
    ),
    (
        "retention",
        "the offset of the largest timestamp after all are deleted",
        "Apache Kafka answers with a deleted record as long as its segment is there; there are no segments",
    ),
    (
        "payloads",
        "Lz4 to a topic with compression.type",
        "batches pass through as they are and are not recompressed",
    ),
];

/// Why the embedded cluster answers differently, where that is decided.
#[must_use]
pub fn reason(subject: &str, cell: &str) -> Option<&'static str> {
    let fits = |(of, begins, _): &&(&str, &str, &str)| *of == subject && cell.starts_with(begins);
    REASONS.iter().find(fits).map(|(_, _, reason)| *reason)
}
