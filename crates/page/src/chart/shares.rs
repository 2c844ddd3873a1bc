//! How requests ended, over time: a full column for each interval, divided by outcome.

use maud::{Markup, html};
use recorder::Outcome;

use super::{LEFT, Plot, RIGHT, WIDTH, picture, px};
use crate::log::Second;
use crate::run::Arm;

const TOP: f64 = 8.0;
const HEIGHT: f64 = 140.0;

/// Of `columns`, with the outcomes that occur stacked from `Outcome::ALL`'s first at the bottom.
pub(crate) fn shares(id: &str, said: (&str, &str), arm: &Arm, columns: &[Second], end_s: f64) -> Markup {
    let plot = Plot::new(TOP, HEIGHT, end_s);
    let drawn = html! {
        @for outcome in Outcome::ALL {
            @let area = area(outcome, columns, &plot);
            @if !area.is_empty() { path class="area" fill={ "url(#p-" (outcome) ")" } d=(area) {} }
        }
        @for percent in [0, 50, 100] {
            @let y = TOP + HEIGHT * (1.0 - f64::from(percent) / 100.0);
            line class="grid" x1=(px(LEFT)) x2=(px(WIDTH - RIGHT)) y1=(px(y)) y2=(px(y)) {}
            text class="tick" x=(px(LEFT - 6.0)) y=(px(y + 4.0)) text-anchor="end" { (percent) " %" }
        }
        (plot.marks(arm))
        (plot.time_axis(plot.bottom() + 17.0))
    };
    picture(id, "shares", (plot.bottom() + 22.0, end_s), said, &drawn)
}

/// The parts of all columns that one outcome has.
fn area(outcome: Outcome, columns: &[Second], plot: &Plot) -> String {
    let part = |column: &Second| {
        let count = column.count(outcome);
        let all: u64 = Outcome::ALL.map(|it| column.count(it)).iter().sum();
        let below: u64 = Outcome::ALL[..outcome.index()].iter().map(|it| column.count(*it)).sum();
        let y = |count: u64| TOP + HEIGHT * (1.0 - count as f64 / all.max(1) as f64);
        let (x, end) = (plot.x(column.at), plot.x(column.at + column.length));
        let (bottom, top) = (y(below), y(below + count));
        (count > 0).then(|| format!("M{} {}H{}V{}H{}z", px(x), px(bottom), px(end), px(top), px(x)))
    };
    columns.iter().filter_map(part).collect()
}
