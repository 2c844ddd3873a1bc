//! DescribeConfigs: settings of topics and brokers. Other kinds of resources are refused.

use cluster::{ConfigResource, ErrorCode, Request, Response};
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult,
};
use kafka_protocol::messages::{DescribeConfigsRequest, DescribeConfigsResponse};

use super::Exchange;
use super::words;

/// The protocol's numbers for the kinds of resources.
const TOPIC: i8 = 2;
const BROKER: i8 = 4;

/// The protocol's numbers for where a value comes from.
const DYNAMIC_TOPIC_CONFIG: i8 = 1;
const DEFAULT_CONFIG: i8 = 5;

pub(super) fn exchange(request: DescribeConfigsRequest, _version: i16) -> Exchange<DescribeConfigsResponse> {
    let mut asked = Vec::new();
    let mut refused = Vec::new();
    for resource in request.resources {
        let name = resource.resource_name.to_string();
        let keys = resource.configuration_keys;
        let keys = keys.map(|keys| keys.iter().map(ToString::to_string).collect());
        match resource.resource_type {
            TOPIC => asked.push((ConfigResource::Topic(name), keys)),
            BROKER => asked.push((ConfigResource::Broker(name), keys)),
            other => refused.push(
                DescribeConfigsResult::default()
                    .with_error_code(ErrorCode::InvalidRequest.code())
                    .with_error_message(Some(words::text("only topics and brokers have settings here")))
                    .with_resource_type(other)
                    .with_resource_name(resource.resource_name),
            ),
        }
    }
    Exchange::ask(Request::DescribeConfigs(asked), move |response, _| {
        let Response::DescribeConfigs(described) = response else { unreachable!("settings are answered so") };
        let results = described.into_iter().map(|(resource, settings)| result(&resource, settings));
        DescribeConfigsResponse::default().with_results(results.chain(refused).collect())
    })
}

fn result(
    resource: &ConfigResource,
    settings: Result<Vec<(String, String, bool)>, ErrorCode>,
) -> DescribeConfigsResult {
    let (kind, name) = match resource {
        ConfigResource::Topic(name) => (TOPIC, name),
        ConfigResource::Broker(name) => (BROKER, name),
    };
    let message =
        DescribeConfigsResult::default().with_resource_type(kind).with_resource_name(words::text(name));
    match settings {
        Ok(settings) => message.with_configs(settings.iter().map(|s| setting(s, kind)).collect()),
        Err(error) => message.with_error_code(error.code()),
    }
}

fn setting((name, value, default): &(String, String, bool), kind: i8) -> DescribeConfigsResourceResult {
    DescribeConfigsResourceResult::default()
        .with_name(words::text(name))
        .with_value(Some(words::text(value)))
        .with_read_only(kind == BROKER)
        .with_config_source(source(*default))
}

/// Where a value comes from.
pub(super) fn source(default: bool) -> i8 {
    if default { DEFAULT_CONFIG } else { DYNAMIC_TOPIC_CONFIG }
}
