//! Interval logs read back: the counterpart of [`crate::IntervalLog`], for reports that are drawn from files.
//!
//! Of a histogram what was recorded is kept, by value, and not its whole range: a run has thousands of them. Values are
//! those that percentiles are told in: the upper end of what the histogram's precision cannot tell apart.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogHistogram, IntervalLogIterator, LogEntry};

/// One histogram of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedInterval {
    /// What it is of; empty without one.
    pub tag: String,
    /// From the log's base time.
    pub start: Duration,
    /// How long the interval is.
    pub length: Duration,
    /// Microseconds and how many had them, in rising order; none twice, and no count is 0.
    pub counts: Vec<(u64, u64)>,
}

/// A text that is no interval log, or one that was damaged; it cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("interval {interval}: {reason}")]
pub struct LogError {
    /// Which interval, from 1.
    pub interval: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// The intervals of a log, in its order.
pub fn read_interval_log(text: &[u8]) -> impl Iterator<Item = Result<LoggedInterval, LogError>> + '_ {
    let mut unpack = Deserializer::new();
    let entries = IntervalLogIterator::new(text).filter_map(|entry| match entry {
        Ok(LogEntry::Interval(interval)) => Some(Ok(interval)),
        Ok(_) => None,
        Err(error) => Some(Err(format!("{error:?}"))),
    });
    entries.enumerate().map(move |(index, entry)| {
        let read = entry.and_then(|interval| unpacked(&mut unpack, &interval));
        read.map_err(|reason| LogError { interval: index + 1, reason })
    })
}

fn unpacked(
    unpack: &mut Deserializer,
    interval: &IntervalLogHistogram<'_>,
) -> Result<LoggedInterval, String> {
    let packed = STANDARD.decode(interval.encoded_histogram()).map_err(|error| error.to_string())?;
    let histogram: Histogram<u64> =
        unpack.deserialize(&mut &packed[..]).map_err(|error| error.to_string())?;
    let counts = histogram.iter_recorded().map(|it| (it.value_iterated_to(), it.count_at_value()));
    Ok(LoggedInterval {
        tag: interval.tag().map_or_else(String::new, |tag| tag.as_str().to_owned()),
        start: interval.start_timestamp(),
        length: interval.duration(),
        counts: counts.collect(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::{IntervalLog, Latencies};

    const SECOND: Duration = Duration::from_secs(1);

    fn written(latencies: &Latencies) -> Vec<u8> {
        let comments = ["a test".to_owned()];
        let mut log = IntervalLog::begin(Vec::new(), SystemTime::UNIX_EPOCH, &comments).unwrap();
        log.add("ok.before", SECOND, SECOND, latencies).unwrap();
        log.into_inner()
    }

    #[test]
    fn what_is_written_is_read_back_the_same() {
        let mut latencies = Latencies::new();
        (1..=1000).for_each(|us| latencies.record(Duration::from_micros(us * 37)));
        let text = written(&latencies);
        let read: Vec<LoggedInterval> = read_interval_log(&text).map(Result::unwrap).collect();
        let recorded = latencies.histogram().iter_recorded();
        let counts = recorded.map(|it| (it.value_iterated_to(), it.count_at_value())).collect();
        let (tag, start, length) = ("ok.before".to_owned(), SECOND, SECOND);
        assert_eq!(read, [LoggedInterval { tag, start, length, counts }]);
        assert_eq!(read[0].counts.iter().map(|(_, count)| count).sum::<u64>(), 1000);
    }

    #[test]
    fn the_slowest_and_the_fastest_are_told_as_percentiles_tell_them() {
        let mut latencies = Latencies::new();
        [3, 123_456, 9_876_543].into_iter().for_each(|us| latencies.record(Duration::from_micros(us)));
        let text = written(&latencies);
        let read = read_interval_log(&text).next().unwrap().unwrap();
        let us = |quantile| u64::try_from(latencies.quantile(quantile).as_micros()).unwrap();
        assert_eq!(read.counts, [(us(0.0), 1), (us(0.5), 1), (us(1.0), 1)]);
    }

    #[test]
    fn a_damaged_log_says_where() {
        let text = String::from_utf8(written(&Latencies::new())).unwrap();
        let damaged = text.replace("HIST", "!!!!");
        let error = read_interval_log(damaged.as_bytes()).find_map(Result::err).unwrap();
        assert_eq!(error.interval, 1);
        let cut = &text.as_bytes()[..text.len() - 9];
        assert!(read_interval_log(cut).any(|read| read.is_err()));
    }
}
