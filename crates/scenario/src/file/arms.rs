//! The tables `[arms.*]` and `[expect]`: the designs that are compared, and what is expected of each.

use std::collections::BTreeMap;
use std::time::Duration;

use super::section::{Entry, Section};
use crate::model::{
    Arm, BREAKER, BreakerPlan, BreakerScope, CIRCUIT, DegradePlan, LABELS, LAYERS, Number, Numbers,
    OrderFallback, QuoteFallback, Strategy, TimeoutPlan,
};
use gates::Gate;
use gates::did_you_mean;

/// The most arms of a scenario; each is a whole run.
const ARMS_MAX: usize = 16;
/// The most gates of an arm.
const GATES_MAX: usize = 100;
/// The longest gate.
const GATE_CHARS_MAX: usize = 200;

/// The most settings of librdkafka that an arm changes.
const CLIENT_MAX: usize = 50;
/// The longest key or value of one.
const CLIENT_CHARS_MAX: usize = 200;

/// The strategies by name. Others find their place here and in [`strategy`].
const STRATEGIES: [(&str, Kind); 4] = [
    ("hang", Kind::Hang),
    ("timeout", Kind::Timeout),
    ("breaker", Kind::Breaker),
    ("degrade", Kind::Degrade),
];

#[derive(Debug, Clone, Copy)]
enum Kind {
    Hang,
    Timeout,
    Breaker,
    Degrade,
}

pub(super) fn read(root: &mut Section<'_>) -> Vec<Arm> {
    let section = root.section("arms");
    let tables: Vec<_> = section.entries().collect();
    if tables.is_empty() || tables.len() > ARMS_MAX {
        section.complain(format!("must be 1 to {ARMS_MAX} tables, e.g. [arms.hang]"));
    }
    // An arm that cannot be read keeps its name, so that what is expected of it is still checked.
    let mut arms: Vec<Arm> =
        tables.into_iter().map(|(name, entry)| arm(name, &entry).unwrap_or_else(|| unread(name))).collect();
    if !arms.is_empty() && arms.iter().all(|arm| arm.optional) {
        section.complain("one arm at least must not be optional");
    }
    expectations(&root.section("expect"), &mut arms);
    arms
}

/// An arm that could not be read.
fn unread(name: &str) -> Arm {
    Arm {
        name: name.to_owned(),
        strategy: Strategy::Hang,
        client: BTreeMap::new(),
        optional: false,
        expect: Vec::new(),
    }
}

fn arm(name: &str, entry: &Entry<'_>) -> Option<Arm> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    if name.is_empty() || name.len() > 32 || !name.bytes().all(plain) {
        entry.reject("an arm's name must be 1 to 32 of a-z, 0-9, - and _");
    }
    let mut section = entry.section()?;
    let allowed = "\"hang\", \"timeout\", \"breaker\" or \"degrade\"";
    let kind = section.require("strategy", allowed)?.choice(&STRATEGIES)?;
    let strategy = strategy(&mut section, kind);
    let client = client(&section.section("client"));
    let optional = section.flag("optional");
    section.finish();
    Some(Arm { name: name.to_owned(), strategy, client, optional, expect: Vec::new() })
}

fn strategy(section: &mut Section<'_>, kind: Kind) -> Strategy {
    match kind {
        Kind::Hang => Strategy::Hang,
        Kind::Timeout => Strategy::Timeout(TimeoutPlan { deadline: deadline(section) }),
        Kind::Breaker => Strategy::Breaker(BreakerPlan {
            deadline: deadline(section),
            scope: section.choice("scope", &BreakerScope::NAMES).unwrap_or_default(),
            breaker: numbers(section.section("breaker"), &BREAKER),
        }),
        Kind::Degrade => Strategy::Degrade(DegradePlan {
            quote_fallback: section
                .choice("quote_fallback", &QuoteFallback::NAMES)
                .unwrap_or(QuoteFallback::Http),
            order_fallback: section
                .choice("order_fallback", &OrderFallback::NAMES)
                .unwrap_or(OrderFallback::Reject),
            deadline: deadline(section),
            circuit: numbers(section.section("circuit"), &CIRCUIT),
            layers: numbers(section.section("layers"), &LAYERS),
        }),
    }
}

fn deadline(section: &mut Section<'_>) -> Option<Duration> {
    section.millis("deadline_ms", 10..=60_000)
}

/// Those of `table` that are set.
fn numbers(mut section: Section<'_>, table: &'static [Number]) -> Numbers {
    let set = |number: &Number| {
        let value = section.integer(number.key, number.min.into()..=number.max.into())?;
        Some((number.key, u32::try_from(value).ok()?))
    };
    let numbers = table.iter().filter_map(set).collect();
    section.finish();
    numbers
}

/// Settings of librdkafka, which knows itself what it takes: it is asked before a run begins.
fn client(section: &Section<'_>) -> BTreeMap<String, String> {
    let entries: Vec<_> = section.entries().collect();
    if entries.len() > CLIENT_MAX {
        section.complain(format!("must be at most {CLIENT_MAX} settings"));
    }
    let setting = |(key, entry): (&str, Entry<'_>)| {
        if key.chars().count() > CLIENT_CHARS_MAX {
            entry.reject(format!("a setting's name has at most {CLIENT_CHARS_MAX} characters"));
        }
        Some((key.to_owned(), entry.text(CLIENT_CHARS_MAX)?.to_owned()))
    };
    entries.into_iter().filter_map(setting).collect()
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
