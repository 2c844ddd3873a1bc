//! Every served version of every API, there and back; and frames that nobody should send.

mod requests;
mod responses;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use cluster::BrokerId;
use kafka_protocol::messages::{ApiKey, RequestHeader};
use kafka_protocol::protocol::{Encodable, StrBytes};
use proptest::prelude::*;

use requests::sample;
use responses::response;

use super::{Call, Directory, Endpoint, open, table};

fn s(text: &'static str) -> StrBytes {
    StrBytes::from_static_str(text)
}

fn directory() -> Arc<Directory> {
    let endpoint = Endpoint { host: s("127.0.0.1"), port: 9092, zone: s("zone-a") };
    Arc::new(Directory(BTreeMap::from([(BrokerId(1), endpoint)])))
}

fn frame(key: ApiKey, version: i16, body: &[u8]) -> Bytes {
    let header = RequestHeader::default()
        .with_request_api_key(key as i16)
        .with_request_api_version(version)
        .with_correlation_id(7)
        .with_client_id(Some(s("a client")));
    let mut frame = BytesMut::new();
    header.encode(&mut frame, key.request_header_version(version)).expect("a header");
    frame.extend_from_slice(body);
    frame.freeze()
}

#[test]
fn every_served_version_is_read_and_answered() {
    for api in table::all() {
        for version in api.versions.clone() {
            let call = open(frame(api.key, version, &sample(api.key, version)), &directory())
                .unwrap_or_else(|e| panic!("{:?} version {version}: {e}", api.key));
            let answer = match call {
                Call::Now(answer) => answer,
                Call::Ask { client_id, request, answer } => {
                    assert_eq!(client_id, "a client");
                    answer(response(&request)).unwrap_or_else(|e| panic!("{e}"))
                }
                Call::Tell { .. } => panic!("{:?} version {version} wants an answer", api.key),
            };
            let length = i32::from_be_bytes(answer[..4].try_into().expect("a length"));
            assert_eq!(usize::try_from(length).expect("a length"), answer.len() - 4);
            assert_eq!(answer[4..8], 7_i32.to_be_bytes(), "the correlation id");
        }
    }
}

#[test]
fn a_frame_cut_short_is_refused_at_every_length() {
    for api in table::all() {
        let version = *api.versions.end();
        let whole = frame(api.key, version, &sample(api.key, version));
        for length in 0..whole.len() {
            assert!(open(whole.slice(..length), &directory()).is_err(), "{:?} cut at {length}", api.key);
        }
    }
}

#[test]
fn a_claim_of_two_billion_elements_is_refused_before_anything_is_reserved() {
    let mut body = BytesMut::new();
    body.put_i32(i32::MAX);
    assert!(open(frame(ApiKey::Metadata, 4, &body), &directory()).is_err());
    let body = [0xff, 0xff, 0xff, 0xff, 0x0f];
    assert!(open(frame(ApiKey::Metadata, 12, &body), &directory()).is_err());
}

#[test]
fn an_unserved_version_of_api_versions_is_answered_in_version_0() {
    let Ok(Call::Now(answer)) = open(frame(ApiKey::ApiVersions, 99, b"whatever"), &directory()) else {
        panic!("it is answered")
    };
    // Correlation id, UNSUPPORTED_VERSION, one API: 18, from 0 to 4.
    assert_eq!(answer[4..], [0, 0, 0, 7, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4]);
}

#[test]
fn unserved_versions_and_keys_are_refused() {
    assert!(open(frame(ApiKey::Produce, 2, b""), &directory()).is_err());
    assert!(open(frame(ApiKey::Fetch, 17, b""), &directory()).is_err());
    assert!(open(frame(ApiKey::EndTxn, 3, b""), &directory()).is_err());
    assert!(open(Bytes::from_static(&[0x7f, 0xff, 0, 0, 0, 0, 0, 0]), &directory()).is_err());
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(open(Bytes::from(bytes), &directory()));
    }

    #[test]
    fn random_bodies_under_a_good_header_never_panic(
        api in 0..table::all().len(),
        version in 0_i16..18,
        noise in proptest::collection::vec(any::<u8>(), 0..200),
        at in 0_usize..100,
    ) {
        let key = table::all()[api].key;
        drop(open(frame(key, version, &noise), &directory()));
        // And a sound request in which some bytes have been overwritten.
        let served = &table::all()[api].versions;
        let version = version.clamp(*served.start(), *served.end());
        let mut body = sample(key, version).to_vec();
        for (offset, byte) in noise.iter().take(4).enumerate() {
            if let Some(slot) = body.get_mut(at + offset) {
                *slot = *byte;
            }
        }
        drop(open(frame(key, version, &body), &directory()));
    }
}
