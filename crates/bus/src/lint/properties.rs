//! Client properties: read from a file, or taken from a preset.
//!
//! The grammar is the one of Java's property files, of which librdkafka's `key=value` files are a part: comments start
//! with `#` or `!`, a key ends at `=`, `:` or a blank, a backslash at the end of a line continues it.
//!
//! Invariant: no message of this module or of a finding shows the value of a key whose value may be anything, since it
//! may be a password.

use super::Dialect;
use crate::settings::{Preset, Settings};

/// A file larger than this is no client's configuration.
const BYTES_MAX: usize = 1024 * 1024;

/// What a client is given.
#[derive(Clone)]
pub struct Properties {
    pub(super) dialect: Dialect,
    pub(super) entries: Vec<Entry>,
}

impl std::fmt::Debug for Properties {
    /// Shows keys only: values may be passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keys = self.entries.iter().map(|entry| &entry.key);
        f.debug_struct("Properties")
            .field("dialect", &self.dialect)
            .field("keys", &Vec::from_iter(keys))
            .finish()
    }
}

/// One line, or one logical line that was continued.
#[derive(Clone)]
pub(super) struct Entry {
    /// Counted from 1; `None` when it is of no file.
    pub(super) line: Option<usize>,
    pub(super) key: String,
    pub(super) value: String,
}

/// The file is none that a client could read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFile {
    /// A configuration is not that large.
    #[error("larger than 1 MiB: not a client's configuration")]
    TooLarge,
    /// The line sets nothing.
    #[error("line {line}: `{key}` has no value; a line is KEY=VALUE, or a comment that starts with #")]
    NoValue {
        /// Counted from 1.
        line: usize,
        /// What stands there.
        key: String,
    },
    /// Nothing in it tells the client that it is for.
    #[error("no key tells whether this is for librdkafka or for the Java client: say which with --dialect")]
    WhichDialect,
}

impl Properties {
    /// Reads a file's text. The dialect is recognised by the keys unless it is said.
    ///
    /// # Errors
    /// Names the line to change, or asks for the dialect.
    pub fn parse(text: &str, dialect: Option<Dialect>) -> Result<Self, BadFile> {
        if text.len() > BYTES_MAX {
            return Err(BadFile::TooLarge);
        }
        let entries = entries(text)?;
        let keys = entries.iter().map(|entry| entry.key.as_str());
        let dialect = dialect.or_else(|| Dialect::recognised(keys)).ok_or(BadFile::WhichDialect)?;
        Ok(Self { dialect, entries })
    }

    /// What a preset of this crate hands to librdkafka.
    #[must_use]
    pub fn of_preset(preset: Preset) -> Self {
        Self::of(&Settings::new("", "", preset))
    }

    /// What `settings` hand to librdkafka: the preset, and the overrides on top.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        let overridden = |key: &str| settings.overrides.contains_key(key);
        let preset = settings.preset.lines().iter().filter(|line| !overridden(line.key));
        let preset = preset.map(|line| (line.key.to_owned(), line.value.to_owned()));
        let overrides = settings.overrides.iter().map(|(key, value)| (key.clone(), value.clone()));
        let entries = preset.chain(overrides).map(|(key, value)| Entry { line: None, key, value });
        Self { dialect: Dialect::Librdkafka, entries: entries.collect() }
    }
}

fn entries(text: &str) -> Result<Vec<Entry>, BadFile> {
    let mut entries = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, first)) = lines.next() {
        let mut line = first.trim().to_owned();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        while is_continued(&line) {
            line.pop();
            line.push_str(lines.next().map_or("", |(_, next)| next.trim()));
        }
        entries.push(entry(index + 1, &line)?);
    }
    Ok(entries)
}

/// An even number of backslashes at the end are escaped ones.
fn is_continued(line: &str) -> bool {
    line.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1
}

fn entry(line: usize, text: &str) -> Result<Entry, BadFile> {
    let end = text.find(|c: char| c == '=' || c == ':' || c.is_whitespace());
    let (key, rest) = end.map_or((text, ""), |end| text.split_at(end));
    let rest = rest.trim_start();
    let value = rest.strip_prefix(['=', ':']).unwrap_or(rest).trim();
    if key.is_empty() || end.is_none() {
        return Err(BadFile::NoValue { line, key: key.to_owned() });
    }
    Ok(Entry { line: Some(line), key: key.to_owned(), value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(usize, String, String)> {
        let entries = entries(text).unwrap().into_iter();
        entries.map(|entry| (entry.line.unwrap(), entry.key, entry.value)).collect()
    }

    fn line(line: usize, key: &str, value: &str) -> (usize, String, String) {
        (line, key.into(), value.into())
    }

    #[test]
    fn comments_and_blank_lines_are_passed_over_and_lines_are_counted() {
        let read = read("# a comment\n! another\n\n  linger.ms = 5  \nacks:all\nretries 3\nclient.id=\n");
        let expected = [
            line(4, "linger.ms", "5"),
            line(5, "acks", "all"),
            line(6, "retries", "3"),
            line(7, "client.id", ""),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn a_backslash_at_the_end_continues_a_line() {
        let read = read("bootstrap.servers=a:1,\\\n   b:2\nsasl.password=x\\\\\nacks=1");
        let expected =
            [line(1, "bootstrap.servers", "a:1,b:2"), line(3, "sasl.password", r"x\\"), line(4, "acks", "1")];
        assert_eq!(read, expected);
    }

    #[test]
    fn a_line_that_sets_nothing_is_named() {
        let error = Properties::parse("acks=all\n\nlinger.ms\n", Some(Dialect::Java)).unwrap_err();
        assert_eq!(error, BadFile::NoValue { line: 3, key: "linger.ms".into() });
    }

    #[test]
    fn a_file_that_is_too_large_is_refused() {
        let error = Properties::parse(&"#".repeat(BYTES_MAX + 1), None).unwrap_err();
        assert_eq!(error, BadFile::TooLarge);
    }

    #[test]
    fn the_dialect_is_recognised_by_the_keys() {
        let of = |text| Properties::parse(text, None).map(|properties| properties.dialect);
        assert_eq!(of("acks=all\nmessage.timeout.ms=1000"), Ok(Dialect::Librdkafka));
        assert_eq!(of("acks=all\nmax.block.ms=1000"), Ok(Dialect::Java));
        assert_eq!(of("acks=all\nlinger.ms=1"), Err(BadFile::WhichDialect));
        assert_eq!(of(""), Err(BadFile::WhichDialect));
    }

    #[test]
    fn an_override_stands_in_the_place_of_its_preset_line() {
        let settings = Settings::new("", "", Preset::FailFast).with("linger.ms", "7");
        let of = Properties::of(&settings);
        let linger: Vec<_> = of.entries.iter().filter(|entry| entry.key == "linger.ms").collect();
        assert_eq!(linger.len(), 1);
        assert_eq!(linger[0].value, "7");
    }

    #[test]
    fn debug_output_keeps_values_to_itself() {
        let shown = format!("{:?}", Properties::parse("sasl.password=hunter2", Some(Dialect::Java)));
        assert!(shown.contains("sasl.password") && !shown.contains("hunter2"), "{shown}");
    }
}
