//! The cells where the embedded cluster does not agree with Apache Kafka, on purpose, and why.

/// (subject, beginning of the cell, reason).
const REASONS: &[(&str, &str, &str)] = &[];

/// Why the embedded cluster answers differently, where that is decided.
#[must_use]
pub fn reason(subject: &str, cell: &str) -> Option<&'static str> {
    let fits = |(of, begins, _): &&(&str, &str, &str)| *of == subject && cell.starts_with(begins);
    REASONS.iter().find(fits).map(|(_, _, reason)| *reason)
}
