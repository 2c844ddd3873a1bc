//! What a broker's sockets do while it is frozen, dead, black-holed or slow.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use kafka_protocol::messages::{ApiKey, MetadataRequest, MetadataResponse};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::wire::{self, Wire};
use crate::{eventually, inject, not_for_a_while, small, soon};

async fn asked(wire: &mut Wire) {
    wire.send(ApiKey::Metadata, wire::METADATA, &MetadataRequest::default()).await;
}

async fn answered(wire: &mut Wire) {
    soon("an answer", wire.receive::<MetadataResponse>(ApiKey::Metadata, wire::METADATA))
        .await
        .expect("an answer");
}

#[tokio::test]
async fn a_frozen_broker_accepts_and_reads_nothing_until_it_is_thawed() {
    let lab = small().await;
    let mut old = Wire::to(&lab, 2).await;
    asked(&mut old).await;
    answered(&mut old).await;
    inject(&lab, json!({"kind": "freeze_broker", "broker": 2})).await;
    asked(&mut old).await;
    let mut new = Wire::to(&lab, 2).await;
    asked(&mut new).await;
    not_for_a_while("an answer", async { tokio::join!(old.anything(), new.anything()) }).await;
    inject(&lab, json!({"kind": "thaw_broker", "broker": 2})).await;
    answered(&mut old).await;
    answered(&mut new).await;
}

/// Where the kernel drops what it has no room for; others refuse or keep it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_frozen_broker_has_room_for_some_connections_and_the_next_one_gets_through_after_the_thaw() {
    let lab = small().await;
    let address = wire::address(&lab, 2);
    inject(&lab, json!({"kind": "freeze_broker", "broker": 2})).await;
    let mut kept = Vec::new();
    let late = loop {
        let mut connecting = Box::pin(TcpStream::connect(address.clone()));
        match tokio::time::timeout(Duration::from_millis(300), &mut connecting).await {
            Ok(stream) => kept.push(stream.expect("a connection")),
            Err(_) => break connecting,
        }
        assert!(kept.len() < 200, "all of them find room");
    };
    assert!(kept.len() > 50, "{} find room", kept.len());
    inject(&lab, json!({"kind": "thaw_broker", "broker": 2})).await;
    soon("the kernel repeats the attempt", late).await.expect("a connection");
}

#[tokio::test]
async fn a_dead_broker_resets_refuses_and_comes_back_on_the_same_port() {
    let lab = small().await;
    let mut old = Wire::to(&lab, 2).await;
    asked(&mut old).await;
    answered(&mut old).await;
    inject(&lab, json!({"kind": "kill_broker", "broker": 2})).await;
    let broken = soon("a reset", old.stream.read_u8()).await.expect_err("it is dead");
    assert_eq!(broken.kind(), ErrorKind::ConnectionReset);
    let address = wire::address(&lab, 2);
    eventually("a refusal", async || match TcpStream::connect(&address).await {
        Err(refused) if refused.kind() == ErrorKind::ConnectionRefused => Some(()),
        _ => None,
    })
    .await;
    inject(&lab, json!({"kind": "start_broker", "broker": 2})).await;
    let stream = eventually("the port", async || TcpStream::connect(&address).await.ok()).await;
    drop(stream);
    let mut new = Wire::to(&lab, 2).await;
    asked(&mut new).await;
    answered(&mut new).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_black_hole_carries_nothing_and_lets_nobody_in() {
    let lab = small().await;
    let mut old = Wire::to(&lab, 2).await;
    asked(&mut old).await;
    answered(&mut old).await;
    inject(&lab, json!({"kind": "black_hole_broker", "broker": 2})).await;
    asked(&mut old).await;
    not_for_a_while("an answer", old.anything()).await;
    let address = wire::address(&lab, 2);
    not_for_a_while("a connection", TcpStream::connect(&address)).await;
    inject(&lab, json!({"kind": "restore_broker", "broker": 2})).await;
    answered(&mut old).await;
    soon("a connection", TcpStream::connect(&address)).await.expect("healed");
}

#[tokio::test]
async fn a_slow_broker_answers_late_and_in_order() {
    let lab = small().await;
    let mut wire = Wire::to(&lab, 2).await;
    inject(&lab, json!({"kind": "slow_broker", "broker": 2, "delay_ms": 200})).await;
    let started = Instant::now();
    asked(&mut wire).await;
    answered(&mut wire).await;
    assert!(started.elapsed() >= Duration::from_millis(200));
    inject(&lab, json!({"kind": "slow_broker", "broker": 2, "delay_ms": 3_600_000})).await;
    asked(&mut wire).await;
    not_for_a_while("an answer", wire.anything()).await;
    inject(&lab, json!({"kind": "restore_broker_speed", "broker": 2})).await;
    answered(&mut wire).await;
}

#[tokio::test]
async fn nothing_is_left_of_a_cluster_that_was_dropped() {
    let lab = small().await;
    let mut wire = Wire::to(&lab, 2).await;
    let address = wire::address(&lab, 2);
    drop(lab);
    drop(soon("the end", wire.stream.read_u8()).await.expect_err("it is gone"));
    let refused = TcpStream::connect(&address).await.expect_err("it is gone");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}
