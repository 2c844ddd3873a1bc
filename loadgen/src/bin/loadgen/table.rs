//! What a person reads at the end: every outcome by phase, the account, the gates.
//!
//! Colours only when asked for, and only beside words that say the same.

use std::fmt::Write as _;
use std::time::Duration;

use gates::Decision;
use gates::units::{self, grouped, plural};
use loadgen::{Arrivals, Ended, Mode};
use recorder::{Latencies, Outcome, Phase};

use crate::job::Job;
use crate::machines;
use crate::measure::Measured;
use crate::verdict::{Status, invalid};

/// Whether to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Colour,
}

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }

    fn of_status(self, status: Status) -> String {
        let code = match status {
            Status::Passed => "32",
            Status::Failed | Status::Invalid => "1;31",
            Status::Undecided | Status::Partial => "33",
        };
        self.paint(code, status.words())
    }
}

const HEAD: [&str; 9] =
    ["response time", "count", "share", "p50", "p90", "p99", "p99.9", "max", "p99 service"];

/// How wide the columns of the response times are; those that there is no width for are left out.
type Widths = &'static [usize];
const WIDE: Widths = &[18, 10, 9, 10, 10, 10, 10, 10, 13];
const NARROW: Widths = &[18, 10, 9, 8, 8, 8, 8, 8];

/// The whole text, for a terminal of so many columns if it is for one.
pub(crate) fn table(
    job: &Job,
    result: &Ended,
    measured: &Measured,
    style: Style,
    columns: Option<usize>,
) -> String {
    let is_narrow = columns.is_some_and(|columns| columns < WIDE.iter().sum());
    let widths = if is_narrow { NARROW } else { WIDE };
    let status = Status::of(result, measured);
    let mut text = format!("\n{}\n", style.paint("1", &load_in_words(job)));
    if let Mode::Closed { .. } = job.plan.spec().mode {
        text.push_str(COORDINATED_OMISSION);
    }
    if job.is_insecure() {
        text.push_str(INSECURE);
    }
    text.push('\n');
    latencies(&mut text, measured, style, widths);
    text.push('\n');
    account(&mut text, result, measured);
    generator(&mut text, job, result);
    gates(&mut text, measured, style);
    text.push('\n');
    for reason in invalid(result, measured) {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(text, "invalid: {reason}");
    }
    let is_judged = status != Status::Passed || !measured.gates.is_empty();
    let _ = match is_judged {
        true => writeln!(text, "{}", style.of_status(status)),
        false => writeln!(text, "valid; nothing was expected of it (--expect)"),
    };
    text
}

/// Said at the end and, for those who look earlier, at the start.
pub(crate) const COORDINATED_OMISSION: &str = "\
closed loop: users wait for their answers, so a target that hangs is asked less, and the time it makes
others wait is never seen (coordinated omission). Read throughput from this run, not latency.
";

/// Likewise.
pub(crate) const INSECURE: &str = "\
insecure: certificates are not checked, so whoever answered may be anyone.
";

/// What is sent, in a line.
pub(crate) fn load_in_words(job: &Job) -> String {
    let spec = job.plan.spec();
    let rate = |per_s: f64| format!("{per_s}/s");
    let long = |time: Duration| units::exact(time);
    let base = rate(spec.rate_per_s);
    let load = match (spec.mode, spec.arrivals) {
        (Mode::Closed { users }, _) => format!("{} in a closed loop", plural(users as u64, "user")),
        (Mode::Open, Arrivals::Poisson) => format!("{base} poisson"),
        (Mode::Open, Arrivals::Constant) => format!("{base} constant"),
        (Mode::Open, Arrivals::Ramp { to_per_s }) => format!("{base} ramping to {}", rate(to_per_s)),
        (Mode::Open, Arrivals::Step { to_per_s, steps }) => {
            format!("{base} to {} in {steps} steps", rate(to_per_s))
        }
        (Mode::Open, Arrivals::Spike { to_per_s, from, until }) => {
            format!("{base} with a spike to {} from {} to {}", rate(to_per_s), long(from), long(until))
        }
    };
    let workers = plural(spec.workers as u64, "worker");
    let over = if job.is_http2() { " over HTTP/2" } else { "" };
    format!("{}: {load}{over} for {}, seed {}, {workers}", job.target, long(spec.duration), spec.seed)
}

fn latencies(text: &mut String, measured: &Measured, style: Style, widths: Widths) {
    let _ = writeln!(text, "{}", style.paint("1", &line(&HEAD.map(str::to_owned), widths)));
    let one_phase = Phase::ALL.into_iter().filter(|phase| measured.all.in_phase(*phase) > 0).count() <= 1;
    for phase in Phase::ALL.into_iter().filter(|phase| measured.all.in_phase(*phase) > 0) {
        if !one_phase {
            let _ = writeln!(text, "{}", style.paint("1", phase.name()));
        }
        for outcome in Outcome::ALL {
            if let Some(response) = measured.all.response(phase, outcome) {
                let service = measured.all.service(phase, outcome);
                let cells = row(outcome, response, service, measured.all.in_phase(phase));
                let _ = writeln!(text, "{}", line(&cells, widths));
            }
        }
    }
}

fn row(outcome: Outcome, response: &Latencies, service: Option<&Latencies>, all: u64) -> [String; 9] {
    let share = 100.0 * response.count() as f64 / all as f64;
    let sent = Some(response).filter(|_| outcome.was_sent());
    let response_at = |quantile| at(sent, quantile);
    [
        format!("  {outcome}"),
        grouped(response.count()),
        format!("{share:.2} %"),
        response_at(0.5),
        response_at(0.9),
        response_at(0.99),
        response_at(0.999),
        response_at(1.0),
        at(service.filter(|it| it.count() > 0), 0.99),
    ]
}

/// A percentile, if anything was sent.
fn at(latencies: Option<&Latencies>, quantile: f64) -> String {
    latencies.map_or_else(|| "-".to_owned(), |it| units::duration(it.quantile(quantile)))
}

/// The first to the left, the others to the right.
fn line(cells: &[String; 9], widths: Widths) -> String {
    let mut line = format!("{:<1$}", cells[0], widths[0]);
    for (cell, width) in cells.iter().zip(widths).skip(1) {
        let _ = write!(line, "{cell:>width$}");
    }
    line
}

fn account(text: &mut String, result: &Ended, measured: &Measured) {
    let counted = Outcome::ALL.into_iter().filter(|outcome| measured.counts[outcome.index()] > 0);
    let mut parts: Vec<String> =
        counted.map(|outcome| format!("{} {outcome}", grouped(measured.counts[outcome.index()]))).collect();
    if measured.warm_up > 0 {
        parts.push(format!("{} in the warm-up, which nothing else here counts", grouped(measured.warm_up)));
    }
    let lost = result.machines().iter().filter(|machine| machine.accounted < machine.intended);
    parts.extend(
        lost.map(|it| format!("{} lost with worker {}", grouped(it.intended - it.accounted), it.name)),
    );
    let intended = grouped(result.conservation().intended);
    let _ = writeln!(text, "account   {intended} intended = {}", parts.join(" + "));
    let answers: Vec<String> = measured
        .statuses
        .iter()
        .filter_map(|((outcome, status), count)| {
            Some(format!("{} {} ({outcome})", grouped(*count), (*status)?))
        })
        .collect();
    let answers = if answers.is_empty() { "none, to any request".to_owned() } else { answers.join(", ") };
    let _ = writeln!(text, "answers   {answers}");
}

fn generator(text: &mut String, job: &Job, result: &Ended) {
    let seen = result.connections();
    let connect = match seen.opened {
        0 => String::new(),
        _ => format!("; p99 of opening {}", units::duration(seen.connect_time.quantile(0.99))),
    };
    let _ = writeln!(
        text,
        "connected {} opened, {} failed, {} closed early{connect}",
        grouped(seen.opened),
        grouped(seen.failed),
        grouped(seen.burned)
    );
    if let Some(failure) = &seen.failure {
        let _ = writeln!(text, "          the first failed so: {failure}");
    }
    if let Some(breach) = &seen.breach {
        let _ = writeln!(text, "          the first error_io: {breach}");
    }
    for machine in result.machines() {
        let _ = writeln!(text, "worker    {}", machines::in_words(machine));
    }
    let lag = result.lag();
    let _ = writeln!(
        text,
        "own lag   p50 {}, p99 {}, max {} (limit of p99: {})",
        units::duration(lag.quantile(0.5)),
        units::duration(lag.quantile(0.99)),
        units::duration(lag.max()),
        units::duration(job.plan.spec().limits.lag_p99_max),
    );
}

fn gates(text: &mut String, measured: &Measured, style: Style) {
    for (_, gate) in &measured.gates {
        let code = match gate.decision {
            Decision::Met => "32",
            Decision::NotMet => "1;31",
            Decision::Undecided => "33",
        };
        let _ = writeln!(text, "gate      {}", style.paint(code, &gate.sentence));
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_narrow_terminal_has_shorter_lines_and_what_was_never_sent_has_no_times() {
        let mut times = Latencies::new();
        [1, 20, 599_000].into_iter().for_each(|ms| times.record_many(Duration::from_millis(ms), 400_000));
        let rows = [
            HEAD.map(str::to_owned),
            row(Outcome::AcceptedPending, &times, Some(&times), 2_400_000),
            row(Outcome::UnsentCap, &times, None, 2_400_000),
        ];
        let text = |widths| rows.iter().map(|cells| line(cells, widths)).collect::<Vec<_>>().join("\n");
        expect![[r#"
            response time          count    share       p50       p90       p99     p99.9       max  p99 service
              accepted_pending 1,200,000  50.00 %   20.0 ms   599.3 s   599.3 s   599.3 s   599.3 s      599.3 s
              unsent_cap       1,200,000  50.00 %         -         -         -         -         -            -"#]]
        .assert_eq(&text(WIDE));
        expect![[r#"
            response time          count    share     p50     p90     p99   p99.9     max
              accepted_pending 1,200,000  50.00 % 20.0 ms 599.3 s 599.3 s 599.3 s 599.3 s
              unsent_cap       1,200,000  50.00 %       -       -       -       -       -"#]]
        .assert_eq(&text(NARROW));
        assert!(text(NARROW).lines().all(|line| line.len() <= 80));
    }
}
