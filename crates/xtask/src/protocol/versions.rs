//! Which versions of which request a broker offers.
//!
//! A cell per API that the embedded cluster serves: `ok` says that the range of the table below is offered, and on
//! the embedded cluster that no more is. What Apache Kafka offers beyond it is one cell, a list.

use kafka_protocol::messages::{ApiKey, ApiVersionsRequest, RequestHeader};
use kafka_protocol::protocol::{Encodable, StrBytes};

use super::ground::{Ground, PATIENCE};
use super::sheet::{Noted, Sheet};
use super::words;

/// What the embedded cluster serves, on purpose.
const SERVED: &[(ApiKey, i16, i16)] = &[
    (ApiKey::Produce, 3, 13),
    (ApiKey::Fetch, 4, 16),
    (ApiKey::ListOffsets, 1, 7),
    (ApiKey::Metadata, 0, 13),
    (ApiKey::OffsetCommit, 2, 9),
    (ApiKey::OffsetFetch, 1, 9),
    (ApiKey::FindCoordinator, 0, 4),
    (ApiKey::JoinGroup, 0, 9),
    (ApiKey::Heartbeat, 0, 4),
    (ApiKey::LeaveGroup, 0, 5),
    (ApiKey::SyncGroup, 0, 5),
    (ApiKey::DescribeGroups, 0, 6),
    (ApiKey::ListGroups, 0, 5),
    (ApiKey::ApiVersions, 0, 4),
    (ApiKey::CreateTopics, 2, 7),
    (ApiKey::DeleteTopics, 1, 6),
    (ApiKey::DeleteRecords, 0, 2),
    (ApiKey::InitProducerId, 0, 5),
    (ApiKey::OffsetForLeaderEpoch, 2, 4),
    (ApiKey::DescribeConfigs, 1, 4),
    (ApiKey::CreatePartitions, 0, 3),
    (ApiKey::DescribeCluster, 0, 1),
];

pub(super) async fn run(on: &Ground) -> anyhow::Result<Vec<Noted>> {
    let mut sheet = Sheet::default();
    let mut connection = on.connect(1).await?;
    let request = ApiVersionsRequest::default()
        .with_client_software_name(StrBytes::from_static_str("wire"))
        .with_client_software_version(StrBytes::from_static_str("1"));
    let answer = connection.ask(3, &request, PATIENCE).await?;
    let mut offered: Vec<_> =
        answer.api_keys.iter().map(|api| (api.api_key, api.min_version, api.max_version)).collect();
    offered.sort_unstable();
    for (key, least, most) in SERVED {
        let found = offered.iter().find(|(number, ..)| *number == *key as i16);
        let class = match found {
            Some((_, min, max)) if min <= least && max >= most => "ok".to_owned(),
            Some((_, min, max)) => format!("{min} to {max}"),
            None => "not offered".to_owned(),
        };
        sheet.note(format!("{key:?} {least} to {most} is offered"), class);
    }
    let known = |number: i16| SERVED.iter().any(|(key, ..)| *key as i16 == number);
    let beyond = offered.iter().map(|(number, ..)| *number).filter(|number| !known(*number));
    let beyond: Vec<_> = beyond.map(name).collect();
    sheet.note(
        "other requests offered",
        if beyond.is_empty() { "none".to_owned() } else { beyond.join(", ") },
    );

    let blank = ApiVersionsRequest::default();
    for (cell, request, version) in [
        ("ApiVersions 3 with the client's name", &request, 3),
        ("ApiVersions 3 without the client's name", &blank, 3),
        ("ApiVersions 0", &blank, 0),
    ] {
        let said = connection.ask(version, request, PATIENCE).await;
        sheet.note(cell, words::outcome(said.map(|answer| answer.error_code)));
    }
    for (cell, key, version) in [
        ("ApiVersions 99", ApiKey::ApiVersions as i16, 99),
        ("Produce 2, which is gone", ApiKey::Produce as i16, 2),
        ("Produce 99", ApiKey::Produce as i16, 99),
        ("an unknown request, 1234", 1234, 0),
    ] {
        sheet.note(cell, unsupported(on, key, version).await?);
    }
    Ok(sheet.done())
}

fn name(number: i16) -> String {
    ApiKey::try_from(number).map_or_else(|()| number.to_string(), |key| format!("{key:?}"))
}

/// What becomes of a request in a version that nobody has.
async fn unsupported(on: &Ground, key: i16, version: i16) -> anyhow::Result<String> {
    let mut frame = bytes::BytesMut::new();
    let header = RequestHeader::default()
        .with_request_api_key(key)
        .with_request_api_version(version)
        .with_correlation_id(1)
        .with_client_id(Some(StrBytes::from_static_str("wire")));
    header.encode(&mut frame, 2)?;
    let said = on.connect(1).await?.ask_raw(&frame, PATIENCE).await;
    Ok(match said {
        // Correlation id, then the error code of an answer in version 0.
        Ok(answer) => match answer.get(4..6).and_then(|code| code.first_chunk::<2>()) {
            Some(code) => words::error(i16::from_be_bytes(*code)),
            None => "an answer without an error code".to_owned(),
        },
        Err(failure) => words::unanswered(&failure),
    })
}
