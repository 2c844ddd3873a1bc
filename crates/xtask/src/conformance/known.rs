//! The disagreements of stories that have a reason. They are counted as disagreements all the same.
//!
//! The reasons were written after the disagreement had been seen; those that were traced name a log, a function or an
//! experiment. A cell that is named here is not watched by the exit code any more.

use crate::protocol;

/// Cells that disagree for one reason.
struct Known {
    stories: &'static [&'static str],
    /// How they begin, and what else is in their name.
    cells: &'static [(&'static str, &'static str)],
    reason: &'static str,
}

const ALL: &[&str] = &["E0", "E1", "E2", "E3", "E5", "E6", "E7", "E8", "E9"];

/// The first that fits counts.
const REASONS: &[Known] = &[
    Known {
        stories: ALL,
        cells: &[("metrics in", "LeaderCount"), ("metrics in the outage", "UnderReplicatedPartitions")],
        reason: "where the topic of `CreateTopics` lies is drawn, on both",
    },
    Known {
        stories: ALL,
        cells: &[("account idempotent", "given up, and read twice or more")],
        reason: "on Apache Kafka none in about half of all runs and nearly all in the others, here nearly all: a race in \
                 librdkafka between the expiry of a record and its retry; not traced further",
    },
    Known {
        stories: &["E9"],
        cells: &[("load acks=1", "acknowledged and never read")],
        reason: "an old leader takes records until it hears that another one leads: how many is chance",
    },
    Known {
        stories: &["E9"],
        cells: &[("watermarks of t-1", "")],
        reason: "a new leader tells no end of its log until its followers have fetched from it: whether a question comes in \
                 that half of a second is chance",
    },
    Known {
        stories: &["E2"],
        cells: &[("after the heal", "first")],
        reason: "the machine's doing (experiment: in a run with one cluster on the machine instead of three 0.23 to 0.34 s): \
                 brokers heard of the elections 0.2 to 0.5 s after the controller's decision, and up to 1.0 s beside other \
                 clusters (their logs)",
    },
    Known {
        stories: &["E5", "E6", "E8"],
        cells: &[("account", "given up")],
        reason: "a record every 0.3 s is given up until the dead broker is fenced, 7 to 10 s after its death on both: when \
                 in its heartbeats it died is chance",
    },
    Known {
        stories: &["E1", "E2", "E3", "E7"],
        cells: &[("account", "given up, and read in the end")],
        reason: "one or two of 40 tries are still in the client when it gives up; not traced further",
    },
    Known {
        stories: &["E5", "E6", "E7", "E8"],
        cells: &[("watermarks of", "")],
        reason: "a moment between two answers, shorter than the quarter of a second between two questions",
    },
    Known {
        stories: &["E9"],
        cells: &[("reader's error callback", "")],
        reason: "the callback tells of a connection that is refused, not of one that ends (`rd_kafka_broker_set_error`): the \
                 coordinator's is opened again at once, unless metadata without the fenced broker, which the reader asks \
                 for twice a second for want of a leader, comes first (`rd_kafka_broker_decommission`; its log)",
    },
    Known {
        stories: &["E3"],
        cells: &[("in-sync set of t-", "full again"), ("in-sync set of pair-", "full again")],
        reason: "a follower that hears of an election before the leader does pays `replica.fetch.backoff.ms`, 1 s (the \
                 brokers' logs): in some runs, here too",
    },
    Known {
        stories: &["E2"],
        cells: &[("watermarks of t-1", "healing"), ("watermarks of pair-1", "healing")],
        reason: "in librdkafka's way back to the broker that it takes for the leader (15 more runs with its log and \
                 the brokers'): new leaders, in the 10 with any, led 0.35 to 0.8 s after the heal, and the first \
                 answer came after 0.3 to 3.9 s (here 0.1 to 1.2 s, 12 runs). A question lives for 1 s, and so long, \
                 at most, is the pause between two connections (`reconnect.backoff.max.ms` of the probe): a question \
                 that runs out before a new connection has answered closes it (`rd_kafka_broker_timeout_scan`), and \
                 the pause begins again; so from the heal on in 6 runs, up to four times in a row. ApiVersions took 1 \
                 to 21 ms there, 0.05 to 9 ms here; with 5 ms more here (experiment, 12 runs each) t-1 was through \
                 after 0.9 instead of 0.7 s. In 4 runs, all beside other clusters, TCP's attempt of before the heal \
                 was not taken and its next one was, 0.3 to 2.5 s after the heal (they are 1 s apart, later 2, 4 and 8 \
                 s): the 50 that may wait at a frozen broker (`socket.listen.backlog.size`) are probably there by \
                 then; here 33 to 37 were (`ss`, 4 clusters). Producers that had sent nothing in the outage had an ack \
                 after 1.5 s at most in the same runs",
    },
    Known {
        stories: &["E0", "E2"],
        cells: &[("watermarks of", "healing")],
        reason: "who asks while a broker is fenced, for 0 to 0.2 s, hears of leader -1; a client that reads nothing keeps that \
                 in its cache and says `UnknownPartition` without asking again \
                 (`rd_kafka_topic_partition_list_query_leaders`)",
    },
    Known {
        stories: &["E2"],
        cells: &[("in-sync set of", "healing: full again")],
        reason: "0.5 s after the leader has heard that the broker is back, and 1 s more for a follower that heard of an \
                 election first (`replica.fetch.backoff.ms`; the brokers' logs). Leaders heard of it 0.2 s after the \
                 controller's decision in the quietest run (sets full after 0.77 and 0.97 s), 1.0 s beside other clusters",
    },
    Known {
        stories: &["E0", "E1", "E2", "E3"],
        cells: &[
            ("metadata: leader of", "healing"),
            ("metadata: in-sync", "healing"),
            ("in-sync set", "healing"),
            ("watermarks of", "healing"),
            ("FindCoordinator", "healing"),
        ],
        reason: "which broker a thawed controller fences for a moment, and whether brokers hear of it in one piece, is a \
                 race on Apache Kafka (experiment: ten more runs of E0 and E2, in which every leader moved in some runs and \
                 not in others); here it is the dead one or else drawn",
    },
    Known {
        stories: &["E7"],
        cells: &[("metadata: leader of solo-1", "healing"), ("in-sync set of solo-1", "healing")],
        reason: "a broker that is started before its old session is over asks again after 0.1 s, then after twice as long: \
                 how soon after the session's end is chance",
    },
    Known {
        stories: &["E0", "E1", "E2", "E3", "E7"],
        cells: &[("metrics, healing", "")],
        reason: "the disturbance is about as short as the time between two looks at the metrics",
    },
    Known {
        stories: &["E6"],
        cells: &[("metadata: in-sync set", "outage")],
        reason: "when in its heartbeats the broker died is chance",
    },
    Known {
        stories: &["E5", "E6", "E8", "E9"],
        cells: &[
            ("produce", ""),
            ("new reader", ""),
            ("after the heal", "first"),
            ("producers' statistics", ""),
            ("reader's statistics", ""),
        ],
        reason: "librdkafka looks for a new leader once a second, and where in that second the question comes is chance",
    },
    Known {
        stories: ALL,
        cells: &[("old member asks for its offsets", "")],
        reason: "librdkafka gives up on both; which of its timers runs out first depends on when it was connected",
    },
    Known {
        stories: ALL,
        cells: &[("old member commits after the heal", "")],
        reason: "a race of librdkafka with itself, seen in its log and the coordinator's: a commit that it sends while it \
                 joins is refused, upon which it forgets the member id that it has just been given \
                 (`rd_kafka_cgrp_op_handle_OffsetCommit`) and joins as another; if its second JoinGroup is out by then, its \
                 former self holds the next generation up for a session of 6 s, and then it may do the same again: how often \
                 is chance, on both",
    },
];

/// Why two clusters do not agree on a cell, where that is known.
#[must_use]
pub fn reason(story: &str, cell: &str) -> Option<&'static str> {
    let named = |(begins, holds): &(&str, &str)| cell.starts_with(begins) && cell.contains(holds);
    let fits = |known: &&Known| known.stories.contains(&story) && known.cells.iter().any(named);
    let here = REASONS.iter().find(fits).map(|known| known.reason);
    here.or_else(|| protocol::known::reason(story, cell))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_for_its_stories_and_cells_only() {
        assert!(reason("E0", "watermarks of t-0, healing").is_some());
        assert!(reason("E0", "watermarks of t-0, outage").is_none());
        assert!(reason("E5", "metadata: leader of t-0, healing").is_none());
    }
}
