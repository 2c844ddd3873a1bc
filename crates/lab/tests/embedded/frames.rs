//! Frames that nobody should send: their connection is closed and nothing else happens.

use kafka_protocol::messages::ApiKey;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::wire::{self, Wire};
use crate::{small, soon};

/// Sends bytes and waits for the end of the connection.
async fn is_closed_after(lab: &lab::embedded::Embedded, bytes: &[u8]) {
    let mut wire = Wire::to(lab, 1).await;
    // The broker may hang up before it has read everything.
    drop(wire.stream.write_all(bytes).await);
    let mut rest = Vec::new();
    drop(soon("the end of the connection", wire.stream.read_to_end(&mut rest)).await);
    assert!(rest.is_empty(), "nothing is answered to {bytes:02x?}");
}

#[tokio::test]
async fn a_bad_frame_closes_its_connection_and_no_other() {
    let lab = small().await;
    let mut bystander = Wire::to(&lab, 1).await;
    let too_long = (16 * 1024 * 1024 + 1_i32).to_be_bytes();
    is_closed_after(&lab, &too_long).await;
    is_closed_after(&lab, &(-1_i32).to_be_bytes()).await;
    // No room for a header; an unknown key; an unserved version of Produce.
    is_closed_after(&lab, &[0, 0, 0, 2, 0, 3]).await;
    is_closed_after(&lab, &[0, 0, 0, 10, 0x7f, 0, 0, 0, 0, 0, 0, 1, 0, 0]).await;
    is_closed_after(&lab, &[0, 0, 0, 10, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0]).await;
    // Metadata that claims two billion topics.
    is_closed_after(&lab, &[0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 1, 0, 0, 0x7f, 0xff, 0xff, 0xff]).await;
    assert_eq!(bystander.metadata().await.brokers.len(), 3);
}

#[tokio::test]
async fn random_frames_close_their_connections_and_leave_the_cluster_alone() {
    let lab = small().await;
    let mut bystander = Wire::to(&lab, 1).await;
    let seed = rand::rng().random::<u64>();
    println!("seed {seed}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for _ in 0..200 {
        let mut frame = vec![0_u8; rng.random_range(8..300)];
        rng.fill_bytes(&mut frame[4..]);
        let length = i32::try_from(frame.len() - 4).expect("a length");
        frame[..4].copy_from_slice(&length.to_be_bytes());
        // Half of them with a served key and a small version, to get further in.
        if rng.random_bool(0.5) {
            frame[4..8].copy_from_slice(&[0, rng.random_range(0..23), 0, rng.random_range(0..13)]);
        }
        let mut wire = Wire::to(&lab, 1).await;
        drop(wire.stream.write_all(&frame).await);
        drop(wire.stream.shutdown().await);
        let mut rest = Vec::new();
        drop(soon("the end of the connection", wire.stream.read_to_end(&mut rest)).await);
    }
    assert_eq!(bystander.metadata().await.brokers.len(), 3);
    assert_eq!(
        wire::leader(&mut bystander, "orders", 0).await,
        wire::leader(&mut bystander, "orders", 0).await
    );
}

#[tokio::test]
async fn what_a_client_sent_before_it_left_is_carried_out() {
    let lab = small().await;
    let broker = wire::leader(&mut Wire::to(&lab, 1).await, "orders", 0).await;
    let mut leaving = Wire::to(&lab, broker).await;
    // The first one waits, so that the second one is still unread when the client has gone.
    leaving.send(ApiKey::Fetch, wire::FETCH, &wire::fetch("orders", 0, 300)).await;
    leaving.send(ApiKey::Produce, wire::PRODUCE, &wire::produce("orders", 0, "late", -1)).await;
    drop(leaving);
    let mut reader = Wire::to(&lab, broker).await;
    let read = async || (reader.fetch("orders", 0, 100).await.1 == ["late"]).then_some(());
    crate::eventually("the record is there", read).await;
}
