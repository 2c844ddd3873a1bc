//! Produce -> consume through rdkafka, one record at a time: the embedded cluster against librdkafka's mock cluster.
//!
//! The mock gets `fetch.wait.max.ms` 1, the setting it is fastest with, because its fetches do not wake on new data;
//! the embedded cluster gets the default of 500, because its fetches do.

mod support;

use benches::{ms, quantile};
use lab::Lab as _;
use lab::embedded::{Embedded, EmbeddedSpec};
use rdkafka::mocking::MockCluster;
use support::{Pair, create_topic};

const ROUNDS: usize = 5;
const TRIPS: usize = 200;
const WARM_UP: usize = 20;
const TOPIC: &str = "round-trip";
const PAYLOAD: &[u8] = b"a record of an ordinary length, about 50 B";

fn main() -> anyhow::Result<()> {
    let embedded = Embedded::start(EmbeddedSpec::default())?;
    create_topic(&embedded.bootstrap(), TOPIC, 1)?;
    let mock = MockCluster::new(3)?;
    mock.create_topic(TOPIC, 1, 3)?;
    let ours = Pair::new(&embedded.bootstrap(), TOPIC, 500)?;
    let theirs = Pair::new(&mock.bootstrap_servers(), TOPIC, 1)?;
    ours.trips(WARM_UP, PAYLOAD)?;
    theirs.trips(WARM_UP, PAYLOAD)?;
    let (mut our_trips, mut their_trips, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (mut a, mut b) = (ours.trips(TRIPS, PAYLOAD)?, theirs.trips(TRIPS, PAYLOAD)?);
        ratios.push(quantile(&mut a, 0.5).as_secs_f64() / quantile(&mut b, 0.5).as_secs_f64());
        our_trips.extend(a);
        their_trips.extend(b);
    }
    ratios.sort_by(f64::total_cmp);
    println!("round trip, acks=all, {ROUNDS} interleaved rounds of {TRIPS}:");
    for (name, trips) in [("embedded", &mut our_trips), ("mock", &mut their_trips)] {
        println!("  {name:<9} p50 {:>8}  p99 {:>8}", ms(quantile(trips, 0.5)), ms(quantile(trips, 0.99)));
    }
    println!("  embedded / mock at p50, median of rounds: {:.3} (target: at most 0.2)", ratios[ROUNDS / 2]);
    Ok(())
}
