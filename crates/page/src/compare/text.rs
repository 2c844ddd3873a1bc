//! A comparison on a terminal.

use super::{Comparison, Estimate, Row, Unit, Verdict};
use crate::words::{percent, time};

pub(super) fn text(comparison: &Comparison) -> String {
    let mut lines: Vec<String> = Vec::new();
    for run in &comparison.runs {
        lines.push(format!("{}: {} ({})", run.letter, run.from, run.name));
        lines.extend(run.invalid.iter().map(|reason| format!("   INVALID, do not believe it: {reason}")));
    }
    lines.push(schedule(comparison).to_owned());
    let shown: Vec<&Row> =
        comparison.rows.iter().filter(|row| row.headline || row.verdict != Verdict::WithinNoise).collect();
    let mut group = None;
    let mut table: Vec<[String; 6]> = Vec::new();
    for row in &shown {
        let now = (row.arm.clone(), row.phase, row.letter);
        if group.as_ref() != Some(&now) {
            flush(&mut lines, &mut table);
            lines.extend([String::new(), format!("{}, {}", row.arm, row.phase)]);
            let change = format!("A to {} (95 %)", row.letter);
            table.push([
                "".to_owned(),
                "A".to_owned(),
                row.letter.to_string(),
                change,
                String::new(),
                String::new(),
            ]);
            group = Some(now);
        }
        table.push(cells(row));
    }
    flush(&mut lines, &mut table);
    let hidden = comparison.rows.len() - shown.len();
    lines.push(String::new());
    lines.push(comparison.sentence());
    if hidden > 0 {
        lines.push(format!("{hidden} more figures are within noise and not shown."));
    }
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Whether the runs asked for the same.
pub(super) fn schedule(comparison: &Comparison) -> &'static str {
    if comparison.same_schedule {
        "The same schedule: the same requests at the same times."
    } else {
        "DIFFERENT SCHEDULES: what differs may be the requests and not the target."
    }
}

fn cells(row: &Row) -> [String; 6] {
    [
        row.what.clone(),
        figure(row.unit, row.first.value),
        figure(row.unit, row.other.value),
        change(row),
        interval(row),
        row.verdict.words().to_owned(),
    ]
}

fn figure(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Ms => time(value),
        Unit::Share => percent(value),
    }
}

/// A figure with its interval.
pub(super) fn told(unit: Unit, it: Estimate) -> (String, String) {
    let high = it.high.map_or_else(|| "?".to_owned(), |high| figure(unit, high));
    (figure(unit, it.value), format!("{} to {high}", figure(unit, it.low)))
}

fn points(share: f64) -> String {
    format!("{:+.2}", share * 100.0)
}

fn factor(factor: f64) -> String {
    if factor < 10.0 { format!("{factor:.2}") } else { format!("{factor:.0}") }
}

/// `x 1.47`, `+1.20 points`.
pub(super) fn change(row: &Row) -> String {
    match row.unit {
        Unit::Ms => format!("x {}", factor(row.change.value)),
        Unit::Share => format!("{} points", points(row.change.value)),
    }
}

/// `1.20 to 1.80`.
pub(super) fn interval(row: &Row) -> String {
    let end: fn(f64) -> String = match row.unit {
        Unit::Ms => factor,
        Unit::Share => points,
    };
    let high = row.change.high.map_or_else(|| "?".to_owned(), end);
    format!("{} to {high}", end(row.change.low))
}

/// Sets what was collected in columns; all but the first and the last to the right.
fn flush(lines: &mut Vec<String>, table: &mut Vec<[String; 6]>) {
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; 6] = std::array::from_fn(width);
    for row in table.drain(..) {
        let [what, a, b, change, interval, verdict] = row;
        let [w0, w1, w2, w3, w4, _] = widths;
        lines.push(format!("  {what:<w0$}  {a:>w1$}  {b:>w2$}  {change:>w3$}  {interval:>w4$}  {verdict}"));
    }
}
