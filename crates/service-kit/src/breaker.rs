//! The circuit breaker that people install today, as a strategy to be compared with: tower-resilience 0.14.
//!
//! As its manual has it: the preset `standard()` (half of 100 calls and more, 30 s open, 3 calls to try), with its time
//! limiter *inside*, because a future that is dropped from outside is not recorded. One breaker stands for all of
//! Kafka, because one per dependency is what manuals show; [`BreakerScope::Partition`] has one per partition, so that
//! nobody need wonder what that would have done. When it is open, a call is refused before anything is sent.
//!
//! The window that its manual calls sliding does not slide, in this version, as long as it counts calls: the rate is that
//! of all calls since the breaker last changed its state. So the longer the good time before, the longer it takes to open;
//! with `sliding_window_duration_ms` it looks at a time instead, and forgets.
//!
//! # Invariant
//! A refusal by a rule of the house is no failure: whoever calls says which errors are.

use std::fmt;
use std::time::Duration;

use circuit::{BadSetting, Decision};
use clap::{Args, ValueEnum};
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceExt as _};
use tower_resilience_circuitbreaker::{
    CircuitBreakerConfigBuilder, CircuitBreakerError, CircuitBreakerLayer, CircuitState, DefaultClassifier,
    SlidingWindowType,
};
use tower_resilience_timelimiter::{TimeLimiterError, TimeLimiterLayer};

use crate::settings::key_number;

/// The version of tower-resilience's breaker, for reports.
pub const VERSION: &str = "0.14.0";

/// What one breaker stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum BreakerScope {
    /// All of Kafka.
    #[default]
    Service,
    /// One partition.
    Partition,
}

/// The thresholds of the breaker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Breaker (only with --strategy breaker)")]
pub struct BreakerSettings {
    /// What one breaker stands for.
    #[arg(id = "breaker_scope", long = "breaker-scope", env = "LEADERLESS_BREAKER_SCOPE", value_enum, default_value_t = BreakerScope::Service)]
    pub scope: BreakerScope,
    /// A setting of tower-resilience's breaker by its name and unit, e.g. `wait_duration_in_open_ms=2000`; may be
    /// repeated. The others are those of its preset `standard()`.
    #[arg(id = "breaker_set", long = "breaker-set", value_name = "KEY=NUMBER", value_parser = key_number)]
    pub set: Vec<(String, u32)>,
}

type Builder = CircuitBreakerConfigBuilder<DefaultClassifier>;
/// A setting: its name, its bounds, and how it is set.
type Known = (&'static str, u32, u32, fn(Builder, u32) -> Builder);

const KNOWN: [Known; 8] = [
    ("failure_rate_permille", 1, 1_000, |to, value| to.failure_rate_threshold(rate(value))),
    ("sliding_window_size", 1, 100_000, |to, value| to.sliding_window_size(count(value))),
    ("sliding_window_duration_ms", 1, 600_000, |to, value| {
        to.sliding_window_type(SlidingWindowType::TimeBased).sliding_window_duration(ms(value))
    }),
    ("minimum_number_of_calls", 1, 100_000, |to, value| to.minimum_number_of_calls(count(value))),
    ("wait_duration_in_open_ms", 1, 600_000, |to, value| to.wait_duration_in_open(ms(value))),
    ("permitted_calls_in_half_open", 1, 10_000, |to, value| to.permitted_calls_in_half_open(count(value))),
    ("slow_call_duration_ms", 1, 60_000, |to, value| to.slow_call_duration_threshold(ms(value))),
    ("slow_call_rate_permille", 1, 1_000, |to, value| to.slow_call_rate_threshold(rate(value))),
];

fn rate(permille: u32) -> f64 {
    f64::from(permille) / 1e3
}

fn count(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn ms(value: u32) -> Duration {
    Duration::from_millis(value.into())
}

impl BreakerSettings {
    /// Checks names and bounds.
    ///
    /// # Errors
    /// The first setting that is unknown or out of bounds; change it and start again.
    pub fn checked(&self) -> Result<(), BadSetting> {
        self.builder().map(drop)
    }

    fn builder(&self) -> Result<Builder, BadSetting> {
        let mut builder = CircuitBreakerLayer::standard();
        for (name, value) in &self.set {
            let known = KNOWN.iter().find(|(known, ..)| known == name);
            let (key, min, max, set) = known.ok_or_else(|| unknown(name))?;
            if value < min || value > max {
                return Err(BadSetting { key, value: value.to_string(), allowed: format!("{min} to {max}") });
            }
            builder = set(builder, *value);
        }
        Ok(builder)
    }
}

fn unknown(name: &str) -> BadSetting {
    let allowed = KNOWN.map(|(known, ..)| known).join(", ");
    BadSetting { key: "the name of a breaker setting", value: format!("`{name}`"), allowed }
}

/// A breaker changed its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerChange {
    /// Its name, such as `breaker quote`.
    pub name: String,
    /// The partition that it stands for, if it stands for one.
    pub partition: Option<usize>,
    /// The name of the state before: `closed`, `open` or `half_open`.
    pub from: &'static str,
    /// The name of the state now.
    pub to: &'static str,
}

impl BreakerChange {
    /// Where calls went before, and where they go now.
    #[must_use]
    pub(crate) const fn decisions(&self) -> (Decision, Decision) {
        (decision(self.from), decision(self.to))
    }
}

/// A half-open breaker admits a handful of calls, and refuses the others.
const fn decision(state: &str) -> Decision {
    match state.as_bytes() {
        b"closed" => Decision::Primary,
        _ => Decision::Fallback,
    }
}

impl fmt::Display for BreakerChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, from, to, .. } = self;
        match *to {
            "open" => write!(f, "{name} opened: too many of its last calls failed; calls now refused"),
            "half_open" => write!(f, "{name} tries a few calls"),
            _ => write!(f, "{name} is {to} again, after it was {from}; calls go through"),
        }
    }
}

/// What a call through a breaker can end in, beside an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BreakerError<E> {
    /// The breaker is open. Nothing was sent.
    #[error("the circuit breaker is open")]
    Open,
    /// No answer before the deadline, which is inside of the breaker.
    #[error("no answer within {} ms", .0.as_millis())]
    Elapsed(Duration),
    /// The service inside failed.
    #[error(transparent)]
    Inner(E),
}

/// A service behind breakers.
pub type Guarded<Req, Res, E> = BoxCloneSyncService<Req, Res, BreakerError<E>>;

/// What a service says of its calls.
#[derive(Debug, Clone, Copy)]
pub struct Calls<K, B, F> {
    /// The partition of a request, a `Fn(&Req) -> usize`.
    pub partition: K,
    /// What a request has left, a `Fn(&Req) -> Duration`.
    pub budget: B,
    /// Whether an error is a failure of Kafka's, a `Fn(&E) -> bool`.
    pub failed: F,
}

/// Puts breakers around `inner`, one for each of `partitions` or one for all, and tells of their changes.
///
/// # Errors
/// A setting that is unknown or out of bounds.
pub fn guard<S, Req, K, B, F, T>(
    inner: S,
    settings: &BreakerSettings,
    (service, partitions, tell): (&'static str, usize, T),
    calls: Calls<K, B, F>,
) -> Result<Guarded<Req, S::Response, S::Error>, BadSetting>
where
    S: Service<Req> + Clone + Send + Sync + 'static,
    S::Response: Send + 'static,
    S::Error: Send + 'static,
    S::Future: Send + 'static,
    Req: Send + 'static,
    K: Fn(&Req) -> usize + Clone + Send + Sync + 'static,
    B: Fn(&Req) -> Duration + Clone + Send + Sync + 'static,
    F: Fn(&S::Error) -> bool + Clone + Send + Sync + 'static,
    T: Fn(BreakerChange) + Clone + Send + Sync + 'static,
{
    let Calls { partition, budget, failed } = calls;
    let one = |partition: Option<usize>| {
        let tell = tell.clone();
        let name = match partition {
            Some(partition) => format!("breaker {service}-{partition}"),
            None => format!("breaker {service}"),
        };
        let told = move |from, to| {
            let (from, to) = (name_of(from), name_of(to));
            tell(BreakerChange { name: name.clone(), partition, from, to });
        };
        let failed = failed.clone();
        let breaker = settings
            .builder()?
            .on_state_transition(told)
            .failure_classifier(move |ended: &Result<S::Response, TimeLimiterError<S::Error>>| match ended {
                Ok(_) => false,
                Err(TimeLimiterError::Timeout) => true,
                Err(TimeLimiterError::Inner(error)) => failed(error),
            })
            .build();
        let breaker = breaker.map_err(|error| BadSetting {
            key: "the breaker",
            value: "set to what it does not take".to_owned(),
            allowed: error.to_string(),
        })?;
        let budget = budget.clone();
        let limit = TimeLimiterLayer::builder().timeout_fn(move |request: &Req| budget(request)).build();
        Ok(BoxCloneSyncService::new(breaker.layer(limit.layer(inner.clone()))))
    };
    let breakers = match settings.scope {
        BreakerScope::Service => vec![one(None)?],
        BreakerScope::Partition => {
            (0..partitions).map(|partition| one(Some(partition))).collect::<Result<_, _>>()?
        }
    };
    let breakers: std::sync::Arc<[_]> = breakers.into();
    let guarded = tower::service_fn(move |request: Req| {
        // One of them stands for all, if there is only one.
        let breaker = breakers[partition(&request).min(breakers.len() - 1)].clone();
        let budget = budget(&request);
        async move { breaker.oneshot(request).await.map_err(|error| unwrapped(error, budget)) }
    });
    Ok(BoxCloneSyncService::new(guarded))
}

fn unwrapped<E>(error: CircuitBreakerError<TimeLimiterError<E>>, budget: Duration) -> BreakerError<E> {
    match error {
        CircuitBreakerError::OpenCircuit => BreakerError::Open,
        CircuitBreakerError::Inner(TimeLimiterError::Timeout) => BreakerError::Elapsed(budget),
        CircuitBreakerError::Inner(TimeLimiterError::Inner(error)) => BreakerError::Inner(error),
    }
}

const fn name_of(state: CircuitState) -> &'static str {
    match state {
        CircuitState::Closed => "closed",
        CircuitState::Open => "open",
        CircuitState::HalfOpen => "half_open",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::tests::watched_by_nobody;

    fn settings(scope: BreakerScope) -> BreakerSettings {
        let set =
            [("sliding_window_size", 10), ("minimum_number_of_calls", 10), ("wait_duration_in_open_ms", 500)];
        BreakerSettings { scope, set: set.map(|(key, value)| (key.to_owned(), value)).into() }
    }

    /// Calls that hang on partition 0, and are answered on the others; a request is its partition.
    async fn called(scope: BreakerScope, partitions: &[usize]) -> (Vec<BreakerError<String>>, Vec<String>) {
        let (health, mut notices) = watched_by_nobody();
        let inner = tower::service_fn(|partition: usize| async move {
            match partition {
                0 => std::future::pending().await,
                1 => Err("a rule of the house".to_owned()),
                _ => Ok(partition),
            }
        });
        let calls = Calls {
            partition: |partition: &usize| *partition,
            budget: |_: &usize| Duration::from_millis(5),
            failed: |_: &String| false,
        };
        let guarded = guard(inner, &settings(scope), ("test", 3, health.breaker_listener()), calls).unwrap();
        let mut errors = Vec::new();
        for partition in partitions {
            errors.extend(guarded.clone().oneshot(*partition).await.err());
        }
        let told = std::iter::from_fn(|| notices.try_recv().ok()).map(|notice| notice.to_string());
        (errors, told.collect())
    }

    #[tokio::test]
    async fn a_hung_partition_opens_the_breaker_of_the_service_for_all_of_them() {
        let mut calls = vec![0; 10];
        calls.extend([2, 2]);
        let (errors, told) = called(BreakerScope::Service, &calls).await;
        assert_eq!(errors[..10], vec![BreakerError::Elapsed(Duration::from_millis(5)); 10]);
        assert_eq!(errors[10..], [BreakerError::Open, BreakerError::Open]);
        assert_eq!(told, ["breaker test opened: too many of its last calls failed; calls now refused"]);
    }

    /// So it is in 0.14: a test that fails here is good news.
    #[tokio::test]
    async fn a_window_of_calls_forgets_nothing_so_that_a_good_time_before_delays_it() {
        let mut calls = vec![2; 40];
        calls.extend([0; 39]);
        let (errors, told) = called(BreakerScope::Service, &calls).await;
        assert_eq!((errors.len(), told.len()), (39, 0), "39 failures in a row, and the window has 10 calls");
        calls.extend([0, 2]);
        let (errors, told) = called(BreakerScope::Service, &calls).await;
        assert_eq!((errors.last(), told.len()), (Some(&BreakerError::Open), 1));
    }

    #[tokio::test]
    async fn a_third_of_the_calls_that_hang_opens_nothing() {
        let (errors, told) = called(BreakerScope::Service, &[0, 2, 2].repeat(10)).await;
        assert_eq!((errors.len(), told.len()), (10, 0));
    }

    #[tokio::test]
    async fn by_partition_only_the_hung_one_is_refused() {
        let mut calls = vec![0; 12];
        calls.extend([2, 2]);
        let (errors, told) = called(BreakerScope::Partition, &calls).await;
        assert_eq!(errors[10..], [BreakerError::Open, BreakerError::Open]);
        assert_eq!(told.len(), 1);
    }

    #[tokio::test]
    async fn a_rule_of_the_house_is_no_failure() {
        let (errors, told) = called(BreakerScope::Service, &[1; 20]).await;
        assert!(errors.iter().all(|error| matches!(error, BreakerError::Inner(_))));
        assert_eq!((errors.len(), told.len()), (20, 0));
    }

    #[test]
    fn the_version_that_is_told_is_the_one_that_is_built() {
        let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock");
        let lock = std::fs::read_to_string(lock).unwrap();
        let built = format!("name = \"tower-resilience-circuitbreaker\"\nversion = \"{VERSION}\"");
        assert!(lock.contains(&built));
    }

    #[test]
    fn a_bad_setting_is_named_with_what_is_allowed() {
        let set =
            |key: &str, value| BreakerSettings { set: vec![(key.to_owned(), value)], ..Default::default() };
        let error = set("failure_rate_permille", 0).checked().unwrap_err().to_string();
        assert_eq!(error, "failure_rate_permille is 0; allowed is 1 to 1000");
        let error = set("failure_rate", 5).checked().unwrap_err().to_string();
        assert!(error.contains("`failure_rate`") && error.contains("failure_rate_permille"), "{error}");
    }
}
