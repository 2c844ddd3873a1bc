//! One line on where a run is: rewritten in place on a terminal, or one line after the other.

use std::time::Duration;

use recorder::{Outcome, Phase};
use scenario::units;

use crate::numbers::grouped;

/// The cells of the bar.
const BAR_CELLS: usize = 20;

/// Where a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Which arm runs.
    pub arm: String,
    /// What it does.
    pub stage: Stage,
    /// Since the start of the arm's load.
    pub elapsed: Duration,
    /// What the arm's load takes in all.
    pub total: Duration,
    /// Requests sent so far.
    pub sent: u64,
    /// How requests ended so far; outcomes without any may be left out.
    pub outcomes: Vec<(Outcome, u64)>,
    /// The 99th percentile of the response times of the last moments.
    pub p99: Option<Duration>,
}

/// What an arm does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Cluster and services start.
    Starting,
    /// Load that is not measured.
    WarmUp,
    /// Load that is.
    Measuring(Phase),
    /// Open requests are waited for.
    Draining,
    /// The ledger is read.
    Auditing,
}

impl Stage {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::WarmUp => "warm-up",
            Self::Measuring(phase) => phase.name(),
            Self::Draining => "draining",
            Self::Auditing => "auditing",
        }
    }
}

impl Progress {
    /// For a terminal that is `columns` wide: a bar and the numbers, cut off where the line ends.
    pub fn bar_line(&self, columns: usize) -> String {
        let share = self.elapsed.as_secs_f64() / self.total.as_secs_f64().max(f64::MIN_POSITIVE);
        let filled = ((share * BAR_CELLS as f64) as usize).min(BAR_CELLS);
        let bar: String = (0..BAR_CELLS).map(|cell| if cell < filled { '#' } else { '.' }).collect();
        let line = format!(
            "{:<8} {:<8} [{bar}] {}  {}",
            self.arm,
            self.stage.name(),
            self.clock("/"),
            self.numbers("  ")
        );
        line.chars().take(columns).collect()
    }

    /// For a file or a pipe: the same in a sentence.
    pub fn plain_line(&self) -> String {
        format!("{}, {}, {}: {}", self.arm, self.stage.name(), self.clock(" of "), self.numbers(", "))
    }

    fn clock(&self, between: &str) -> String {
        format!("{:.1}{between}{:.1} s", self.elapsed.as_secs_f64(), self.total.as_secs_f64())
    }

    fn numbers(&self, between: &str) -> String {
        let mut parts = vec![format!("{} sent", grouped(self.sent))];
        parts.extend(self.p99.map(|p99| format!("p99 {}", units::duration(p99))));
        let ended = self.outcomes.iter().filter(|(_, count)| *count > 0);
        parts.extend(ended.map(|(outcome, count)| format!("{} {outcome}", grouped(*count))));
        parts.join(between)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn progress() -> Progress {
        Progress {
            arm: "degrade".to_owned(),
            stage: Stage::Measuring(Phase::Outage),
            elapsed: Duration::from_millis(9_340),
            total: Duration::from_secs(22),
            sent: 1_868,
            outcomes: vec![(Outcome::OkKafka, 1_602), (Outcome::OkDegraded, 203), (Outcome::Timeout, 0)],
            p99: Some(Duration::from_micros(12_400)),
        }
    }

    #[test]
    fn a_terminal_sees_a_bar_that_fits_its_width() {
        expect!["degrade  outage   [########............] 9.3/22.0 s  1,868 sent  p99 12.4 ms  1,602 ok_kafka  203 ok_degraded"]
            .assert_eq(&progress().bar_line(200));
        assert_eq!(progress().bar_line(40).chars().count(), 40);
    }

    #[test]
    fn a_pipe_sees_a_sentence() {
        expect!["degrade, outage, 9.3 of 22.0 s: 1,868 sent, p99 12.4 ms, 1,602 ok_kafka, 203 ok_degraded"]
            .assert_eq(&progress().plain_line());
    }

    #[test]
    fn a_run_that_takes_longer_than_planned_or_no_time_at_all_keeps_its_bar() {
        let late = Progress { elapsed: Duration::from_secs(90), ..progress() };
        assert!(late.bar_line(200).contains("[####################]"));
        let empty = Progress { elapsed: Duration::ZERO, total: Duration::ZERO, p99: None, ..progress() };
        assert!(empty.bar_line(200).contains("[....................]"));
    }
}
