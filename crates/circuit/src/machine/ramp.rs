//! How customers come back after a recovery: not all at once.
//!
//! Of the calls `max(min, (t / window)^(1 / aggression))` are admitted; a regression halves the share, and the ramp goes
//! on from there. It ends when everything is admitted, or after [`WINDOWS_MAX`] windows: a dependency that is good enough
//! to stay closed is good enough to close.

use std::time::Duration;

use crate::settings::Settings;

/// A ramp is over after this many of its windows, whatever is suspicious.
pub const WINDOWS_MAX: u32 = 10;

/// At most this many halvings in one window: a regression that lasts is one that is seen again a tenth later.
const CUTS_PER_WINDOW: u32 = 10;

/// A share that grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ramp {
    permille: u32,
    entered: Duration,
    /// When a ramp would have begun that has come this far without a regression.
    origin: Duration,
    cut: Option<Duration>,
}

impl Ramp {
    pub(crate) fn new(now: Duration, settings: &Settings) -> Self {
        Self { permille: settings.slow_start_min_permille, entered: now, origin: now, cut: None }
    }

    /// The share of the calls that is admitted, in thousandths.
    #[must_use]
    pub const fn permille(self) -> u32 {
        self.permille
    }

    /// Where it is now; `None` when it is over. A regression holds it, and halves it.
    pub(crate) fn next(self, regression: bool, now: Duration, settings: &Settings) -> Option<Self> {
        let window = settings.slow_start_window;
        if now >= self.entered + window * WINDOWS_MAX {
            return None;
        }
        if !regression {
            let permille = grown(now.saturating_sub(self.origin), settings).max(self.permille);
            return (permille < 1_000).then_some(Self { permille, ..self });
        }
        let cut_again = self.cut.is_none_or(|cut| now >= cut + window / CUTS_PER_WINDOW);
        let permille = if cut_again { self.permille / 2 } else { self.permille };
        let permille = permille.max(settings.slow_start_min_permille);
        let origin = now.saturating_sub(time_to(permille, settings));
        Some(Self { permille, origin, cut: if cut_again { Some(now) } else { self.cut }, ..self })
    }
}

/// The share after this much of the window.
fn grown(elapsed: Duration, settings: &Settings) -> u32 {
    let part = (elapsed.as_secs_f64() / settings.slow_start_window.as_secs_f64()).min(1.0);
    let share = part.powf(100.0 / f64::from(settings.slow_start_aggression_pct));
    ((share * 1_000.0) as u32).max(settings.slow_start_min_permille)
}

/// The time after which a ramp without a regression has this share.
fn time_to(permille: u32, settings: &Settings) -> Duration {
    let part = (f64::from(permille) / 1_000.0).powf(f64::from(settings.slow_start_aggression_pct) / 100.0);
    settings.slow_start_window.mul_f64(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn one_second() -> Settings {
        Settings { slow_start_window: ms(1_000), ..Settings::default() }
    }

    /// The shares at each 100 ms, with a regression at these times.
    fn shares(settings: &Settings, regressions: &[u64]) -> Vec<u32> {
        let mut ramp = Some(Ramp::new(ms(0), settings));
        let mut shares = Vec::new();
        for at in (0..20_000).step_by(10) {
            ramp = ramp.and_then(|ramp| ramp.next(regressions.contains(&at), ms(at), settings));
            match ramp {
                Some(ramp) if at % 100 == 0 => shares.push(ramp.permille()),
                Some(_) => {}
                None => break,
            }
        }
        shares
    }

    #[test]
    fn a_ramp_grows_from_its_least_share_to_everything_within_its_window() {
        let linear = one_second();
        assert_eq!(shares(&linear, &[]), [100, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
        let keen = Settings { slow_start_aggression_pct: 200, ..linear };
        assert_eq!(shares(&keen, &[]), [100, 316, 447, 547, 632, 707, 774, 836, 894, 948]);
    }

    #[test]
    fn a_regression_halves_the_share_and_the_ramp_goes_on_from_there() {
        let shares = shares(&one_second(), &[500]);
        assert_eq!(shares, [100, 100, 200, 300, 400, 245, 345, 445, 545, 645, 745, 845, 945]);
    }

    #[test]
    fn a_regression_that_lasts_holds_the_least_share_and_ends_with_the_ramp() {
        let always: Vec<u64> = (0..20_000).collect();
        let shares = shares(&one_second(), &always);
        assert_eq!((shares.len(), shares.last()), (100, Some(&100)));
    }
}
