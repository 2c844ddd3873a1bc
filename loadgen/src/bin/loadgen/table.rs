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

/// The whole text.
pub(crate) fn table(job: &Job, result: &Ended, measured: &Measured, style: Style) -> String {
    let status = Status::of(result, measured);
    let mut text = format!("\n{}\n", style.paint("1", &load_in_words(job)));
    if let Mode::Closed { .. } = job.plan.spec().mode {
        text.push_str(COORDINATED_OMISSION);
    }
    if job.is_insecure() {
        text.push_str(INSECURE);
    }
    text.push('\n');
    latencies(&mut text, measured, style);
    text.push('\n');
    account(&mut text, result, measured);
    generator(&mut text, job, result);
    gates(&mut text, measured, style);
    text.push('\n');
    for reason in invalid(result, measured) {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(text, "invalid: {reason}");
    }
    let _ = writeln!(text, "{}", style.of_status(status));
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

fn latencies(text: &mut String, measured: &Measured, style: Style) {
    let head = format!(
        "{:<18}{:>10}{:>9}{:>10}{:>10}{:>10}{:>10}{:>10}{:>13}",
        "response time", "count", "share", "p50", "p90", "p99", "p99.9", "max", "p99 service"
    );
    let _ = writeln!(text, "{}", style.paint("1", &head));
    let one_phase = Phase::ALL.into_iter().filter(|phase| in_phase(measured, *phase) > 0).count() <= 1;
    for phase in Phase::ALL.into_iter().filter(|phase| in_phase(measured, *phase) > 0) {
        if !one_phase {
            let _ = writeln!(text, "{}", style.paint("1", phase.name()));
        }
        for outcome in Outcome::ALL {
            if let Some(response) = measured.all.response(phase, outcome) {
                let service = measured.all.service(phase, outcome);
                row(text, outcome, response, service, in_phase(measured, phase));
            }
        }
    }
}

fn in_phase(measured: &Measured, phase: Phase) -> u64 {
    Outcome::ALL.into_iter().map(|outcome| measured.all.count(phase, outcome)).sum()
}

fn row(text: &mut String, outcome: Outcome, response: &Latencies, service: Option<&Latencies>, all: u64) {
    let share = 100.0 * response.count() as f64 / all as f64;
    let at = |quantile| units::duration(response.quantile(quantile));
    let service = service.filter(|it| it.count() > 0);
    let service = service.map_or_else(|| "never sent".to_owned(), |it| units::duration(it.quantile(0.99)));
    let _ = writeln!(
        text,
        "  {:<16}{:>10}{:>9}{:>10}{:>10}{:>10}{:>10}{:>10}{:>13}",
        outcome.name(),
        grouped(response.count()),
        format!("{share:.2} %"),
        at(0.5),
        at(0.9),
        at(0.99),
        at(0.999),
        units::duration(response.max()),
        service,
    );
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
    if !answers.is_empty() {
        let _ = writeln!(text, "answers   {}", answers.join(", "));
    }
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
