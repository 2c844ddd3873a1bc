//! What administrators are told: topics that cannot be, or that are there already.

use kafka_protocol::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use kafka_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    BrokerId, CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest, DescribeConfigsRequest,
    MetadataRequest,
};
use kafka_protocol::protocol::StrBytes;
use lab::wire::Connection;
use uuid::Uuid;

use super::ground::{Ground, PATIENCE, topic_name};
use super::sheet::{Noted, Sheet};
use super::words;

pub(super) async fn run(on: &Ground) -> anyhow::Result<Vec<Noted>> {
    let mut sheet = Sheet::default();
    let there = on.topic("there", &[&[1, 2, 3]], &[]).await?;
    let mut broker = on.connect(1).await?;
    for (cell, topic) in new_topics(on, &there.name) {
        sheet.note(format!("create {cell}"), create(&mut broker, vec![topic], false).await);
    }
    let twice = counts(&on.name("twice"), 1, 1);
    sheet.note(
        "create the same topic twice in a request",
        create(&mut broker, vec![twice.clone(), twice], false).await,
    );
    sheet.note(
        "create, only to check",
        create(&mut broker, vec![counts(&on.name("checked"), 1, 3)], true).await,
    );
    sheet.note("metadata of what was only checked", metadata(&mut broker, &on.name("checked")).await);
    for (cell, name) in
        [("an unknown topic", "no-such-topic"), ("an illegal name", "a/b"), ("an empty name", "")]
    {
        sheet.note(format!("metadata of {cell}"), metadata(&mut broker, name).await);
    }
    sheet.note("metadata of an unknown topic id", metadata_by_id(&mut broker, Uuid::from_u128(7)).await);
    grow(&mut sheet, &mut broker, &there.name).await;
    configs(&mut sheet, &mut broker, &there.name).await;
    delete(&mut sheet, &mut broker, &on.name("create-default")).await;
    Ok(sheet.done())
}

fn counts(name: &str, partitions: i32, factor: i16) -> CreatableTopic {
    CreatableTopic::default()
        .with_name(topic_name(name))
        .with_num_partitions(partitions)
        .with_replication_factor(factor)
}

fn placed(name: &str, replicas: &[(i32, &[i32])]) -> CreatableTopic {
    let assign = |(partition, brokers): &(i32, &[i32])| {
        CreatableReplicaAssignment::default()
            .with_partition_index(*partition)
            .with_broker_ids(brokers.iter().copied().map(BrokerId).collect())
    };
    counts(name, -1, -1).with_assignments(replicas.iter().map(assign).collect())
}

fn configured(name: &str, key: &str, value: Option<&str>) -> CreatableTopic {
    let config = CreatableTopicConfig::default()
        .with_name(StrBytes::from_string(key.to_owned()))
        .with_value(value.map(|value| StrBytes::from_string(value.to_owned())));
    counts(name, 1, 3).with_configs(vec![config])
}

/// Topics to create, most of which cannot be.
fn new_topics(on: &Ground, there: &str) -> Vec<(&'static str, CreatableTopic)> {
    let name = |stem: &str| on.name(&format!("create-{stem}"));
    let long = "x".repeat(250);
    let collide = there.replacen("there-", "there.", 1);
    vec![
        ("with the defaults", counts(&name("default"), -1, -1)),
        ("a topic that is there", counts(there, 1, 3)),
        ("no partitions", counts(&name("p0"), 0, 3)),
        ("-2 partitions", counts(&name("p2"), -2, 3)),
        ("with replication factor 0", counts(&name("r0"), 1, 0)),
        ("with replication factor -2", counts(&name("r2"), 1, -2)),
        ("with replication factor 4 on three brokers", counts(&name("r4"), 1, 4)),
        ("with an empty name", counts("", 1, 3)),
        ("with the name .", counts(".", 1, 3)),
        ("with a slash in its name", counts("a/b", 1, 3)),
        ("with a name of 250 letters", counts(&long, 1, 3)),
        ("with a dot where another has an underscore or not", counts(&collide, 1, 3)),
        ("an internal topic", counts("__consumer_offsets", 1, 3)),
        ("placed", placed(&name("placed"), &[(0, &[2, 1]), (1, &[3, 2])])),
        ("placed on an unknown broker", placed(&name("pb"), &[(0, &[1, 9])])),
        ("placed twice on a broker", placed(&name("pt"), &[(0, &[1, 1])])),
        ("placed on no broker", placed(&name("pn"), &[(0, &[])])),
        ("placed with a hole", placed(&name("ph"), &[(0, &[1]), (2, &[2])])),
        ("placed not from 0", placed(&name("p1"), &[(1, &[1])])),
        ("placed with different replication factors", placed(&name("pd"), &[(0, &[1, 2]), (1, &[3])])),
        ("placed and counted", placed(&name("pc"), &[(0, &[1])]).with_num_partitions(3)),
        ("placed with a replication factor", placed(&name("pf"), &[(0, &[1])]).with_replication_factor(1)),
        ("with an unknown setting", configured(&name("c1"), "no.such.setting", Some("1"))),
        ("with retention.ms that is no number", configured(&name("c2"), "retention.ms", Some("long"))),
        ("with min.insync.replicas 0", configured(&name("c3"), "min.insync.replicas", Some("0"))),
        ("with min.insync.replicas 4", configured(&name("c4"), "min.insync.replicas", Some("4"))),
        ("with a setting of null", configured(&name("c5"), "retention.ms", None)),
        ("with max.message.bytes -1", configured(&name("c6"), "max.message.bytes", Some("-1"))),
        ("with an unknown cleanup.policy", configured(&name("c7"), "cleanup.policy", Some("shred"))),
        ("with retention.ms 1000", configured(&name("c8"), "retention.ms", Some("1000"))),
        ("with LogAppendTime", configured(&name("c9"), "message.timestamp.type", Some("LogAppendTime"))),
        ("with max.message.bytes 2000000", configured(&name("c10"), "max.message.bytes", Some("2000000"))),
        ("with compression.type zstd", configured(&name("c11"), "compression.type", Some("zstd"))),
    ]
}

async fn create(broker: &mut Connection, topics: Vec<CreatableTopic>, validate_only: bool) -> String {
    let request = CreateTopicsRequest::default()
        .with_topics(topics)
        .with_timeout_ms(10_000)
        .with_validate_only(validate_only);
    match broker.ask(7, &request, PATIENCE).await {
        Ok(answer) => {
            let said = answer.topics.iter().map(|topic| match topic.error_code {
                0 => format!("ok, {} x {}", topic.num_partitions, topic.replication_factor),
                code => words::error(code),
            });
            said.collect::<Vec<_>>().join(", ")
        }
        Err(failure) => words::unanswered(&failure),
    }
}

async fn metadata(broker: &mut Connection, name: &str) -> String {
    let asked = MetadataRequestTopic::default().with_name(Some(topic_name(name)));
    metadata_of(broker, asked).await
}

async fn metadata_by_id(broker: &mut Connection, id: Uuid) -> String {
    metadata_of(broker, MetadataRequestTopic::default().with_topic_id(id).with_name(None)).await
}

async fn metadata_of(broker: &mut Connection, asked: MetadataRequestTopic) -> String {
    let request = MetadataRequest::default().with_topics(Some(vec![asked]));
    let said = broker.ask(12, &request, PATIENCE).await;
    words::outcome(said.map(|answer| answer.topics.first().map_or(0, |topic| topic.error_code)))
}

async fn grow(sheet: &mut Sheet, broker: &mut Connection, there: &str) {
    let to = |name: &str, count: i32| {
        CreatePartitionsTopic::default().with_name(topic_name(name)).with_count(count)
    };
    let on = |brokers: &[i32]| {
        let brokers = brokers.iter().copied().map(BrokerId).collect();
        CreatePartitionsAssignment::default().with_broker_ids(brokers)
    };
    let to = |name: &str, count: i32, assigned: Option<Vec<&[i32]>>| {
        to(name, count).with_assignments(assigned.map(|assigned| assigned.into_iter().map(on).collect()))
    };
    for (cell, topic) in [
        ("to as many as there are", to(there, 1, None)),
        ("to fewer", to(there, 0, None)),
        ("to two", to(there, 2, None)),
        ("an unknown topic", to("no-such-topic", 3, None)),
        ("with too few assignments", to(there, 4, Some(vec![&[1, 2, 3]]))),
        ("onto an unknown broker", to(there, 3, Some(vec![&[1, 2, 9]]))),
        ("with another replication factor", to(there, 3, Some(vec![&[1, 2]]))),
    ] {
        let request = CreatePartitionsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
        let said = broker.ask(3, &request, PATIENCE).await;
        let code = said.map(|answer| answer.results.first().map_or(0, |result| result.error_code));
        sheet.note(format!("grow {cell}"), words::outcome(code));
    }
}

async fn configs(sheet: &mut Sheet, broker: &mut Connection, there: &str) {
    const TOPIC: i8 = 2;
    const BROKER: i8 = 4;
    for (cell, kind, name) in [
        ("a topic", TOPIC, there),
        ("an unknown topic", TOPIC, "no-such-topic"),
        ("this broker", BROKER, "1"),
        ("another broker", BROKER, "2"),
        ("a broker that is no number", BROKER, "one"),
        ("an unknown kind of thing", 77, "x"),
    ] {
        let resource = DescribeConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(StrBytes::from_string(name.to_owned()))
            .with_configuration_keys(Some(vec![StrBytes::from_static_str("min.insync.replicas")]));
        let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
        let class = match broker.ask(4, &request, PATIENCE).await {
            Ok(answer) => match answer.results.first() {
                Some(result) if result.error_code == 0 => {
                    let value = result.configs.first().and_then(|config| config.value.as_deref());
                    format!("ok, min.insync.replicas {}", value.unwrap_or("not told"))
                }
                result => words::error(result.map_or(0, |result| result.error_code)),
            },
            Err(failure) => words::unanswered(&failure),
        };
        sheet.note(format!("settings of {cell}"), class);
    }
}

async fn delete(sheet: &mut Sheet, broker: &mut Connection, there: &str) {
    let named = |name: &str| DeleteTopicState::default().with_name(Some(topic_name(name)));
    let by_id = DeleteTopicState::default().with_name(None).with_topic_id(Uuid::from_u128(7));
    for (cell, topic) in [
        ("a topic", named(there)),
        ("a topic again", named(there)),
        ("an unknown topic id", by_id),
        ("an illegal name", named("a/b")),
    ] {
        let request = DeleteTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
        let said = broker.ask(6, &request, PATIENCE).await;
        let code = said.map(|answer| answer.responses.first().map_or(0, |result| result.error_code));
        sheet.note(format!("delete {cell}"), words::outcome(code));
    }
}
