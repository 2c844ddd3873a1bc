//! What circuit breakers see of calls that never finish.
//!
//! `cargo run --release -p benches --example breakers_are_blind`
//!
//! 200 calls go to a service that never answers, through each breaker as its manual recommends, and through a circuit of
//! this project; then a breaker is open, its probe hangs, and the service is healthy again. Everything is real time, and
//! nothing here knows of Kafka.

mod ours;
mod peers;
mod probe;
mod row;

use row::Row;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    println!(
        "{} calls to a service that never answers; timeouts are {} ms.\n\n{}",
        row::CALLS,
        row::PATIENCE.as_millis(),
        Row::HEAD
    );
    println!("{}", peers::tower_resilience_alone().await?);
    println!("{}", peers::tower_resilience_inside_a_timeout().await?);
    println!("{}", peers::tower_resilience_around_a_timeout().await?);
    println!("{}", peers::recloser_alone().await);
    println!("{}", peers::recloser_inside_a_timeout().await);
    println!("{}", peers::recloser_around_a_timeout().await);
    println!("{}", peers::failsafe_alone().await);
    println!("{}", peers::failsafe_inside_a_timeout().await);
    println!("{}", peers::failsafe_around_a_timeout().await);
    println!("{}", ours::patient_callers().await?);
    println!("{}", ours::callers_who_give_up().await?);
    println!("{}", ours::a_lower_limit().await?);
    println!(
        "\nA breaker knows of calls that ended, and a circuit of those in flight. A timeout inside trips a breaker by \
         cutting calls off."
    );

    println!(
        "\nOpen, then one probe that hangs; the service is healthy again. 30 calls in 3 s:\n\n{}",
        probe::HEAD
    );
    println!("{}", probe::tower_resilience_alone().await?);
    println!("{}", probe::tower_resilience_around_a_timeout().await?);
    println!("{}", probe::ours().await?);
    println!("\nThe last one closes after three healthy heartbeats in a row, and its dwell had doubled.");
    Ok(())
}
