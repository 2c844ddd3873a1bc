//! librdkafka's statistics, the few fields of them that are signals.
//!
//! Every field has a default, because producers and readers report different ones and versions add some; a value of
//! the wrong type makes the whole sample malformed.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::Deserialize;

use super::{BrokerSignal, GroupSignal, PartitionSignal, Signals};

#[derive(Deserialize)]
struct Statistics {
    age: u64,
    #[serde(default)]
    msg_cnt: u64,
    #[serde(default)]
    msg_max: u64,
    #[serde(default)]
    brokers: HashMap<String, Broker>,
    #[serde(default)]
    topics: HashMap<String, Topic>,
    cgrp: Option<Group>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Broker {
    nodeid: i32,
    state: String,
    stateage: u64,
    req_timeouts: u64,
    waitresp_cnt: i64,
}

#[derive(Deserialize)]
struct Topic {
    #[serde(default)]
    partitions: HashMap<String, Partition>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Partition {
    partition: i32,
    leader: i32,
    msgq_cnt: i64,
    msgs_inflight: i64,
    msgs: u64,
    acked_msgid: u64,
    app_offset: i64,
    hi_offset: i64,
    fetch_state: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Group {
    state: String,
    join_state: String,
    rebalance_cnt: u64,
}

/// The signals in `json`; counters that are not statistics are left at zero.
pub(super) fn signals(json: &[u8]) -> Result<Signals, serde_json::Error> {
    let statistics: Statistics = serde_json::from_slice(json)?;
    Ok(Signals {
        age: Duration::from_micros(statistics.age),
        records_held: statistics.msg_cnt,
        records_held_max: statistics.msg_max,
        partitions: partitions(statistics.topics),
        brokers: brokers(statistics.brokers),
        group: statistics.cgrp.map(group),
        ..Signals::default()
    })
}

fn partitions(topics: HashMap<String, Topic>) -> BTreeMap<(String, i32), PartitionSignal> {
    let mut all = BTreeMap::new();
    for (name, topic) in topics {
        // Partition -1 is librdkafka's own: records that have no partition yet.
        for partition in topic.partitions.into_values().filter(|p| p.partition >= 0) {
            all.insert((name.clone(), partition.partition), partition_signal(&partition));
        }
    }
    all
}

fn partition_signal(partition: &Partition) -> PartitionSignal {
    // librdkafka's logical offsets ("unknown" and the like) are negative.
    let known = |offset: i64| (offset >= 0).then_some(offset);
    PartitionSignal {
        leader: (partition.leader >= 0).then_some(partition.leader),
        queued: count(partition.msgq_cnt),
        in_flight: count(partition.msgs_inflight),
        total: partition.msgs,
        acked: partition.acked_msgid,
        position: known(partition.app_offset),
        end: known(partition.hi_offset),
        fetching: partition.fetch_state == "active",
    }
}

fn brokers(brokers: HashMap<String, Broker>) -> BTreeMap<i32, BrokerSignal> {
    // Bootstrap and coordinator handles have no id of their own: they lead nothing.
    let real = brokers.into_values().filter(|broker| broker.nodeid >= 0);
    real.map(|broker| (broker.nodeid, broker_signal(&broker))).collect()
}

fn broker_signal(broker: &Broker) -> BrokerSignal {
    BrokerSignal {
        up: broker.state == "UP",
        state_age: Duration::from_micros(broker.stateage),
        request_timeouts: broker.req_timeouts,
        awaiting: count(broker.waitresp_cnt),
    }
}

fn group(group: Group) -> GroupSignal {
    let coordinated = group.state == "up";
    GroupSignal { coordinated, join_state: group.join_state, rebalances: group.rebalance_cnt }
}

fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRODUCER: &[u8] = br#"{
        "name": "rdkafka#producer-1", "client_id": "trade", "type": "producer", "ts": 5, "age": 2500000,
        "msg_cnt": 7, "msg_max": 10000,
        "brokers": {
            "127.0.0.1:9092/bootstrap": {"nodeid": -1, "state": "UP"},
            "GroupCoordinator": {"nodeid": -1, "state": "INIT"},
            "127.0.0.1:9093/2": {"nodeid": 2, "state": "CONNECT", "stateage": 400000, "req_timeouts": 3,
                                 "waitresp_cnt": 1}
        },
        "topics": {"orders": {"topic": "orders", "partitions": {
            "0": {"partition": 0, "leader": -1, "msgq_cnt": 5, "msgs_inflight": 1, "msgs": 47,
                  "acked_msgid": 41, "app_offset": -1001, "hi_offset": -1001},
            "-1": {"partition": -1, "leader": -1, "msgq_cnt": 9}
        }}}
    }"#;

    #[test]
    fn a_leaderless_partition_shows_its_backlog_and_its_last_ack() {
        let signals = signals(PRODUCER).unwrap();
        let expected = PartitionSignal {
            leader: None,
            queued: 5,
            in_flight: 1,
            total: 47,
            acked: 41,
            position: None,
            end: None,
            fetching: false,
        };
        assert_eq!(signals.partitions, BTreeMap::from([(("orders".to_owned(), 0), expected)]));
        assert_eq!(expected.unacked(), 6);
        assert_eq!((signals.records_held, signals.records_held_max), (7, 10_000));
        assert_eq!(signals.age, Duration::from_millis(2500));
    }

    #[test]
    fn only_brokers_with_an_id_are_brokers() {
        let signals = signals(PRODUCER).unwrap();
        let expected = BrokerSignal {
            up: false,
            state_age: Duration::from_millis(400),
            request_timeouts: 3,
            awaiting: 1,
        };
        assert_eq!(signals.brokers, BTreeMap::from([(2, expected)]));
    }

    #[test]
    fn a_readers_group_and_position_are_read() {
        let signals = signals(
            br#"{"age": 1, "cgrp": {"state": "up", "join_state": "steady", "rebalance_cnt": 2},
                 "topics": {"t": {"partitions": {"1": {"partition": 1, "leader": 3, "app_offset": 8,
                                       "hi_offset": 10, "fetch_state": "active"}}}}}"#,
        )
        .unwrap();
        let group = signals.group.unwrap();
        assert_eq!((group.coordinated, group.join_state.as_str(), group.rebalances), (true, "steady", 2));
        let partition = signals.partitions[&("t".to_owned(), 1)];
        assert_eq!((partition.lag(), partition.fetching), (Some(2), true));
    }
}
