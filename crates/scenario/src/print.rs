//! The canonical form of a scenario: every setting with its value, defaults included. What is printed is read back
//! as the same scenario.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use crate::fault::ArgValue;
use crate::model::{
    Arm, At, BreakerPlan, ClusterPlan, DegradePlan, Incident, Load, Numbers, Scenario, Step, Strategy,
};
use gates::units::exact;

impl Display for Scenario {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        incident(f, &self.incident)?;
        cluster(f, &self.cluster)?;
        load(f, &self.load)?;
        self.timeline.iter().try_for_each(|it| step(f, it))?;
        self.arms.iter().try_for_each(|it| arm(f, it))?;
        if self.arms.iter().any(|arm| !arm.expect.is_empty()) {
            writeln!(f, "\n[expect]")?;
        }
        let expecting = self.arms.iter().filter(|arm| !arm.expect.is_empty());
        expecting.into_iter().try_for_each(|it| lines(f, &it.name, &it.expect))
    }
}

fn incident(f: &mut Formatter<'_>, incident: &Incident) -> fmt::Result {
    writeln!(f, "[incident]\ntitle = {}", quoted(&incident.title))?;
    lines(f, "sources", &incident.sources)?;
    lines(f, "reported", &incident.reported)?;
    lines(f, "modelled", &incident.modelled)
}

fn cluster(f: &mut Formatter<'_>, plan: &ClusterPlan) -> fmt::Result {
    writeln!(f, "\n[cluster]")?;
    writeln!(f, "brokers = {}\nzones = {}", plan.brokers, plan.zones)?;
    writeln!(f, "replication_factor = {}\nmin_isr = {}", plan.replication_factor, plan.min_isr)?;
    writeln!(f, "partitions = {}", plan.partitions)?;
    writeln!(f, "placement = {}", quoted(plan.placement.name()))?;
    writeln!(f, "clock.preset = {}", quoted(plan.clock.preset.name()))?;
    plan.clock.overrides().try_for_each(|(key, value)| writeln!(f, "clock.{key} = {}", value.as_millis()))
}

fn load(f: &mut Formatter<'_>, load: &Load) -> fmt::Result {
    writeln!(f, "\n[load]")?;
    writeln!(f, "arrivals = {}\nrate_per_s = {}", quoted(load.arrivals.name()), load.rate_per_s)?;
    writeln!(f, "mix = {{ quotes = {}, orders = {} }}", load.mix.quotes, load.mix.orders)?;
    let products: Vec<String> = load.products.iter().map(|product| quoted(product)).collect();
    writeln!(f, "accounts = {}\nproducts = [{}]", load.accounts, products.join(", "))?;
    let phases = [
        ("warmup_s", load.warmup),
        ("before_s", load.before),
        ("outage_s", load.outage),
        ("recovery_s", load.recovery),
        ("drain_s", load.drain),
    ];
    phases.into_iter().try_for_each(|(key, value)| writeln!(f, "{key} = {}", seconds(value)))?;
    writeln!(f, "deadline_ms = {}\nin_flight_max = {}", load.deadline.as_millis(), load.in_flight_max)?;
    writeln!(f, "lag_ms_max = {}", load.lag_max.as_millis())
}

fn step(f: &mut Formatter<'_>, step: &Step) -> fmt::Result {
    writeln!(f, "\n[[timeline]]\nat = {}\nfault = {}", quoted(&moment(step.at)), quoted(&step.call.kind))?;
    step.call.args.iter().try_for_each(|(name, value)| writeln!(f, "{name} = {}", argument(value)))
}

fn moment(at: At) -> String {
    match at.offset {
        Duration::ZERO => at.anchor.name().to_owned(),
        offset => format!("{} + {}", at.anchor.name(), exact(offset)),
    }
}

fn argument(value: &ArgValue) -> String {
    match value {
        ArgValue::Integer(number) => number.to_string(),
        ArgValue::Number(number) => number.to_string(),
        ArgValue::Text(text) => quoted(text),
        ArgValue::Integers(numbers) => format!("{numbers:?}"),
    }
}

fn arm(f: &mut Formatter<'_>, arm: &Arm) -> fmt::Result {
    writeln!(f, "\n[arms.{}]\nstrategy = {}", arm.name, quoted(arm.strategy.name()))?;
    if arm.optional {
        writeln!(f, "optional = true")?;
    }
    match &arm.strategy {
        Strategy::Hang => {}
        Strategy::Timeout(plan) => deadline(f, plan.deadline)?,
        Strategy::Breaker(plan) => breaker(f, plan)?,
        Strategy::Degrade(plan) => degrade(f, plan)?,
    }
    arm.client.iter().try_for_each(|(key, value)| writeln!(f, "client.{} = {}", quoted(key), quoted(value)))
}

fn deadline(f: &mut Formatter<'_>, deadline: Option<Duration>) -> fmt::Result {
    deadline.iter().try_for_each(|deadline| writeln!(f, "deadline_ms = {}", deadline.as_millis()))
}

fn breaker(f: &mut Formatter<'_>, plan: &BreakerPlan) -> fmt::Result {
    writeln!(f, "scope = {}", quoted(plan.scope.name()))?;
    deadline(f, plan.deadline)?;
    numbers(f, "breaker", &plan.breaker)
}

fn degrade(f: &mut Formatter<'_>, plan: &DegradePlan) -> fmt::Result {
    writeln!(f, "quote_fallback = {}", quoted(plan.quote_fallback.name()))?;
    writeln!(f, "order_fallback = {}", quoted(plan.order_fallback.name()))?;
    deadline(f, plan.deadline)?;
    numbers(f, "circuit", &plan.circuit)?;
    numbers(f, "layers", &plan.layers)
}

fn numbers(f: &mut Formatter<'_>, table: &str, numbers: &Numbers) -> fmt::Result {
    numbers.iter().try_for_each(|(key, value)| writeln!(f, "{table}.{key} = {value}"))
}

/// A list with one entry per line.
fn lines<T: Display>(f: &mut Formatter<'_>, key: &str, entries: &[T]) -> fmt::Result {
    writeln!(f, "{key} = [")?;
    entries.iter().try_for_each(|entry| writeln!(f, "  {},", quoted(&entry.to_string())))?;
    writeln!(f, "]")
}

/// Seconds to the millisecond; a whole number keeps no point.
fn seconds(duration: Duration) -> f64 {
    duration.as_millis() as f64 / 1e3
}

/// A TOML string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
