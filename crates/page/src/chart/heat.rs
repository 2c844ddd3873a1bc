//! Every request as a place in time and latency: the darker, the more of that interval's requests are there.

use maud::{Markup, html};

use super::{LEFT, Plot, RIGHT, Scale, WIDTH, picture, px};
use crate::log::Second;
use crate::run::Arm;

const TOP: f64 = 8.0;
const HEIGHT: f64 = 200.0;
/// Rows per power of ten.
const ROWS: i32 = 8;

/// From which share of an interval's requests on a cell has the next level.
pub(crate) const LEVELS: [f64; 5] = [0.0, 0.01, 0.05, 0.15, 0.4];

/// Of `columns`.
pub(crate) fn heat(
    id: &str,
    said: (&str, &str),
    arm: &Arm,
    columns: &[Second],
    (scale, end_s): (Scale, f64),
) -> Markup {
    let plot = Plot::new(TOP, HEIGHT, end_s);
    let rows = ((scale.high - scale.low) * ROWS) as usize;
    let row_height = HEIGHT / rows as f64;
    let mut cells: [String; LEVELS.len()] = Default::default();
    for column in columns {
        let (x, width) = (plot.x(column.at), plot.x(column.at + column.length) - plot.x(column.at));
        for (row, share) in
            shares(column, scale, rows).into_iter().enumerate().filter(|(_, share)| *share > 0.0)
        {
            let level = LEVELS.iter().rposition(|from| share > *from).unwrap_or_default();
            let y = TOP + HEIGHT - (row + 1) as f64 * row_height;
            cells[level] += &format!("M{} {}h{}v{}h{}z", px(x), px(y), px(width), px(row_height), px(-width));
        }
    }
    let drawn = html! {
        @for (level, path) in cells.iter().enumerate() {
            @if !path.is_empty() { path class={ "heat h" (level) } d=(path) {} }
        }
        (scale.axis(TOP, HEIGHT, LEFT, WIDTH - RIGHT))
        (plot.marks(arm))
        (plot.time_axis(plot.bottom() + 17.0))
    };
    picture(id, "heatmap", (plot.bottom() + 22.0, end_s), said, &drawn)
}

/// Of a column's requests the share of each row.
fn shares(column: &Second, scale: Scale, rows: usize) -> Vec<f64> {
    let all = column.sent();
    let total = all.total().max(1) as f64;
    let mut shares = vec![0.0; rows];
    for (us, count) in all.values() {
        let row = (scale.part(*us as f64 / 1e3) * rows as f64) as usize;
        shares[row.min(rows - 1)] += *count as f64 / total;
    }
    shares
}

#[cfg(test)]
mod tests {
    use recorder::{Outcome, Phase};

    use super::*;
    use crate::counts::Counts;

    #[test]
    fn every_request_of_a_column_is_in_one_row() {
        let counts = Counts::of(vec![(100, 3), (1_000, 2), (10_000_000, 5)]);
        let cells = [((Phase::Outage, Outcome::Ok), counts)].into();
        let column = Second { at: 0.0, length: 1.0, cells };
        let scale = Scale { low: -1, high: 4 };
        let shares = shares(&column, scale, 40);
        assert_eq!((shares[0], shares[8], shares[39]), (0.3, 0.2, 0.5));
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }
}
