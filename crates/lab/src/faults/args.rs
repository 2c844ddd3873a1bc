//! The arguments of a fault: from JSON into a call, and from a checked call into a fault's hands.

use std::collections::BTreeMap;
use std::time::Duration;

use scenario::{ArgKind, ArgSpec, ArgValue, FaultCall, FaultKind};
use serde_json::Value;

use super::{FaultError, find};

/// The longest topic or group name, in bytes. Kafka's topics have at most 249.
const NAME_BYTES_MAX: usize = 255;

/// The longest delay, in ms: an hour, beyond any game day.
const DELAY_MS_MAX: i64 = 3_600_000;

/// The most partitions in one list.
const PARTITIONS_MAX: usize = 10_000;

/// Reads a call out of a JSON object `{"kind": ..., argument: value, ...}`.
///
/// # Errors
/// [`FaultError::UnknownKind`] or [`FaultError::BadArgument`], naming the field, its value and what is allowed.
pub fn call_from_json(object: &serde_json::Map<String, Value>) -> Result<FaultCall, FaultError> {
    let name = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    let kind = &find(name)?.kind;
    let mut args = BTreeMap::new();
    for (field, value) in object.iter().filter(|(field, _)| *field != "kind") {
        let spec = kind.args.iter().find(|spec| spec.name == field).ok_or_else(|| unknown(kind, field))?;
        let typed = typed(spec.kind, value).ok_or_else(|| bad(kind, spec, value))?;
        args.insert(field.clone(), typed);
    }
    let call = FaultCall { kind: kind.name.to_owned(), args };
    Args::check(kind, &call)?;
    Ok(call)
}

fn typed(kind: ArgKind, value: &Value) -> Option<ArgValue> {
    match kind {
        ArgKind::Broker | ArgKind::DurationMs => value.as_i64().map(ArgValue::Integer),
        ArgKind::Share => value.as_f64().map(ArgValue::Number),
        ArgKind::Topic | ArgKind::Group => value.as_str().map(|text| ArgValue::Text(text.to_owned())),
        ArgKind::Partitions => {
            let indices: Option<Vec<i64>> = value.as_array()?.iter().map(Value::as_i64).collect();
            indices.map(ArgValue::Integers)
        }
    }
}

/// The arguments of a call that fits its kind.
#[derive(Debug, Clone, Copy)]
pub struct Args<'a>(&'a FaultCall);

impl<'a> Args<'a> {
    pub(super) fn check(kind: &FaultKind, call: &'a FaultCall) -> Result<Self, FaultError> {
        for field in call.args.keys() {
            if !kind.args.iter().any(|spec| spec.name == field) {
                return Err(unknown(kind, field));
            }
        }
        for spec in kind.args {
            match call.args.get(spec.name) {
                Some(value) if fits(spec.kind, value) => {}
                Some(value) => return Err(bad(kind, spec, &serde_json::json!(value))),
                None if spec.required => {
                    return Err(argument(kind, spec.name, "is missing".to_owned(), allowed(spec.kind)));
                }
                None => {}
            }
        }
        Ok(Self(call))
    }

    /// The argument `broker`.
    pub(super) fn broker(self) -> i32 {
        // Checked to be there and to fit before a fault sees it.
        self.integer("broker").and_then(|id| i32::try_from(id).ok()).unwrap_or_default()
    }

    pub(super) fn duration_ms(self, name: &str) -> Duration {
        let ms = self.integer(name).and_then(|ms| u64::try_from(ms).ok());
        Duration::from_millis(ms.unwrap_or_default())
    }

    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        match self.0.args.get(name) {
            Some(ArgValue::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn share(self) -> Option<f64> {
        match self.0.args.get("share") {
            Some(ArgValue::Number(share)) => Some(*share),
            Some(ArgValue::Integer(1)) => Some(1.0),
            _ => None,
        }
    }

    pub(super) fn partitions(self) -> Option<Vec<i32>> {
        match self.0.args.get("partitions") {
            Some(ArgValue::Integers(indices)) => {
                Some(indices.iter().filter_map(|index| i32::try_from(*index).ok()).collect())
            }
            _ => None,
        }
    }

    /// An error about one of these arguments.
    pub(super) fn error(self, field: &str, problem: String, allowed: String) -> FaultError {
        FaultError::BadArgument { kind: self.0.kind.clone(), field: field.to_owned(), problem, allowed }
    }

    fn integer(self, name: &str) -> Option<i64> {
        match self.0.args.get(name) {
            Some(ArgValue::Integer(value)) => Some(*value),
            _ => None,
        }
    }
}

fn fits(kind: ArgKind, value: &ArgValue) -> bool {
    match (kind, value) {
        (ArgKind::Broker, ArgValue::Integer(id)) => (1..=i64::from(i32::MAX)).contains(id),
        (ArgKind::DurationMs, ArgValue::Integer(ms)) => (0..=DELAY_MS_MAX).contains(ms),
        (ArgKind::Share, ArgValue::Number(share)) => *share > 0.0 && *share <= 1.0,
        (ArgKind::Share, ArgValue::Integer(share)) => *share == 1,
        (ArgKind::Topic | ArgKind::Group, ArgValue::Text(text)) => {
            !text.is_empty() && text.len() <= NAME_BYTES_MAX
        }
        (ArgKind::Partitions, ArgValue::Integers(indices)) => {
            (1..=PARTITIONS_MAX).contains(&indices.len())
                && indices.iter().all(|index| (0..=i64::from(i32::MAX)).contains(index))
        }
        _ => false,
    }
}

fn allowed(kind: ArgKind) -> String {
    match kind {
        ArgKind::Broker => "a broker's id, from 1".to_owned(),
        ArgKind::DurationMs => format!("milliseconds, 0 to {DELAY_MS_MAX}"),
        ArgKind::Share => "a number above 0 and at most 1".to_owned(),
        ArgKind::Topic => "a topic's name, or \"*\" for every topic that is not internal".to_owned(),
        ArgKind::Group => format!("a group's id of 1 to {NAME_BYTES_MAX} bytes"),
        ArgKind::Partitions => format!("a list of 1 to {PARTITIONS_MAX} partition indices from 0"),
    }
}

fn unknown(kind: &FaultKind, field: &str) -> FaultError {
    let names: Vec<&str> = kind.args.iter().map(|spec| spec.name).collect();
    let allowed = if names.is_empty() { "no arguments".to_owned() } else { names.join(", ") };
    argument(kind, field, "is not an argument of it".to_owned(), allowed)
}

fn bad(kind: &FaultKind, spec: &ArgSpec, value: &Value) -> FaultError {
    let mut shown = value.to_string();
    if shown.chars().count() > 80 {
        shown = shown.chars().take(80).chain("...".chars()).collect();
    }
    argument(kind, spec.name, format!("is {shown}"), allowed(spec.kind))
}

fn argument(kind: &FaultKind, field: &str, problem: String, allowed: String) -> FaultError {
    FaultError::BadArgument { kind: kind.name.to_owned(), field: field.to_owned(), problem, allowed }
}
