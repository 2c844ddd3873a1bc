//! Percentiles over time on a logarithmic axis, with what was broken, healed and switched below.

use maud::{Markup, html};

use super::{LEFT, Plot, RIGHT, Scale, WIDTH, path, picture, px};
use crate::log::Second;
use crate::run::{Arm, Lane};

const TOP: f64 = 8.0;
const HEIGHT: f64 = 220.0;
/// A row below the plot.
const LANE: f64 = 24.0;
/// Between the names of two lines, at least.
const NAME_GAP: f64 = 14.0;

/// A line of the picture.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// Its name, which stands at its end.
    pub(crate) name: String,
    /// How it is drawn.
    pub(crate) class: String,
    /// Milliseconds at the middle of each column; `None` where there is nothing to tell.
    pub(crate) points: Vec<Option<f64>>,
}

/// `lines` over `columns`, with the phases, faults and modes of `arm`.
pub(crate) fn timeline(
    id: &str,
    said: (&str, &str),
    arm: &Arm,
    columns: &[Second],
    lines: &[Line],
    (scale, end_s): (Scale, f64),
) -> Markup {
    let plot = Plot::new(TOP, HEIGHT, end_s);
    let rows = usize::from(!arm.marks.is_empty()) + arm.lanes.len();
    let axis_y = plot.bottom() + 10.0 + rows as f64 * LANE + 12.0;
    let middle = |column: &Second| plot.x(column.at + column.length / 2.0);
    let drawn = html! {
        (plot.bands(arm))
        (scale.axis(TOP, HEIGHT, LEFT, WIDTH - RIGHT))
        (plot.marks(arm))
        @for line in lines {
            @let points = columns.iter().zip(&line.points).map(|(column, ms)| {
                ms.map(|ms| (middle(column), scale.y(ms, TOP, HEIGHT)))
            });
            path class={ "line " (line.class) } d=(path(points)) {}
        }
        (names(lines, scale))
        (lanes(arm, &plot))
        (plot.time_axis(axis_y))
        line class="cursor" x1="0" x2="0" y1=(px(TOP)) y2=(px(plot.bottom())) hidden {}
    };
    picture(id, "timeline", (axis_y + 6.0, end_s), said, &drawn)
}

/// The name of each line at its right end, pushed apart where they would lie on each other.
fn names(lines: &[Line], scale: Scale) -> Markup {
    let end = |line: &Line| line.points.iter().rev().flatten().next().map(|ms| scale.y(*ms, TOP, HEIGHT));
    let mut ends: Vec<(f64, &Line)> = lines.iter().filter_map(|line| Some((end(line)?, line))).collect();
    ends.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut highest = TOP + HEIGHT + NAME_GAP;
    for (y, _) in &mut ends {
        highest = y.min(highest - NAME_GAP);
        *y = highest;
    }
    html! {
        @for (y, line) in ends {
            text class={ "name " (line.class) } x=(px(WIDTH - RIGHT + 5.0)) y=(px(y + 4.0)) { (line.name) }
        }
    }
}

fn lanes(arm: &Arm, plot: &Plot) -> Markup {
    let first = plot.bottom() + 10.0;
    let marks_row = usize::from(!arm.marks.is_empty());
    html! {
        @if marks_row == 1 { (faults(arm, plot, first)) }
        @for (row, lane) in arm.lanes.iter().enumerate() {
            (circuits(lane, plot, first + (row + marks_row) as f64 * LANE))
        }
    }
}

/// A numbered point for each fault and heal; the list below the picture has the numbers. Those that are too near to the
/// one before are moved on a little.
fn faults(arm: &Arm, plot: &Plot, y: f64) -> Markup {
    let mut free = 0.0_f64;
    let places: Vec<f64> = arm
        .marks
        .iter()
        .map(|mark| {
            let x = plot.x(mark.at).max(free);
            free = x + 19.0;
            x
        })
        .collect();
    html! {
        text class="lane-name" x=(px(LEFT - 6.0)) y=(px(y + 13.0)) text-anchor="end" { "faults" }
        @for (index, (mark, x)) in arm.marks.iter().zip(places).enumerate() {
            circle class=(if mark.heals { "fault heals" } else { "fault" }) cx=(px(x)) cy=(px(y + 9.0)) r="8.5" {}
            text class=(if mark.heals { "number heals" } else { "number" }) x=(px(x)) y=(px(y + 13.0)) text-anchor="middle" {
                (index + 1)
            }
        }
    }
}

/// As high as the share of the lane's own most circuits that were off.
fn circuits(lane: &Lane, plot: &Plot, y: f64) -> Markup {
    const FULL: f64 = 17.0;
    let path: String = lane
        .spans
        .iter()
        .map(|(from, until, count)| {
            let high = FULL * *count as f64 / lane.most.max(1) as f64;
            let (x, end) = (plot.x(*from), plot.x(*until));
            format!("M{} {}h{}v{}h{}z", px(x), px(y + FULL), px(end - x), px(-high), px(x - end))
        })
        .collect();
    html! {
        text class="lane-name" x=(px(LEFT - 6.0)) y=(px(y + 13.0)) text-anchor="end" { (lane.name) }
        line class="grid" x1=(px(LEFT)) x2=(px(WIDTH - RIGHT)) y1=(px(y + FULL)) y2=(px(y + FULL)) {}
        path class="mode" d=(path) {}
        text class="name lane-most" x=(px(WIDTH - RIGHT + 5.0)) y=(px(y + 13.0)) { "max " (lane.most) }
    }
}
