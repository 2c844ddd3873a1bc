//! What a person sees while a run goes on: three lines renewed in place on a terminal (of 80 columns), a line every few seconds elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use gates::units::{self, grouped};
use loadgen::Progress;
use recorder::Outcome;

use crate::output;

/// Between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(5);
/// Where the terminal does not tell its width.
const COLUMNS: usize = 100;
/// The cells of the bar.
const BAR_CELLS: usize = 20;

/// Writes progress to standard error.
#[derive(Debug)]
pub(crate) struct Live {
    kind: Kind,
    total: Duration,
    /// What was shown last, for the rate since.
    before: Option<(Instant, u64)>,
    /// Unknown in the first second.
    rate_per_s: Option<f64>,
    shown: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Quiet,
    Terminal,
    Plain,
}

impl Live {
    /// On a terminal if standard error is one. `total` is from the start to the last arrival.
    pub(crate) fn new(quiet: bool, total: Duration) -> Self {
        let kind = match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => Kind::Quiet,
            (false, true) => Kind::Terminal,
            (false, false) => Kind::Plain,
        };
        Self { kind, total, before: None, rate_per_s: None, shown: None }
    }

    /// Says a line that stays.
    pub(crate) fn line(&mut self, line: &str) {
        self.clear();
        if self.kind != Kind::Quiet {
            output::say(line);
        }
    }

    /// Shows where the run is.
    pub(crate) fn show(&mut self, progress: &Progress, now: Instant) {
        let Some(started) = progress.started else { return };
        self.renew_rate(progress.intended, now);
        let elapsed = now.saturating_duration_since(started);
        match self.kind {
            Kind::Quiet => {}
            Kind::Terminal => {
                let columns = columns();
                let cut = |line: String| line.chars().take(columns).collect::<String>();
                let [first, second, third] = self.lines(progress, elapsed).map(cut);
                let back = if self.shown.is_some() { "\x1b[2A\r" } else { "" };
                // A screen that cannot be written to is no reason to end a run.
                let _ = write!(std::io::stderr(), "{back}\x1b[2K{first}\n\x1b[2K{second}\n\x1b[2K{third}");
                self.shown = Some(now);
            }
            Kind::Plain => {
                // The first after a while: at the start there is nothing to say.
                let last = *self.shown.get_or_insert(now);
                if now.saturating_duration_since(last) >= PLAIN_EVERY {
                    self.shown = Some(now);
                    output::say(&self.plain_line(progress, elapsed));
                }
            }
        }
    }

    /// Takes the view away.
    pub(crate) fn clear(&mut self) {
        if self.kind == Kind::Terminal && self.shown.take().is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[2K\x1b[1A\x1b[2K\x1b[1A\x1b[2K");
        }
    }

    /// Intended per second over the last second or so.
    fn renew_rate(&mut self, intended: u64, now: Instant) {
        match self.before {
            None => self.before = Some((now, intended)),
            Some((at, count)) if now.saturating_duration_since(at) >= Duration::from_secs(1) => {
                let seconds = now.saturating_duration_since(at).as_secs_f64();
                self.rate_per_s = Some(intended.saturating_sub(count) as f64 / seconds);
                self.before = Some((now, intended));
            }
            Some(_) => {}
        }
    }

    fn lines(&self, progress: &Progress, elapsed: Duration) -> [String; 3] {
        let share = elapsed.as_secs_f64() / self.total.as_secs_f64().max(f64::MIN_POSITIVE);
        let filled = ((share * BAR_CELLS as f64) as usize).min(BAR_CELLS);
        let bar: String = (0..BAR_CELLS).map(|cell| if cell < filled { '#' } else { '.' }).collect();
        let first = format!("[{bar}] {}", self.course(progress, elapsed).join("  "));
        [first, times(progress).join("  "), outcomes(progress, "  ")]
    }

    fn plain_line(&self, progress: &Progress, elapsed: Duration) -> String {
        let (course, times) = (self.course(progress, elapsed), times(progress));
        format!("{}, {}: {}", course.join(", "), times.join(", "), outcomes(progress, ", "))
    }

    fn course(&self, progress: &Progress, elapsed: Duration) -> [String; 3] {
        let (elapsed, total) = (elapsed.min(self.total).as_secs_f64(), self.total.as_secs_f64());
        let rate = self.rate_per_s.map_or_else(|| "-".to_owned(), |rate| grouped(rate.round() as u64));
        [
            format!("{elapsed:.1}/{total:.1} s"),
            format!("{rate}/s"),
            format!("{} in flight", grouped(progress.in_flight)),
        ]
    }
}

fn times(progress: &Progress) -> [String; 3] {
    let now = |time: Option<Duration>| time.map_or_else(|| "-".to_owned(), units::duration);
    [
        format!("p50 {}", now(progress.p50_now)),
        format!("p99 {}", now(progress.p99_now)),
        format!("own lag p99 {}", units::duration(progress.lag_p99)),
    ]
}

impl Drop for Live {
    fn drop(&mut self) {
        self.clear();
    }
}

fn outcomes(progress: &Progress, between: &str) -> String {
    let ended = Outcome::ALL.into_iter().filter(|outcome| progress.count(*outcome) > 0);
    let parts: Vec<String> =
        ended.map(|outcome| format!("{} {outcome}", grouped(progress.count(outcome)))).collect();
    if parts.is_empty() { "nothing ended yet".to_owned() } else { parts.join(between) }
}

fn columns() -> usize {
    terminal_size::terminal_size_of(std::io::stderr()).map_or(COLUMNS, |(width, _)| usize::from(width.0))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn progress(started: Instant) -> Progress {
        let mut counts = [0; Outcome::COUNT];
        counts[Outcome::Ok.index()] = 2_100;
        counts[Outcome::Timeout.index()] = 3;
        Progress {
            started: Some(started),
            planned: 5_000,
            intended: 2_110,
            in_flight: 7,
            counts,
            p50_now: Some(Duration::from_micros(310)),
            p99_now: None,
            lag_p99: Duration::from_micros(85),
        }
    }

    #[test]
    fn a_terminal_sees_a_bar_and_a_pipe_a_sentence() {
        let now = Instant::now();
        let mut live = Live { kind: Kind::Quiet, ..Live::new(true, Duration::from_secs(10)) };
        live.rate_per_s = Some(501.4);
        let elapsed = Duration::from_millis(4_210);
        expect![[r#"
            [########............] 4.2/10.0 s  501/s  7 in flight
            p50 0.3 ms  p99 -  own lag p99 85 us
            2,100 ok  3 timeout"#]]
        .assert_eq(&live.lines(&progress(now), elapsed).join("\n"));
        expect!["4.2/10.0 s, 501/s, 7 in flight, p50 0.3 ms, p99 -, own lag p99 85 us: 2,100 ok, 3 timeout"]
            .assert_eq(&live.plain_line(&progress(now), elapsed));
    }

    #[test]
    fn the_rate_is_of_the_last_second_or_more() {
        let now = Instant::now();
        let mut live = Live::new(true, Duration::from_secs(10));
        live.renew_rate(100, now);
        live.renew_rate(900, now + Duration::from_millis(500));
        assert_eq!(live.rate_per_s, None, "it is too early to tell");
        live.renew_rate(1_100, now + Duration::from_secs(2));
        assert_eq!(live.rate_per_s, Some(500.0));
    }
}
