//! The settings in force: what the properties set, the client's defaults for the rest.

use std::collections::BTreeMap;

use super::Dialect;
use super::known::{Table, as_bool, as_number};
use super::properties::{Entry, Properties};
use super::report::{Set, Step};
use crate::settings::Side;

/// Properties as the client understands them.
pub(super) struct View<'a> {
    pub(super) dialect: Dialect,
    pub(super) table: &'static Table,
    /// By the key that all other names stand for; of a key that is set twice, the last counts.
    entries: BTreeMap<&'a str, &'a Entry>,
    pub(super) producer: bool,
    pub(super) consumer: bool,
}

/// A number and where it comes from.
#[derive(Clone, Debug)]
pub(super) struct Value {
    /// As the properties spell it.
    pub(super) key: String,
    pub(super) number: i64,
    pub(super) set: bool,
    pub(super) line: Option<usize>,
}

impl<'a> View<'a> {
    pub(super) fn of(properties: &'a Properties) -> Self {
        let table = Table::of(properties.dialect);
        let entries: BTreeMap<&str, &Entry> =
            properties.entries.iter().map(|entry| (table.canonical(&entry.key), entry)).collect();
        let has = |side| entries.keys().any(|key| table.get(key).is_some_and(|known| known.side == side));
        let (producer, consumer) = (has(Side::Producer), has(Side::Reader));
        // Settings that both sides take say nothing about what the client is for.
        let neither = !producer && !consumer;
        let dialect = properties.dialect;
        Self { dialect, table, entries, producer: producer || neither, consumer: consumer || neither }
    }

    pub(super) fn is(&self, dialect: Dialect) -> bool {
        self.dialect == dialect
    }

    pub(super) fn entry(&self, key: &str) -> Option<&'a Entry> {
        self.entries.get(self.table.canonical(key)).copied()
    }

    /// What is set, as it stands.
    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        self.entry(key).map(|entry| entry.value.as_str())
    }

    /// A number; what is set and none is left to its own finding, and the default counts.
    ///
    /// # Panics
    /// The dialect knows no such number, which is a mistake of the caller.
    pub(super) fn number(&self, key: &str) -> Value {
        let entry = self.entry(key);
        let given = entry.and_then(|entry| as_number(&entry.key, &entry.value));
        let known = self.table.get(self.table.canonical(key)).expect("a key of this dialect");
        let default = known.default.and_then(|text| as_number(known.key, text));
        let number = given.or(default).expect("a key with a number for its default");
        Value {
            key: entry.map_or(key, |entry| &entry.key).to_owned(),
            number: number.ceil() as i64,
            set: given.is_some(),
            line: entry.and_then(|entry| entry.line),
        }
    }

    /// A switch.
    pub(super) fn on(&self, key: &str) -> bool {
        let given = self.text(key).and_then(|text| as_bool(self.dialect, text));
        let default = self.table.get(key).and_then(|known| as_bool(self.dialect, known.default?));
        given.or(default).unwrap_or(false)
    }

    /// How long a record lives in the client. 0 is for ever in librdkafka.
    pub(super) fn expiry(&self) -> Value {
        let given = self.number("delivery.timeout.ms");
        match self.dialect {
            _ if given.set => given,
            Dialect::Librdkafka if self.text("transactional.id").is_some() => {
                self.number("transaction.timeout.ms")
            }
            Dialect::Librdkafka => self.number("message.timeout.ms"),
            // The client raises its default rather than to start with a contradiction.
            Dialect::Java => {
                let least = self.number("linger.ms").number + self.number("request.timeout.ms").number;
                Value { number: given.number.max(least), ..given }
            }
        }
    }

    /// Whether a retry can neither duplicate nor reorder. The Java client gives it up silently when another setting
    /// forbids it, unless it was asked for.
    pub(super) fn idempotent(&self) -> bool {
        match self.dialect {
            Dialect::Librdkafka => self.on("enable.idempotence") || self.text("transactional.id").is_some(),
            Dialect::Java => {
                let possible = self.number("acks").number == -1 && self.number("retries").number > 0;
                self.on("enable.idempotence") && (possible || self.text("enable.idempotence").is_some())
            }
        }
    }

    /// Whether the group is run by the broker (KIP-848).
    pub(super) fn broker_side_group(&self) -> bool {
        self.text("group.protocol").is_some_and(|protocol| protocol.eq_ignore_ascii_case("consumer"))
    }
}

impl Value {
    pub(super) fn step(&self, why: &'static str) -> Step {
        let setting = Some(Set { key: self.key.clone(), default: !self.set });
        Step { setting, ms: u64::try_from(self.number).unwrap_or(0), why }
    }

    /// `key` = value, and whether nobody chose it.
    pub(super) fn shown(&self) -> String {
        let default = if self.set { "" } else { " (default)" };
        format!("`{}` = {}{default}", self.key, self.number)
    }
}
