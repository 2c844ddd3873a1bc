//! HdrHistogram interval logs, version 1.3, with V2 compressed histograms: what the existing Java and Python tools read.
//!
//! Values are microseconds. The column of the interval's maximum is in milliseconds, as those tools write it; tell them
//! the ratio (`-outputValueUnitRatio 1000` gives milliseconds). Times are offsets from the log's base time.

use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{
    IntervalLogWriter, IntervalLogWriterBuilder, IntervalLogWriterError, Tag,
};

use crate::Latencies;

/// Microseconds in a millisecond.
const US_PER_MS: f64 = 1000.0;

/// A log that is being written.
pub struct IntervalLog<'a, 'b, W: Write> {
    log: IntervalLogWriter<'a, 'b, W, V2DeflateSerializer>,
}

impl<W: Write> std::fmt::Debug for IntervalLog<'_, '_, W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IntervalLog").finish_non_exhaustive()
    }
}

/// Writes a whole log: its head, and what `fill` adds.
///
/// # Errors
/// Those of `out`, and those of `fill`.
pub fn write_interval_log<W: Write>(
    out: &mut W,
    base_time: SystemTime,
    comments: &[String],
    fill: impl FnOnce(&mut IntervalLog<'_, '_, W>) -> io::Result<()>,
) -> io::Result<()> {
    let mut head = IntervalLogWriterBuilder::new();
    head.add_comment("[Histogram log format version 1.3]");
    comments.iter().for_each(|line| {
        head.add_comment(line);
    });
    head.with_start_time(base_time).with_base_time(base_time).with_max_value_divisor(US_PER_MS);
    let mut serializer = V2DeflateSerializer::new();
    fill(&mut IntervalLog { log: head.begin_log_with(out, &mut serializer)? })
}

impl<W: Write> IntervalLog<'_, '_, W> {
    /// Adds the durations of one interval under `tag`, which has no blanks and no commas.
    ///
    /// # Errors
    /// The log cannot be written, or the tag is none.
    pub fn add(
        &mut self,
        tag: &str,
        start: Duration,
        length: Duration,
        latencies: &Latencies,
    ) -> io::Result<()> {
        let tag = Tag::new(tag).ok_or_else(|| io::Error::other(format!("`{tag}` cannot be a tag")))?;
        let written = self.log.write_histogram(latencies.histogram(), start, length, Some(tag));
        written.map_err(|error| match error {
            IntervalLogWriterError::IoError(error) => error,
            IntervalLogWriterError::SerializeError(error) => io::Error::other(error),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_with_a_blank_is_refused() {
        let second = Duration::from_secs(1);
        let refused = write_interval_log(&mut Vec::new(), SystemTime::UNIX_EPOCH, &[], |log| {
            log.add("not a tag", second, second, &Latencies::new())
        });
        assert_eq!(refused.unwrap_err().to_string(), "`not a tag` cannot be a tag");
    }
}
