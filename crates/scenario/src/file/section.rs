//! Reading one table of a scenario file, key by key.
//!
//! A getter notes what is wrong and answers `None`, so that the reader goes on and all problems are found. Whatever
//! was not asked for by [`Section::finish`] is an unknown key.

use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Source;
use gates::did_you_mean;

/// One table of the file.
#[derive(Debug)]
pub(crate) struct Section<'s> {
    source: &'s Source<'s>,
    path: String,
    offset: usize,
    table: Option<&'s DeTable<'s>>,
    asked: Vec<&'static str>,
}

/// One value of the file with its place.
#[derive(Debug, Clone)]
pub(crate) struct Entry<'s> {
    source: &'s Source<'s>,
    pub(crate) path: String,
    key_offset: usize,
    value: &'s Spanned<DeValue<'s>>,
}

impl<'s> Section<'s> {
    pub(crate) fn root(source: &'s Source<'s>, table: &'s DeTable<'s>) -> Self {
        Self { source, path: String::new(), offset: 0, table: Some(table), asked: Vec::new() }
    }

    /// The value of `key`, if it is there.
    pub(crate) fn get(&mut self, key: &'static str) -> Option<Entry<'s>> {
        self.asked.push(key);
        self.entries().find(|(name, _)| *name == key).map(|(_, entry)| entry)
    }

    /// The value of `key`; a problem if it is not there.
    pub(crate) fn require(&mut self, key: &'static str, allowed: &str) -> Option<Entry<'s>> {
        let found = self.get(key);
        if found.is_none() {
            self.source.report(self.offset, &self.path_of(key), None, format!("is missing: {allowed}"));
        }
        found
    }

    /// The table at `key`; an empty one if it is not there, so that its defaults are used.
    pub(crate) fn section(&mut self, key: &'static str) -> Self {
        let empty = Self {
            source: self.source,
            path: self.path_of(key),
            offset: self.offset,
            table: None,
            asked: Vec::new(),
        };
        self.get(key).and_then(|entry| entry.section()).unwrap_or(empty)
    }

    pub(crate) fn integer(&mut self, key: &'static str, allowed: RangeInclusive<i64>) -> Option<i64> {
        self.get(key)?.integer(allowed)
    }

    pub(crate) fn number(&mut self, key: &'static str, allowed: RangeInclusive<f64>) -> Option<f64> {
        self.get(key)?.number(allowed)
    }

    /// A whole number of milliseconds.
    pub(crate) fn millis(&mut self, key: &'static str, allowed: RangeInclusive<i64>) -> Option<Duration> {
        let ms = self.integer(key, allowed)?;
        Some(Duration::from_millis(ms.unsigned_abs()))
    }

    /// A number of seconds, to the millisecond.
    pub(crate) fn seconds(&mut self, key: &'static str, allowed: RangeInclusive<f64>) -> Option<Duration> {
        self.number(key, allowed).map(whole_millis)
    }

    pub(crate) fn choice<T: Copy>(&mut self, key: &'static str, allowed: &[(&str, T)]) -> Option<T> {
        self.get(key)?.choice(allowed)
    }

    /// Whether `key` is true; a problem if it is neither true nor false.
    pub(crate) fn flag(&mut self, key: &'static str) -> bool {
        let Some(entry) = self.get(key) else { return false };
        let found = entry.value.get_ref().as_bool();
        if found.is_none() {
            entry.reject("must be true or false");
        }
        found.unwrap_or(false)
    }

    /// All keys with their values in the order of the file.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'s str, Entry<'s>)> + use<'s> {
        let (source, path) = (self.source, self.path.clone());
        let mut all: Vec<_> = self.table.into_iter().flat_map(|table| table.iter()).collect();
        all.sort_by_key(|(key, _)| key.span().start);
        all.into_iter().map(move |(key, value)| {
            let name: &'s str = key.get_ref();
            let path = join(&path, name);
            (name, Entry { source, path, key_offset: key.span().start, value })
        })
    }

    /// Notes that the value of `key` does not go together with something else.
    pub(crate) fn reject(&self, key: &'static str, message: impl Into<String>) {
        match self.entries().find(|(name, _)| *name == key) {
            Some((_, entry)) => entry.reject(message),
            None => self.source.report(self.offset, &self.path_of(key), None, message),
        }
    }

    /// Notes that something is wrong with the table as a whole.
    pub(crate) fn complain(&self, message: impl Into<String>) {
        self.source.report(self.offset, &self.path, None, message);
    }

    /// Notes every key that nobody asked for.
    pub(crate) fn finish(self) {
        for (name, entry) in self.entries().filter(|(name, _)| !self.asked.contains(name)) {
            let hint = did_you_mean(name, self.asked.iter().copied());
            let allowed = self.asked.join(", ");
            let message = format!("unknown key{hint} (allowed: {allowed})");
            entry.source.report(entry.key_offset, &entry.path, entry.shown(), message);
        }
    }

    fn path_of(&self, key: &str) -> String {
        join(&self.path, key)
    }
}

impl<'s> Entry<'s> {
    /// Notes that this value will not do.
    pub(crate) fn reject(&self, message: impl Into<String>) {
        self.source.report(self.value.span().start, &self.path, self.shown(), message);
    }

    /// As [`Entry::reject`], but at a byte inside of this string, if it is written without escapes.
    pub(crate) fn reject_at(&self, inside: usize, message: impl Into<String>) {
        let Range { start, end } = self.value.span();
        let plain = self.value.get_ref().as_str().is_some_and(|text| text.len() + 2 == end - start);
        let offset = if plain { start + 1 + inside } else { start };
        self.source.report(offset, &self.path, self.shown(), message);
    }

    /// The value for a message. A table has none: its header would only repeat its key.
    fn shown(&self) -> Option<String> {
        (!self.value.get_ref().is_table()).then(|| self.source.excerpt(self.value.span()))
    }

    pub(crate) fn integer(&self, allowed: RangeInclusive<i64>) -> Option<i64> {
        let parsed = match self.value.get_ref() {
            DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix()).ok(),
            _ => None,
        };
        let found = parsed.filter(|number| allowed.contains(number));
        if found.is_none() {
            self.reject(format!("must be a whole number from {} to {}", allowed.start(), allowed.end()));
        }
        found
    }

    pub(crate) fn number(&self, allowed: RangeInclusive<f64>) -> Option<f64> {
        let parsed = match self.value.get_ref() {
            DeValue::Integer(_) => self.source.raw(self.value.span()).replace('_', "").parse().ok(),
            DeValue::Float(digits) => digits.as_str().parse().ok(),
            _ => None,
        };
        let found = parsed.filter(|number| allowed.contains(number));
        if found.is_none() {
            self.reject(format!("must be a number from {} to {}", allowed.start(), allowed.end()));
        }
        found
    }

    /// A text of 1 to `chars_max` characters.
    pub(crate) fn text(&self, chars_max: usize) -> Option<&'s str> {
        let found =
            self.value.get_ref().as_str().filter(|text| (1..=chars_max).contains(&text.chars().count()));
        if found.is_none() {
            self.reject(format!("must be a text of 1 to {chars_max} characters in quotes"));
        }
        found
    }

    pub(crate) fn choice<T: Copy>(&self, allowed: &[(&str, T)]) -> Option<T> {
        let given = self.value.get_ref().as_str();
        let found = allowed.iter().find(|(name, _)| Some(*name) == given);
        if found.is_none() {
            let names = || allowed.iter().map(|(name, _)| *name);
            let hint = did_you_mean(given.unwrap_or_default(), names());
            let list = names().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
            self.reject(format!("must be one of {list}{hint}"));
        }
        found.map(|(_, value)| *value)
    }

    /// The entries of a list of at most `len_max`.
    pub(crate) fn items(&self, len_max: usize) -> Option<Vec<Self>> {
        let found = self.value.get_ref().as_array().filter(|items| items.len() <= len_max);
        if found.is_none() {
            self.reject(format!("must be a list of at most {len_max}"));
        }
        let item = |(index, value): (usize, &'s Spanned<DeValue<'s>>)| Self {
            source: self.source,
            path: format!("{}[{index}]", self.path),
            key_offset: value.span().start,
            value,
        };
        found.map(|items| items.iter().enumerate().map(item).collect())
    }

    pub(crate) fn section(&self) -> Option<Section<'s>> {
        let found = self.value.get_ref().as_table();
        if found.is_none() {
            self.reject("must be a table");
        }
        let offset = self.value.span().start;
        found.map(|table| Section {
            source: self.source,
            path: self.path.clone(),
            offset,
            table: Some(table),
            asked: Vec::new(),
        })
    }

    /// Whether this is a text.
    pub(crate) fn is_text(&self) -> bool {
        self.value.get_ref().is_str()
    }
}

/// Seconds as a duration, rounded to the millisecond, so that what is printed is read back the same.
fn whole_millis(seconds: f64) -> Duration {
    Duration::from_millis((seconds * 1000.0).round() as u64)
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
