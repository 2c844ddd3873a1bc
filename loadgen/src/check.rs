//! What a plan is refused for, before anything is sent.

use std::time::Duration;

use crate::choices::{LIST_MAX, Quantity};
use crate::schedule::ScheduleError;
use crate::template::UnknownPlaceholder;
use crate::{Limits, Mode, PlanSpec};

/// The most kinds of requests in one mix: a record has one byte for them.
const REQUEST_KINDS_MAX: usize = 256;

/// The most threads in one run; far more than it takes to overload any single machine.
const WORKERS_MAX: u64 = 64;

/// Why a plan cannot be run. Nothing was sent.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// The arrivals cannot be scheduled.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// A text mentions a placeholder that does not exist.
    #[error("request `{label}`: {source}")]
    Placeholder {
        /// The request.
        label: String,
        /// Which placeholder.
        source: UnknownPlaceholder,
    },
    /// A text mentions a placeholder whose list is empty.
    #[error("request `{label}` mentions {{{placeholder}}}, but there is nothing to choose from")]
    NothingToChoose {
        /// The request.
        label: String,
        /// The placeholder.
        placeholder: &'static str,
    },
    /// A request goes to a target that is not listed.
    #[error("request `{label}` goes to `{target}`: the targets are {known}")]
    UnknownTarget {
        /// The request.
        label: String,
        /// What it names.
        target: String,
        /// What there is.
        known: String,
    },
    /// What requests are to travel over cannot be had.
    #[error("target `{target}`: {why}")]
    Wire {
        /// The target.
        target: String,
        /// What is wrong.
        why: String,
    },
    /// A request would be no valid HTTP.
    #[error("request `{label}`: `{value}` is no valid {what}")]
    NotHttp {
        /// The request.
        label: String,
        /// A path, a header name or a header value.
        what: &'static str,
        /// The text that is not.
        value: String,
    },
    /// A name holds characters that would need escaping.
    #[error("{list}: `{name}` may hold only ASCII letters, digits, `-`, `_`, `.` and `:`")]
    Name {
        /// Which list.
        list: &'static str,
        /// The name.
        name: String,
    },
    /// A number or a list is outside its bounds.
    #[error("{key} is {value}: allowed is {allowed}")]
    OutOfBounds {
        /// What.
        key: &'static str,
        /// Its value or length.
        value: u64,
        /// The bounds, in words.
        allowed: String,
    },
}

/// Every number and every list within its bounds.
pub(crate) fn bounds(spec: &PlanSpec) -> Result<(), PlanError> {
    let within = |key, value: u64, least: u64, most: u64| {
        let allowed = || format!("{least} to {most}");
        let inside = (least..=most).contains(&value);
        inside.then_some(()).ok_or_else(|| PlanError::OutOfBounds { key, value, allowed: allowed() })
    };
    let Limits { in_flight_max, connections_max, connections_per_s_max, .. } = spec.limits;
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    within("requests", spec.requests.len() as u64, 1, REQUEST_KINDS_MAX as u64)?;
    within("the sum of all weights", spec.requests.iter().map(|it| u64::from(it.weight)).sum(), 1, u64::MAX)?;
    within("accounts", spec.choices.accounts.len() as u64, 0, LIST_MAX as u64)?;
    within("products", spec.choices.products.len() as u64, 0, LIST_MAX as u64)?;
    within("sides", spec.choices.sides.len() as u64, 0, LIST_MAX as u64)?;
    let workers = spec.workers as u64;
    within("workers", workers, 1, WORKERS_MAX)?;
    if let Mode::Closed { users } = spec.mode {
        within("users", users as u64, workers, 1_000_000)?;
        within("duration_ms", ms(spec.duration), 1, 86_400_000)?;
    }
    within("in_flight_max", in_flight_max as u64, workers, 1_000_000)?;
    within("connections_max", connections_max as u64, workers, 1_000_000)?;
    within("streams_max", spec.limits.streams_max as u64, 1, 10_000)?;
    within("connections_preopened", spec.limits.connections_preopened as u64, 0, connections_max as u64)?;
    within("connections_per_s_max", u64::from(connections_per_s_max), 1, 1_000_000)?;
    within("deadline_ms", ms(spec.limits.deadline), 1, 3_600_000)?;
    within("drain_max_ms", ms(spec.limits.drain_max), 0, 3_600_000)?;
    for product in &spec.choices.products {
        let Quantity { units_min, units_max, decimals } = product.quantity;
        within("units_min", units_min, 0, units_max)?;
        within("decimals", u64::from(decimals), 0, u64::from(Quantity::DECIMALS_MAX))?;
    }
    Ok(())
}

/// Every name such that it needs no escaping anywhere.
pub(crate) fn names(spec: &PlanSpec) -> Result<(), PlanError> {
    let products = spec.choices.products.iter().map(|product| ("products", &product.name));
    let accounts = spec.choices.accounts.iter().map(|name| ("accounts", name));
    let sides = spec.choices.sides.iter().map(|name| ("sides", name));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    let mut names = products.chain(accounts).chain(sides).chain([("run", &spec.run)]);
    match names.find(|(_, name)| !name.bytes().all(is_plain)) {
        Some((list, name)) => Err(PlanError::Name { list, name: name.clone() }),
        None => Ok(()),
    }
}
