//! What a person sees while a run goes on: a bar on a terminal, a line per phase and every few seconds elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use report::{Progress, Stage};

use crate::output;

/// Between two plain lines of one stage.
const PLAIN_EVERY: Duration = Duration::from_secs(4);
/// Where the terminal does not tell its width.
const COLUMNS: usize = 100;

/// Writes progress to standard error.
#[derive(Debug)]
pub struct Watch {
    terminal: bool,
    last: Option<(Stage, Instant)>,
    passed: Option<Instant>,
    bar_shown: bool,
}

impl Watch {
    /// On a terminal if standard error is one.
    #[must_use]
    pub fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), last: None, passed: None, bar_shown: false }
    }

    /// Shows where the run is.
    pub fn show(&mut self, progress: &Progress) {
        if self.terminal {
            self.rewrite(&progress.bar_line(columns()));
        } else if self.is_due(progress.stage) {
            self.last = Some((progress.stage, Instant::now()));
            output::say(&progress.plain_line());
        }
    }

    /// A line of its own, such as a fault or a change of mode.
    pub fn line(&mut self, line: &str) {
        self.clear();
        output::say(line);
    }

    /// A line that the next one may replace: rewritten in place on a terminal, one now and then elsewhere.
    pub fn passing(&mut self, line: &str) {
        if self.terminal {
            self.rewrite(line);
        } else if self.passed.is_none_or(|at| at.elapsed() >= PLAIN_EVERY) {
            self.passed = Some(Instant::now());
            output::say(line);
        }
    }

    /// Takes the bar away.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.bar_shown) {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }

    fn rewrite(&mut self, line: &str) {
        self.bar_shown = true;
        let line: String = line.chars().take(columns()).collect();
        // A screen that cannot be written to is no reason to end a run.
        let _ = write!(std::io::stderr(), "\r\x1b[2K{line}");
    }

    fn is_due(&self, stage: Stage) -> bool {
        self.last.is_none_or(|(shown, at)| shown != stage || at.elapsed() >= PLAIN_EVERY)
    }
}

impl Default for Watch {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.clear();
    }
}

fn columns() -> usize {
    terminal_size::terminal_size_of(std::io::stderr()).map_or(COLUMNS, |(width, _)| usize::from(width.0))
}
