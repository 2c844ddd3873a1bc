//! ApiVersions: what is served, read off the table.
//!
//! A client may ask in a version that is not served here; it is then told so in version 0, with the range of
//! ApiVersions itself, and asks again (KIP-511).

use cluster::ErrorCode;
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, api_versions_response::ApiVersion,
};

use super::{Exchange, table};

/// From this version on clients say who they are.
const NAMED_FROM: i16 = 3;

pub(super) fn exchange(request: ApiVersionsRequest, version: i16) -> Exchange<ApiVersionsResponse> {
    let named = is_name(&request.client_software_name) && is_name(&request.client_software_version);
    if version >= NAMED_FROM && !named {
        return Exchange::Now(
            ApiVersionsResponse::default().with_error_code(ErrorCode::InvalidRequest.code()),
        );
    }
    Exchange::Now(ApiVersionsResponse::default().with_api_keys(table::all().iter().map(served).collect()))
}

/// The rule of Apache Kafka's `ApiVersionsRequest.isValid`: letters and digits, with dots and dashes between them.
fn is_name(name: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    let ends = [name.bytes().next(), name.bytes().last()];
    ends.iter().all(|end| end.is_some_and(|byte| byte.is_ascii_alphanumeric())) && name.bytes().all(inside)
}

/// The answer to a version that is not served; to be encoded in version 0.
pub(super) fn unsupported() -> ApiVersionsResponse {
    let own = table::all().iter().filter(|api| api.key == ApiKey::ApiVersions);
    ApiVersionsResponse::default()
        .with_error_code(ErrorCode::UnsupportedVersion.code())
        .with_api_keys(own.map(served).collect())
}

fn served(api: &table::Api) -> ApiVersion {
    ApiVersion::default()
        .with_api_key(api.key as i16)
        .with_min_version(*api.versions.start())
        .with_max_version(*api.versions.end())
}
