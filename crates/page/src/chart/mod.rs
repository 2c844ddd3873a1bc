//! Pictures as SVG. Sizes are units of the picture's own; the page scales it.
//!
//! Colours, dashes and widths are classes that the page's style fills in; here is only where things are.

mod curves;
mod heat;
mod shares;
mod timeline;

use maud::{Markup, html};
use recorder::Phase;

use crate::log::Log;
use crate::run::Arm;
use crate::words::{seconds, time};

pub(crate) use curves::{Curve, Panel, curves};
pub(crate) use heat::{LEVELS, heat};
pub(crate) use shares::shares;
pub(crate) use timeline::{Line, timeline};

/// The width of every picture.
const WIDTH: f64 = 720.0;
/// Where the plot begins and ends: beside it are the axis and the names of the lines.
const LEFT: f64 = 58.0;
const RIGHT: f64 = 56.0;
/// The most columns of a picture over time; more seconds are merged.
pub(crate) const COLUMNS_MAX: usize = 200;

/// The plot's own place, and what its left and right ends stand for in seconds.
#[derive(Debug, Clone, Copy)]
struct Plot {
    top: f64,
    height: f64,
    end_s: f64,
}

impl Plot {
    fn new(top: f64, height: f64, end_s: f64) -> Self {
        Self { top, height, end_s: end_s.max(f64::MIN_POSITIVE) }
    }

    fn x(&self, at_s: f64) -> f64 {
        LEFT + (at_s / self.end_s).clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// The outage and the recovery behind everything else, with their names at the top.
    fn bands(&self, arm: &Arm) -> Markup {
        let outage = arm.began(Phase::Outage);
        let recovery = arm.began(Phase::Recovery);
        let bands = [
            outage.map(|at| ("outage", at, recovery.unwrap_or(self.end_s))),
            recovery.map(|at| ("recovery", at, self.end_s)),
        ];
        html! {
            @for (name, from, until) in bands.into_iter().flatten() {
                @let (x, end) = (self.x(from), self.x(until));
                rect class={ "band " (name) } x=(px(x)) y=(px(self.top)) width=(px(end - x)) height=(px(self.height)) {}
                @if end - x > 60.0 { text class="band-name" x=(px(end - 5.0)) y=(px(self.top + 14.0)) text-anchor="end" { (name) } }
            }
        }
    }

    /// A dashed line at each fault, and a full one at each heal.
    fn marks(&self, arm: &Arm) -> Markup {
        html! {
            @for mark in &arm.marks {
                @let x = px(self.x(mark.at));
                line class=(if mark.heals { "mark heals" } else { "mark" }) x1=(x) x2=(x) y1=(px(self.top)) y2=(px(self.bottom())) {}
            }
        }
    }

    /// Seconds below the plot, at `y`.
    fn time_axis(&self, y: f64) -> Markup {
        let step = step(self.end_s);
        let ticks = (0..).map(|n| f64::from(n) * step).take_while(|at| *at <= self.end_s + 1e-9);
        html! {
            @for at in ticks {
                text class="tick" x=(px(self.x(at))) y=(px(y)) text-anchor="middle" { (seconds(at)) }
            }
        }
    }
}

/// A round number of seconds between two ticks, of which there are then at most eleven.
fn step(end_s: f64) -> f64 {
    const STEPS: [f64; 13] = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0];
    STEPS.into_iter().find(|step| end_s / step <= 10.0).unwrap_or(end_s / 10.0)
}

/// Latency on a logarithmic axis, from one power of ten to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    /// Powers of ten of a millisecond.
    low: i32,
    high: i32,
}

impl Scale {
    /// One that holds what all `logs` hold, so that their pictures can be compared by eye.
    pub(crate) fn of<'a>(logs: impl Iterator<Item = &'a Log>) -> Self {
        let cells = logs.flat_map(|log| log.seconds.iter().flat_map(|second| &second.cells));
        let values = cells.filter(|((_, outcome), _)| outcome.was_sent()).map(|(_, counts)| counts);
        let ends = values.filter_map(|counts| Some((counts.values().first()?.0, counts.values().last()?.0)));
        let (least, most) = ends.fold((u64::MAX, 1), |(a, b), (low, high)| (a.min(low), b.max(high)));
        let power = |us: u64| (us.clamp(1, 1_000_000_000_000) as f64 / 1e3).log10();
        let low = power(least.min(most)).floor() as i32;
        Self { low, high: (power(most).ceil() as i32).max(low + 1) }
    }

    /// 0 at the low end, 1 at the high one.
    fn part(&self, ms: f64) -> f64 {
        let power = ms.max(1e-6).log10() - f64::from(self.low);
        (power / f64::from(self.high - self.low)).clamp(0.0, 1.0)
    }

    fn y(&self, ms: f64, top: f64, height: f64) -> f64 {
        top + height * (1.0 - self.part(ms))
    }

    /// A line and a time at every power of ten.
    fn axis(&self, top: f64, height: f64, left: f64, right: f64) -> Markup {
        html! {
            @for power in self.low..=self.high {
                @let ms = 10_f64.powi(power);
                @let y = self.y(ms, top, height);
                line class="grid" x1=(px(left)) x2=(px(right)) y1=(px(y)) y2=(px(y)) {}
                text class="tick" x=(px(left - 6.0)) y=(px(y + 4.0)) text-anchor="end" { (tick(ms)) }
            }
        }
    }
}

/// A power of ten of a millisecond, without decimals that say nothing.
fn tick(ms: f64) -> String {
    match ms {
        ..0.095 => time(ms),
        ..1.0 => format!("{ms:.1} ms"),
        ..1000.0 => format!("{ms:.0} ms"),
        _ => format!("{:.0} s", ms / 1e3),
    }
}

/// A picture with its text equivalent; `id` is unique on the page. The script finds where a moment is by its data.
fn picture(
    id: &str,
    class: &str,
    (height, end_s): (f64, f64),
    (title, told): (&str, &str),
    drawn: &Markup,
) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label={ (title) ", picture" } {
            svg class={ "chart " (class) } viewBox={ "0 0 " (WIDTH) " " (height) } role="img"
                aria-labelledby={ (id) "-t" } aria-describedby={ (id) "-d" }
                data-left=(LEFT) data-width=(WIDTH - LEFT - RIGHT) data-end=(end_s) {
                title id={ (id) "-t" } { (title) }
                desc id={ (id) "-d" } { (told) }
                (drawn)
            }
        }
    }
}

/// A length with a tenth at most: a page has thousands.
fn px(length: f64) -> String {
    let tenths = (length * 10.0).round() / 10.0;
    if tenths == 0.0 { "0".to_owned() } else { tenths.to_string() }
}

/// A line through points, with a gap where there is none.
fn path(points: impl Iterator<Item = Option<(f64, f64)>>) -> String {
    let mut path = String::new();
    let mut drawing = false;
    for point in points {
        if let Some((x, y)) = point {
            path += if drawing { "L" } else { "M" };
            path += &format!("{} {}", px(x), px(y));
        }
        drawing = point.is_some();
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::Counts;
    use crate::log::Second;

    #[test]
    fn an_axis_goes_from_one_power_of_ten_to_another() {
        let log = |us: &[u64]| {
            let counts = Counts::of(us.iter().map(|us| (*us, 1)).collect());
            let cells = [((Phase::Before, recorder::Outcome::Ok), counts)].into();
            Log { seconds: vec![Second { at: 0.0, length: 1.0, cells }] }
        };
        assert_eq!(Scale::of([log(&[250, 9_700_000])].iter()), Scale { low: -1, high: 4 });
        assert_eq!(Scale::of([log(&[1_000])].iter()), Scale { low: 0, high: 1 });
        assert_eq!(Scale::of([].iter()), Scale { low: -3, high: -2 });
        assert_eq!([0.01, 0.1, 1.0, 100.0, 1e4].map(tick), ["10 us", "0.1 ms", "1 ms", "100 ms", "10 s"]);
    }

    #[test]
    fn a_line_has_a_gap_where_there_is_no_point() {
        let points = [Some((0.0, 1.0)), Some((1.0, 2.04)), None, Some((3.0, 4.0))];
        assert_eq!(path(points.into_iter()), "M0 1L1 2M3 4");
    }

    #[test]
    fn an_axis_of_time_has_few_ticks() {
        assert_eq!([0.8, 21.0, 600.0, 36_000.0].map(step), [0.1, 5.0, 60.0, 3600.0]);
    }
}
