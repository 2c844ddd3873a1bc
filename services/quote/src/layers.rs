//! The bounds of the layers around and beside the circuits, as flags; each has its reason where its layer is.

use std::time::Duration;

use circuit::BadSetting;
use clap::Args;
use degrade::shed::Limits;
use degrade::{bulkhead, shadow};
use service_kit::rescue::RETRY_AFTER;

/// How far two prices of the same moment may be apart, in basis points: what the spread of a quote is. A shadow is
/// priced a moment later, and a price that has just been flagged has the double spread.
const DISTANCE_BPS_MAX: u64 = 50;

/// The bounds of the layers.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Layers (only with --strategy degrade)")]
pub struct LayerSettings {
    /// Quotes in progress, of both doors; customers' quotes may fill 70 % of them, quotes for orders 85 %. At the bound
    /// they are refused.
    #[arg(long, env = "LEADERLESS_QUOTES_IN_FLIGHT_MAX", default_value_t = Self::default().in_flight_max, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub in_flight_max: u32,
    /// What a quote takes at least, in ms: who has less left is refused before anything is done.
    #[arg(long, env = "LEADERLESS_EARLY_DROP_LEAST_MS", default_value_t = Self::default().early_drop_least_ms, value_parser = clap::value_parser!(u32).range(0..=60_000))]
    pub early_drop_least_ms: u32,
    /// Degraded quotes in progress; at the bound they are refused.
    #[arg(long, env = "LEADERLESS_FALLBACK_CONCURRENCY_MAX", default_value_t = Self::default().fallback_concurrency_max, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub fallback_concurrency_max: u32,
    /// How old the price of a degraded quote may be, in ms.
    #[arg(long, env = "LEADERLESS_FALLBACK_STALENESS_MS_MAX", default_value_t = Self::default().fallback_staleness_ms_max, value_parser = clap::value_parser!(u32).range(0..=86_400_000))]
    pub fallback_staleness_ms_max: u32,
    /// The deadline of the fallback alone, in ms; above --fee-timeout-ms, so that the cached tier has a turn.
    #[arg(long, env = "LEADERLESS_FALLBACK_DEADLINE_MS", default_value_t = Self::default().fallback_deadline_ms, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub fallback_deadline_ms: u32,
    /// One quote over Kafka in so many is calculated locally too, and compared; every one while the fallback is in doubt.
    #[arg(long, env = "LEADERLESS_SHADOW_ONE_IN", default_value_t = Self::default().shadow_one_in, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub shadow_one_in: u32,
    /// Comparisons in progress; at the bound one more is skipped.
    #[arg(long, env = "LEADERLESS_SHADOW_CONCURRENCY_MAX", default_value_t = Self::default().shadow_concurrency_max, value_parser = clap::value_parser!(u32).range(1..=1_024))]
    pub shadow_concurrency_max: u32,
    /// A comparison that takes longer, in ms, has failed.
    #[arg(long, env = "LEADERLESS_SHADOW_DEADLINE_MS", default_value_t = Self::default().shadow_deadline_ms, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub shadow_deadline_ms: u32,
    /// So many comparisons in a row that disagree, or fail, and no customer is served by the fallback.
    #[arg(long, env = "LEADERLESS_SHADOW_STRIKES", default_value_t = Self::default().shadow_strikes, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub shadow_strikes: u32,
    /// How long a fallback counts as proven after its last answer, in ms.
    #[arg(long, env = "LEADERLESS_PROVEN_FOR_MS", default_value_t = Self::default().proven_for_ms, value_parser = clap::value_parser!(u32).range(1_000..=86_400_000))]
    pub proven_for_ms: u32,
}

impl Default for LayerSettings {
    /// The defaults of the layers, and for the shed four times what 2,000 quotes a second with a deadline of 300 ms
    /// have in flight when all of them hang.
    fn default() -> Self {
        Self {
            in_flight_max: 2_048,
            early_drop_least_ms: 1,
            fallback_concurrency_max: 64,
            fallback_staleness_ms_max: 10_000,
            fallback_deadline_ms: 200,
            shadow_one_in: 50,
            shadow_concurrency_max: 8,
            shadow_deadline_ms: 200,
            shadow_strikes: 3,
            proven_for_ms: 60_000,
        }
    }
}

impl LayerSettings {
    /// Checks everything that depends on something else.
    ///
    /// # Errors
    /// The first setting that is out of bounds; change it and start again.
    pub fn check(&self, fee_timeout: Duration) -> Result<(), BadSetting> {
        self.shed().check()?;
        self.bulkhead().check()?;
        self.shadow().check()?;
        if self.fallback_deadline() > fee_timeout {
            return Ok(());
        }
        let value = format!("{} ms", self.fallback_deadline_ms);
        let allowed = format!("more than --fee-timeout-ms, which is {} ms", fee_timeout.as_millis());
        Err(BadSetting { key: "fallback_deadline_ms", value, allowed })
    }

    pub(crate) fn shed(&self) -> Limits {
        Limits::of(count(self.in_flight_max))
    }

    pub(crate) fn early_drop_least(&self) -> Duration {
        ms(self.early_drop_least_ms)
    }

    pub(crate) fn fallback_deadline(&self) -> Duration {
        ms(self.fallback_deadline_ms)
    }

    pub(crate) fn bulkhead(&self) -> bulkhead::Settings {
        bulkhead::Settings {
            concurrency: count(self.fallback_concurrency_max),
            staleness_max: ms(self.fallback_staleness_ms_max),
            retry_after: RETRY_AFTER,
        }
    }

    pub(crate) fn shadow(&self) -> shadow::Settings {
        shadow::Settings {
            one_in: self.shadow_one_in,
            concurrency: count(self.shadow_concurrency_max),
            deadline: ms(self.shadow_deadline_ms),
            distance_max: DISTANCE_BPS_MAX,
            strikes: self.shadow_strikes,
            proven_for: ms(self.proven_for_ms),
            retry_after: RETRY_AFTER,
        }
    }

    /// Questions to the fee service at a time: what the fallback and its shadows need together.
    pub(crate) fn fee_questions_max(&self) -> usize {
        count(self.fallback_concurrency_max) + count(self.shadow_concurrency_max)
    }
}

fn ms(number: u32) -> Duration {
    Duration::from_millis(number.into())
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fallback_has_more_time_than_the_fee_service() {
        let settings = LayerSettings::default();
        assert_eq!(settings.check(Duration::from_millis(100)), Ok(()));
        let error = settings.check(Duration::from_millis(200)).unwrap_err().to_string();
        assert_eq!(
            error,
            "fallback_deadline_ms is 200 ms; allowed is more than --fee-timeout-ms, which is 200 ms"
        );
    }
}
