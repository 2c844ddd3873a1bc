//! The tables `[arms.*]` and `[expect]`: the designs that are compared, and what is expected of each.

use super::section::{Entry, Section};
use crate::model::{Arm, CircuitPlan, DegradePlan, LABELS, OrderFallback, QuoteFallback, Strategy};
use gates::Gate;
use gates::did_you_mean;

/// The most arms of a scenario; each is a whole run.
const ARMS_MAX: usize = 16;
/// The most gates of an arm.
const GATES_MAX: usize = 100;
/// The longest gate.
const GATE_CHARS_MAX: usize = 200;

/// The strategies by name. Others find their place here and in [`strategy`].
const STRATEGIES: [(&str, Kind); 2] = [("hang", Kind::Hang), ("degrade", Kind::Degrade)];

#[derive(Debug, Clone, Copy)]
enum Kind {
    Hang,
    Degrade,
}

pub(super) fn read(root: &mut Section<'_>) -> Vec<Arm> {
    let section = root.section("arms");
    let tables: Vec<_> = section.entries().collect();
    if tables.is_empty() || tables.len() > ARMS_MAX {
        section.complain(format!("must be 1 to {ARMS_MAX} tables, e.g. [arms.hang]"));
    }
    // An arm that cannot be read keeps its name, so that what is expected of it is still checked.
    let mut arms: Vec<Arm> = tables
        .into_iter()
        .map(|(name, entry)| {
            let strategy = arm(name, &entry).unwrap_or(Strategy::Hang);
            Arm { name: name.to_owned(), strategy, expect: Vec::new() }
        })
        .collect();
    expectations(&root.section("expect"), &mut arms);
    arms
}

fn arm(name: &str, entry: &Entry<'_>) -> Option<Strategy> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    if name.is_empty() || name.len() > 32 || !name.bytes().all(plain) {
        entry.reject("an arm's name must be 1 to 32 of a-z, 0-9, - and _");
    }
    let mut section = entry.section()?;
    let kind = section.require("strategy", "\"hang\" or \"degrade\"")?.choice(&STRATEGIES)?;
    Some(strategy(section, kind))
}

fn strategy(mut section: Section<'_>, kind: Kind) -> Strategy {
    let strategy = match kind {
        Kind::Hang => Strategy::Hang,
        Kind::Degrade => Strategy::Degrade(DegradePlan {
            quote_fallback: section
                .choice("quote_fallback", &QuoteFallback::NAMES)
                .unwrap_or(QuoteFallback::Http),
            order_fallback: section
                .choice("order_fallback", &OrderFallback::NAMES)
                .unwrap_or(OrderFallback::Reject),
            deadline: section.millis("deadline_ms", 10..=60_000),
            circuit: circuit(section.section("circuit")),
        }),
    };
    section.finish();
    strategy
}

/// The bounds are those of the circuit's own settings, where one does not depend on another.
fn circuit(mut section: Section<'_>) -> CircuitPlan {
    let plan = CircuitPlan {
        slo: section.millis("slo_ms", 100..=60_000),
        age_floor: section.millis("age_floor_ms", 10..=30_000),
        heartbeat_period: section.millis("heartbeat_period_ms", 20..=10_000),
        close_timeout: section.millis("close_timeout_ms", 20..=30_000),
        probe_period: section.millis("probe_period_ms", 10..=10_000),
        probe_deadline: section.millis("probe_deadline_ms", 10..=30_000),
        dwell_min: section.millis("dwell_min_ms", 10..=600_000),
        dwell_max: section.millis("dwell_max_ms", 10..=600_000),
        probes_to_close: section.integer("probes_to_close", 1..=100).and_then(|it| it.try_into().ok()),
    };
    section.finish();
    plan
}

fn expectations(section: &Section<'_>, arms: &mut [Arm]) {
    for (name, entry) in section.entries() {
        let gates = entry.items(GATES_MAX).unwrap_or_default();
        let gates: Vec<Gate> = gates.iter().filter_map(gate).collect();
        match arms.iter_mut().find(|arm| arm.name == name) {
            Some(arm) => arm.expect = gates,
            None => {
                let names = || arms.iter().map(|arm| arm.name.as_str());
                let list = names().collect::<Vec<_>>().join(", ");
                entry.reject(format!("there is no such arm{} (arms: {list})", did_you_mean(name, names())));
            }
        }
    }
}

fn gate(entry: &Entry<'_>) -> Option<Gate> {
    let text = entry.text(GATE_CHARS_MAX)?;
    let gate = match text.parse::<Gate>() {
        Ok(gate) => gate,
        Err(error) => {
            entry.reject_at(error.offset, error.summary());
            return None;
        }
    };
    let label = gate.selector().and_then(|of| of.label.as_deref()).filter(|label| !LABELS.contains(label));
    if let Some(label) = label {
        let hint = did_you_mean(label, LABELS);
        let at = text.find(label).unwrap_or_default();
        entry.reject_at(
            at,
            format!("no request has the label `{label}`{hint} (allowed: {})", LABELS.join(", ")),
        );
        return None;
    }
    Some(gate)
}
