//! What each client takes: one data file per dialect, with every key's default, range, unit and meaning.
//!
//! Sources: librdkafka's CONFIGURATION.md (2.12.1) and the producer and consumer configuration reference of Apache
//! Kafka 4.3.0, from which the files were made. The defaults of the first are tested against the linked library.

use std::sync::LazyLock;

use super::Dialect;
use crate::settings::Side;

const LIBRDKAFKA: &str = include_str!("librdkafka.tsv");
const JAVA: &str = include_str!("java.tsv");

/// One key that a client takes.
#[derive(Debug)]
pub(super) struct Known {
    dialect: Dialect,
    pub(super) key: &'static str,
    /// The key that this one is another name of.
    alias_of: Option<&'static str>,
    pub(super) side: Side,
    kind: Kind,
    pub(super) default: Option<&'static str>,
    range: Range,
    unit: Option<&'static str>,
    /// What it has to do with waiting, if anything; or that it is deprecated.
    pub(super) meaning: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Int,
    Float,
    Bool,
    Enum,
    /// Anything, as far as this table goes.
    Text,
}

#[derive(Debug)]
enum Range {
    Any,
    Numbers { least: f64, most: f64, text: &'static str },
    Words(Vec<&'static str>),
}

/// All keys of a dialect.
#[derive(Debug)]
pub(super) struct Table(Vec<Known>);

impl Table {
    pub(super) fn of(dialect: Dialect) -> &'static Self {
        static TABLES: LazyLock<[Table; 2]> = LazyLock::new(|| {
            [Table::read(Dialect::Librdkafka, LIBRDKAFKA), Table::read(Dialect::Java, JAVA)]
        });
        match dialect {
            Dialect::Librdkafka => &TABLES[0],
            Dialect::Java => &TABLES[1],
        }
    }

    fn read(dialect: Dialect, file: &'static str) -> Self {
        let lines = file.lines().filter(|line| !line.starts_with('#'));
        Self(lines.map(|line| Known::read(dialect, line)).collect())
    }

    pub(super) fn get(&self, key: &str) -> Option<&Known> {
        self.0.iter().find(|known| known.key == key)
    }

    /// What `key` is another name of, or `key` itself.
    pub(super) fn canonical<'k>(&self, key: &'k str) -> &'k str {
        self.get(key).and_then(|known| known.alias_of).unwrap_or(key)
    }

    /// The known key that `key` was most likely meant to be.
    pub(super) fn nearest(&self, key: &str) -> Option<&'static str> {
        // Two slips of the keyboard, or a sixth of a long key.
        let allowed = (key.len() / 6).max(2);
        let near = self.0.iter().map(|known| (strsim::damerau_levenshtein(key, known.key), known.key));
        near.filter(|(distance, _)| *distance <= allowed).min().map(|(_, known)| known)
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Known> {
        self.0.iter()
    }
}

impl Known {
    /// # Panics
    /// The data file has a line that is none; a test reads both files.
    fn read(dialect: Dialect, line: &'static str) -> Self {
        let columns: Vec<Option<&str>> = line.split('\t').map(|text| (text != "-").then_some(text)).collect();
        let &[key, alias_of, side, kind, default, range, unit, meaning] = columns.as_slice() else {
            panic!("not eight columns: {line}")
        };
        let key = key.expect("a key");
        let side = match side {
            Some("P") => Side::Producer,
            Some("C") => Side::Reader,
            _ => Side::Both,
        };
        let kind = match kind {
            Some("int") => Kind::Int,
            Some("float") => Kind::Float,
            Some("bool") => Kind::Bool,
            Some("enum") => Kind::Enum,
            _ => Kind::Text,
        };
        Self { dialect, key, alias_of, side, kind, default, range: Range::read(kind, range), unit, meaning }
    }

    /// Why the client does not take `value`, if it does not.
    ///
    /// # Errors
    /// What it takes instead.
    pub(super) fn accepts(&self, value: &str) -> Result<(), String> {
        match self.kind {
            Kind::Bool if as_bool(self.dialect, value).is_none() => Err("`true` or `false`".into()),
            Kind::Int | Kind::Float => self.accepts_number(value),
            _ => match &self.range {
                Range::Words(words) if !words.iter().any(|word| word.eq_ignore_ascii_case(value)) => {
                    Err(format!("one of {}", words.join(", ")))
                }
                _ => Ok(()),
            },
        }
    }

    fn accepts_number(&self, value: &str) -> Result<(), String> {
        let unit = self.unit.map(|unit| format!(" ({unit})")).unwrap_or_default();
        let kind = if self.kind == Kind::Int { "a whole number" } else { "a number" };
        let whole = self.kind == Kind::Float || value.parse::<i64>().is_ok();
        match (as_number(self.key, value).filter(|_| whole || is_acks(self.key)), &self.range) {
            (None, _) => Err(format!("{kind}{unit}")),
            (Some(number), Range::Numbers { least, most, text }) if number < *least || number > *most => {
                Err(format!("{kind}{unit} in {text}"))
            }
            _ => Ok(()),
        }
    }
}

impl Range {
    fn read(kind: Kind, text: Option<&'static str>) -> Self {
        let Some(text) = text else { return Self::Any };
        match (kind, text.split_once("..")) {
            (Kind::Enum, _) => Self::Words(text.split(',').collect()),
            (_, Some((least, most))) => Self::Numbers {
                least: least.parse().expect("the least of a range"),
                most: if most.is_empty() {
                    f64::INFINITY
                } else {
                    most.parse().expect("the most of a range")
                },
                text,
            },
            _ => Self::Any,
        }
    }
}

fn is_acks(key: &str) -> bool {
    key == "acks" || key == "request.required.acks"
}

/// Both clients spell acks=-1 as `all` too.
pub(super) fn as_number(key: &str, value: &str) -> Option<f64> {
    if is_acks(key) && value.eq_ignore_ascii_case("all") {
        return Some(-1.0);
    }
    value.parse().ok().filter(|number: &f64| number.is_finite())
}

/// librdkafka takes more words than Java.
pub(super) fn as_bool(dialect: Dialect, value: &str) -> Option<bool> {
    match (dialect, value.to_ascii_lowercase().as_str()) {
        (_, "true") | (Dialect::Librdkafka, "t" | "1") => Some(true),
        (_, "false") | (Dialect::Librdkafka, "f" | "0") => Some(false),
        _ => None,
    }
}
