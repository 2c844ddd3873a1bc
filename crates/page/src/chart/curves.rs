//! Percentile curves: how long the slowest half, tenth, hundredth waited, and so on, a panel beside the other.

use maud::{Markup, html};

use super::{LEFT, Scale, WIDTH, path, picture, px};
use crate::counts::Counts;

const TOP: f64 = 22.0;
const HEIGHT: f64 = 170.0;
const GAP: f64 = 14.0;
/// The axis ends at so many nines.
const NINES: f64 = 4.0;
/// Points of a curve.
const POINTS: u32 = 80;

/// A panel with its curves.
#[derive(Debug)]
pub(crate) struct Panel<'a> {
    /// What stands above it.
    pub(crate) name: &'a str,
    /// Drawn in this order.
    pub(crate) curves: Vec<Curve>,
}

/// One curve.
#[derive(Debug)]
pub(crate) struct Curve {
    /// How it is drawn.
    pub(crate) class: String,
    /// What it is of.
    pub(crate) counts: Counts,
}

/// The panels, all on the same axis of latency.
pub(crate) fn curves(id: &str, said: (&str, &str), panels: &[Panel<'_>], scale: Scale) -> Markup {
    let room = WIDTH - LEFT - 14.0;
    let width = (room - GAP * (panels.len() as f64 - 1.0)) / panels.len().max(1) as f64;
    let left = |index: usize| LEFT + index as f64 * (width + GAP);
    let drawn = html! {
        (scale.axis(TOP, HEIGHT, LEFT, LEFT))
        @for (index, panel) in panels.iter().enumerate() {
            @let from = left(index);
            rect class="panel" x=(px(from)) y=(px(TOP)) width=(px(width)) height=(px(HEIGHT)) {}
            text class="panel-name" x=(px(from + 4.0)) y=(px(TOP - 8.0)) { (panel.name) }
            @for power in scale.low + 1..scale.high {
                @let y = scale.y(10_f64.powi(power), TOP, HEIGHT);
                line class="grid" x1=(px(from)) x2=(px(from + width)) y1=(px(y)) y2=(px(y)) {}
            }
            @for (nines, name) in [(1.0, "90 %"), (2.0, "99 %"), (3.0, "99.9 %")] {
                @let x = from + width * nines / NINES;
                line class="grid" x1=(px(x)) x2=(px(x)) y1=(px(TOP)) y2=(px(TOP + HEIGHT)) {}
                text class="tick" x=(px(x)) y=(px(TOP + HEIGHT + 16.0)) text-anchor="middle" { (name) }
            }
            @for curve in &panel.curves {
                path class={ "line " (curve.class) } d=(path(points(&curve.counts, from, width, scale).map(Some))) {}
            }
            @if panel.curves.is_empty() {
                text class="tick" x=(px(from + width / 2.0)) y=(px(TOP + HEIGHT / 2.0)) text-anchor="middle" { "nothing" }
            }
        }
    };
    picture(id, "curves", (TOP + HEIGHT + 24.0, 0.0), said, &drawn)
}

/// Up to the percentile that its slowest request stands for.
fn points(counts: &Counts, left: f64, width: f64, scale: Scale) -> impl Iterator<Item = (f64, f64)> {
    let last = (counts.total().max(1) as f64).log10().min(NINES);
    (0..=POINTS).filter_map(move |point| {
        let nines = last * f64::from(point) / f64::from(POINTS);
        let ms = counts.quantile_ms(1.0 - 10_f64.powf(-nines))?;
        Some((left + width * nines / NINES, scale.y(ms, TOP, HEIGHT)))
    })
}
