//! Line by line: keys that the client does not know, values that it does not take, lines that do not count.

use std::collections::BTreeMap;

use super::Dialect;
use super::known::Table;
use super::properties::{Entry, Properties};
use super::report::{Finding, Severity};
use super::view::View;

/// What is wrong with single lines.
pub(super) fn findings(properties: &Properties, view: &View<'_>) -> Vec<Finding> {
    let lines = properties.entries.iter().filter_map(|entry| of_line(entry, view));
    lines.chain(doubles(properties, view)).collect()
}

fn of_line(entry: &Entry, view: &View<'_>) -> Option<Finding> {
    let Some(known) = view.table.get(&entry.key) else { return Some(unknown(entry, view)) };
    if let Err(takes) = known.accepts(&entry.value) {
        return Some(Finding {
            severity: Severity::Error,
            rule: "bad-value",
            line: entry.line,
            what: format!("`{}` does not take `{}`", entry.key, entry.value),
            why: "the client refuses to start with it".into(),
            change: format!("{}: {takes}", entry.key),
        });
    }
    (known.meaning == Some("deprecated")).then(|| Finding {
        severity: Severity::Note,
        rule: "deprecated",
        line: entry.line,
        what: format!("`{}` is deprecated", entry.key),
        why: format!("{} ignores it, or soon will", view.dialect),
        change: "remove the line".into(),
    })
}

fn unknown(entry: &Entry, view: &View<'_>) -> Finding {
    let key = &entry.key;
    let nearest = view.table.nearest(key);
    let foreign = Table::of(view.dialect.other()).get(key).is_some();
    // The Java client hands keys that it does not know to serializers and interceptors: no harm, unless one was
    // meant to be something else.
    let severity = match view.dialect {
        Dialect::Java if nearest.is_none() && !foreign => Severity::Note,
        _ => Severity::Error,
    };
    let what = match foreign {
        true => format!("`{key}` is a key of {}, not of {}", view.dialect.other(), view.dialect),
        false => format!("{} knows no `{key}`", view.dialect),
    };
    let why = match view.dialect {
        Dialect::Librdkafka => "librdkafka refuses to start with it",
        Dialect::Java => "the Java client starts all the same and does not do what the line asks for",
    };
    let change = match (counterpart(key), nearest) {
        (Some(instead), _) if foreign => instead.to_owned(),
        (_, Some(nearest)) => format!("did you mean `{nearest}`?"),
        _ => "remove the line, or look it up in the client's reference".into(),
    };
    Finding { severity, rule: "unknown-key", line: entry.line, what, why: why.into(), change }
}

/// Keys of one client, and what they are in the other.
fn counterpart(key: &str) -> Option<&'static str> {
    Some(match key {
        "message.timeout.ms" => "the Java client calls it `delivery.timeout.ms`",
        "socket.timeout.ms" => "the Java client calls it `request.timeout.ms`",
        "queue.buffering.max.ms" => "the Java client calls it `linger.ms`",
        "queue.buffering.max.kbytes" | "queue.buffering.max.messages" => {
            "the Java client bounds its queue by `buffer.memory`, and blocks for `max.block.ms` when it is full"
        }
        "topic.metadata.refresh.interval.ms" => "the Java client calls it `metadata.max.age.ms`",
        "request.required.acks" => "the Java client calls it `acks`",
        "fetch.wait.max.ms" => "the Java client calls it `fetch.max.wait.ms`",
        "max.block.ms" => "librdkafka never blocks in a send: remove the line",
        "buffer.memory" => "librdkafka calls it `queue.buffering.max.kbytes`",
        "default.api.timeout.ms" => {
            "librdkafka takes the timeout as an argument of each call: remove the line"
        }
        "fetch.max.wait.ms" => "librdkafka calls it `fetch.wait.max.ms`",
        "max.poll.records" => "librdkafka hands out single records: remove the line",
        "socket.connection.setup.timeout.max.ms" => {
            "librdkafka has `socket.connection.setup.timeout.ms` alone"
        }
        _ => return None,
    })
}

/// A key that is set twice, under whatever names.
fn doubles(properties: &Properties, view: &View<'_>) -> Vec<Finding> {
    let mut first: BTreeMap<&str, &Entry> = BTreeMap::new();
    let mut found = Vec::new();
    for entry in &properties.entries {
        let Some(earlier) = first.insert(view.table.canonical(&entry.key), entry) else { continue };
        found.push(Finding {
            severity: Severity::Warning,
            rule: "set-twice",
            line: entry.line,
            what: format!("`{}` was set before, as `{}`", entry.key, earlier.key),
            why: "the last line counts, which is easily not the one that somebody reads".into(),
            change: "keep one of the lines".into(),
        });
    }
    found
}
