//! The linter of client settings: properties in, findings out. No I/O, no client, no clock.
//!
//! # Layout
//! - [`Properties`]: from a file in either [`Dialect`], from a preset, or from [`Settings`](crate::Settings).
//! - `known`, and a data file per dialect: what each client takes, with default, range and unit.
//! - `bounds`: the worst-case block of a send, a consume, a join and a commit, with the sum that makes it.
//! - `spelling`, `rules`: what the client refuses, what contradicts what, and what will hurt in an outage.
//! - [`Report`]: what is said, for people ([`Display`](std::fmt::Display)) and for programs (serde).

mod bounds;
mod dialect;
mod known;
mod print;
mod properties;
mod report;
mod rules;
mod spelling;
mod view;

#[cfg(test)]
mod tests;

pub use dialect::Dialect;
pub use properties::{BadFile, Properties};
pub use report::{Bound, Call, Case, Finding, Report, Set, Severity, Step};

/// Says all that is to be said.
#[must_use]
pub fn lint(properties: &Properties) -> Report {
    let view = view::View::of(properties);
    let mut findings = spelling::findings(properties, &view);
    findings.extend(rules::findings(&view));
    // Stable: within a severity and a line, in the order in which they were found.
    findings.sort_by_key(|finding| (finding.severity, finding.line.unwrap_or(usize::MAX)));
    Report { dialect: properties.dialect, bounds: bounds::all(&view), findings }
}
