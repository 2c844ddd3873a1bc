//! ApiVersions: what is served, read off the table.
//!
//! A client may ask in a version that is not served here; it is then told so in version 0, with the range of
//! ApiVersions itself, and asks again (KIP-511).

use cluster::ErrorCode;
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, api_versions_response::ApiVersion,
};

use super::{Exchange, table};

pub(super) fn exchange(_request: ApiVersionsRequest, _version: i16) -> Exchange<ApiVersionsResponse> {
    Exchange::Now(ApiVersionsResponse::default().with_api_keys(table::all().iter().map(served).collect()))
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
