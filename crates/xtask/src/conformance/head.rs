//! The head of the table: on what, with what and when it was made.

use std::time::{SystemTime, UNIX_EPOCH};

use lab::apache::Kafka;

use super::calibrate::BrokerStart;

/// What a full run was made with, in a line.
#[must_use]
pub fn from(kafka: &Kafka) -> String {
    format!(
        "Apache Kafka {}, librdkafka {}, Java {}, {}, {}",
        kafka.kafka_version,
        rdkafka::util::get_rdkafka_version().1,
        kafka.java_version,
        machine(),
        today()
    )
}

/// The head in Markdown; `from` is the line above, `command` what played Apache Kafka's half.
#[must_use]
pub fn markdown(from: &str, command: &str, broker_start: &BrokerStart) -> String {
    format!(
        "# Conformance: the embedded cluster against Apache Kafka\n\n\
         {from}. Apache Kafka's half was played by `{command}`; the embedded half is that of the tree which this file \
         is in, played against it.\n\n\
         Every story is played on fresh clusters of three brokers, with the same clients, the same faults and the same \
         questions, on both. The clock is Apache Kafka's own. Broker 2 is the one that breaks. Partition `p` of every \
         topic is led by broker `p + 1`: `t` has three replicas and `min.insync.replicas` 2, `pair` two replicas and \
         1, `solo` one. So `t-1`, `pair-1` and `solo-1` are led by the broken broker, `t-0`, `pair-0` and `solo-0` by \
         a healthy one, which the broken broker follows in `t-0` and `pair-0`. E4, the high watermark that stands \
         still, is the part of E1 to E3 and E7 that `t-0` and `pair-0` play.\n\n\
         A cell holds the classes seen, with how often each was if not always, then of the usual class the least, the \
         median and the most. Two cells agree when every class of the embedded cluster was seen on Apache Kafka, the \
         usual class of Apache Kafka was seen on the embedded one, and the embedded median lies inside Apache's \
         spread or within 25 % of its median. They are *close* when the class is the same and the medians, outside of \
         that, are less than 0.5 s apart: the probes look every 0.25 s, a JVM that has just started needs tenths of a \
         second for what it does for the first time, and a model without a disk is meant to be faster (by how much, the \
         benches say). This resolution was chosen after a first comparison had been seen. Every cell that differs is \
         listed with its reason; unless a reason names an experiment or a source, take it for a conjecture.\n\n\
         How long a broker's process takes to start is the machine's doing: the embedded cluster was told how long it took \
         on Apache Kafka in the same story ({broker_start}), and so the return of `solo-1` agrees by design. An amount of \
         `metadata`, `watermarks` and `FindCoordinator` is the time of the first change in the outage, and of the last one \
         while it heals.\n"
    )
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    match model {
        Some((_, model)) => format!("{cores} cores ({})", model.trim()),
        None => format!("{cores} cores"),
    }
}

fn today() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    date(i64::try_from(since.as_secs() / 86_400).unwrap_or_default())
}

/// A day of the Gregorian calendar, counted from 1970-01-01. Source: Hinnant's `civil_from_days`.
fn date(days: i64) -> String {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(20_778), "2026-11-21");
    }
}
