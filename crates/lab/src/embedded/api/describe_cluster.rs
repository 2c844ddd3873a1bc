//! DescribeCluster: the brokers and who forwards to the controller.

use cluster::{Request, Response};
use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::{DescribeClusterRequest, DescribeClusterResponse};

use super::Exchange;
use super::words::{self, Directory};

/// The endpoint type "brokers".
const BROKERS: i8 = 1;

/// The protocol's number for "ask a controller that": a broker was asked for controllers.
const MISMATCHED_ENDPOINT_TYPE: i16 = 114;

pub(super) fn exchange(request: DescribeClusterRequest, version: i16) -> Exchange<DescribeClusterResponse> {
    if version >= 1 && request.endpoint_type != BROKERS {
        return Exchange::Now(DescribeClusterResponse::default().with_error_code(MISMATCHED_ENDPOINT_TYPE));
    }
    Exchange::ask(Request::DescribeCluster, answer)
}

fn answer(response: Response, directory: &Directory) -> DescribeClusterResponse {
    let Response::DescribeCluster(view) = response else {
        unreachable!("a cluster is answered by a cluster")
    };
    let brokers = view.brokers.iter().filter_map(|(id, zone)| {
        let endpoint = directory.0.get(id)?;
        Some(
            DescribeClusterBroker::default()
                .with_broker_id(id.0.into())
                .with_host(endpoint.host.clone())
                .with_port(endpoint.port)
                .with_rack(Some(words::text(zone))),
        )
    });
    DescribeClusterResponse::default()
        .with_cluster_id(words::text(&view.cluster_id))
        .with_controller_id(view.controller.into())
        .with_brokers(brokers.collect())
}
