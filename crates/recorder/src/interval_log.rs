//! HdrHistogram interval logs, version 1.3, with V2 compressed histograms: what the existing Java and Python tools read.
//!
//! Values are microseconds. The column of the interval's maximum is in milliseconds, as those tools write it; tell them
//! the ratio (`-outputValueUnitRatio 1000` gives milliseconds). Times are offsets from the log's base time.

use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use hdrhistogram::serialization::{Serializer as _, V2DeflateSerializer};

use crate::Latencies;

/// Microseconds in a millisecond.
const US_PER_MS: f64 = 1000.0;

/// A log that is being written, interval by interval.
pub struct IntervalLog<W: Write> {
    out: W,
    serializer: V2DeflateSerializer,
    packed: Vec<u8>,
    line: String,
}

impl<W: Write> std::fmt::Debug for IntervalLog<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IntervalLog").finish_non_exhaustive()
    }
}

impl<W: Write> IntervalLog<W> {
    /// Writes the head of a log.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn begin(mut out: W, base_time: SystemTime, comments: &[String]) -> io::Result<Self> {
        let mut head = IntervalLogWriterBuilder::new();
        head.add_comment("[Histogram log format version 1.3]");
        comments.iter().for_each(|line| {
            head.add_comment(line);
        });
        head.with_start_time(base_time).with_base_time(base_time).with_max_value_divisor(US_PER_MS);
        let mut serializer = V2DeflateSerializer::new();
        // Its writer borrows both for as long as it writes intervals, so only the head is its.
        drop(head.begin_log_with(&mut out, &mut serializer)?);
        Ok(Self { out, serializer, packed: Vec::new(), line: String::new() })
    }

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
        let histogram = latencies.histogram();
        self.packed.clear();
        self.serializer.serialize(histogram, &mut self.packed).map_err(io::Error::other)?;
        self.line.clear();
        STANDARD.encode_string(&self.packed, &mut self.line);
        let (start, length) = (start.as_secs_f64(), length.as_secs_f64());
        let max = histogram.max() as f64 / US_PER_MS;
        writeln!(self.out, "Tag={},{start:.3},{length:.3},{max:.3},{}", tag.as_str(), self.line)
    }

    /// What it was written to.
    pub fn into_inner(self) -> W {
        self.out
    }
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;

    #[test]
    fn what_is_written_is_read_back_the_same() {
        let mut latencies = Latencies::new();
        (1..=1000).for_each(|us| latencies.record(Duration::from_micros(us * 37)));
        let second = Duration::from_secs(1);
        let comments = ["a test".to_owned()];
        let mut log = IntervalLog::begin(Vec::new(), SystemTime::UNIX_EPOCH, &comments).unwrap();
        log.add("ok.before", second, second, &latencies).unwrap();
        let text = log.into_inner();
        let entries: Vec<_> = IntervalLogIterator::new(&text).map(Result::unwrap).collect();
        let Some(LogEntry::Interval(interval)) = entries.last() else { panic!("an interval is last") };
        assert_eq!(interval.tag().unwrap().as_str(), "ok.before");
        assert_eq!((interval.start_timestamp(), interval.duration()), (second, second));
        let packed = STANDARD.decode(interval.encoded_histogram()).unwrap();
        let read = Deserializer::new().deserialize::<u64, _>(&mut &packed[..]).unwrap();
        assert_eq!(&read, latencies.histogram());
    }

    #[test]
    fn a_tag_with_a_blank_is_refused() {
        let second = Duration::from_secs(1);
        let mut log = IntervalLog::begin(Vec::new(), SystemTime::UNIX_EPOCH, &[]).unwrap();
        let refused = log.add("not a tag", second, second, &Latencies::new());
        assert_eq!(refused.unwrap_err().to_string(), "`not a tag` cannot be a tag");
    }
}
