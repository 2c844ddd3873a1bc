//! What is printed is read back as the same scenario.

use expect_test::expect;
use proptest::prelude::*;

use super::{INCIDENT, KINDS, scenario};
use crate::{CIRCUIT, Catalogue, Scenario};

fn reread(scenario: &Scenario) -> Scenario {
    Scenario::parse(&format!("{}.toml", scenario.name), &scenario.to_string(), &KINDS)
        .unwrap_or_else(|error| panic!("{error}\n{scenario}"))
}

#[test]
fn every_shipped_scenario_is_printed_so_that_it_is_read_back_the_same() {
    for name in Catalogue::names() {
        let scenario = Catalogue::get(name, &KINDS).unwrap();
        assert_eq!(reread(&scenario), scenario);
    }
}

#[test]
fn the_canonical_form_shows_every_default() {
    let printed = scenario(
        r#"
        [[timeline]]
        at_s = 5.25
        fault = "strip_leader"
        topic = "orders"
        partitions = [0, 3]
        [expect]
        hang = ["p99{outage} > 1s"]
        "#,
    );
    expect![[r#"
        [incident]
        title = "A test"
        sources = [
          "nobody",
        ]
        reported = [
          "nothing",
        ]
        modelled = [
          "everything",
        ]

        [cluster]
        brokers = 3
        zones = 3
        replication_factor = 3
        min_isr = 2
        partitions = 9
        placement = "aligned"
        clock.preset = "compressed"

        [load]
        arrivals = "poisson"
        rate_per_s = 200
        mix = { quotes = 4, orders = 1 }
        accounts = 90
        products = ["BTC-USD", "ETH-USD", "SOL-USD"]
        warmup_s = 1
        before_s = 5
        outage_s = 8
        recovery_s = 8
        drain_s = 2.5
        deadline_ms = 2000
        in_flight_max = 512
        lag_ms_max = 50

        [[timeline]]
        at = "start + 5250ms"
        fault = "strip_leader"
        partitions = [0, 3]
        topic = "orders"

        [arms.hang]
        strategy = "hang"

        [expect]
        hang = [
          "p99{phase=outage} > 1s",
        ]
    "#]]
    .assert_eq(&printed.to_string());
}

#[test]
fn an_arm_is_printed_with_every_number_that_it_sets() {
    let printed = scenario(
        r#"
        [arms.a]
        strategy = "breaker"
        scope = "partition"
        breaker = { sliding_window_size = 20, wait_duration_in_open_ms = 2000 }
        [arms.b]
        strategy = "degrade"
        optional = true
        circuit = { slow_start_window_ms = 300, calm_ms = 500 }
        layers.fallback_concurrency_max = 8
        client = { "linger.ms" = "0", "message.timeout.ms" = "2000" }
        [arms.c]
        strategy = "timeout"
        deadline_ms = 250
        "#,
    );
    let printed = printed.to_string();
    expect![[r#"
        [arms.a]
        strategy = "breaker"
        scope = "partition"
        breaker.sliding_window_size = 20
        breaker.wait_duration_in_open_ms = 2000

        [arms.b]
        strategy = "degrade"
        optional = true
        quote_fallback = "http"
        order_fallback = "reject"
        circuit.calm_ms = 500
        circuit.slow_start_window_ms = 300
        layers.fallback_concurrency_max = 8
        client."linger.ms" = "0"
        client."message.timeout.ms" = "2000"

        [arms.c]
        strategy = "timeout"
        deadline_ms = 250
    "#]]
    .assert_eq(&printed[printed.find("[arms.a]").unwrap()..]);
}

#[test]
fn steps_are_played_in_the_order_of_time_and_not_of_the_file() {
    let scenario = scenario(
        r#"
        [[timeline]]
        at = "recovery + 1s"
        fault = "thaw_controller"
        [[timeline]]
        at = "outage"
        fault = "freeze_controller"
        "#,
    );
    let kinds: Vec<_> =
        scenario.schedule().map(|(at, step)| (at.as_secs(), step.call.kind.as_str())).collect();
    assert_eq!(kinds, [(5, "freeze_controller"), (14, "thaw_controller")]);
}

#[test]
fn the_longest_deadline_has_a_drain_that_is_read_back() {
    let scenario = scenario(
        "[load]\ndeadline_ms = 600_000\n[[timeline]]\nat = \"outage\"\nfault = \"freeze_controller\"",
    );
    assert_eq!(scenario.load.drain.as_millis(), 600_500);
    assert_eq!(reread(&scenario), scenario);
}

proptest! {
    #[test]
    fn any_settings_inside_the_bounds_are_read_back_the_same(
        brokers in 1_u16..=100,
        rate_tenths in 1_u32..=1_000,
        phases_ms in [100_u32..60_000, 100_u32..60_000, 100_u32..60_000],
        deadline_ms in 10_u32..600_000,
        session_ms in 10_u32..600_000,
        circuit in proptest::sample::subsequence(CIRCUIT.to_vec(), 0..8),
        share in 1_u32..=1_000,
        title in ".{1,40}",
    ) {
        let [before, outage, recovery] = phases_ms.map(|ms| f64::from(ms) / 1e3);
        let (rate, share) = (f64::from(rate_tenths) / 10.0, f64::from(share) / 1e3);
        let circuit: String =
            circuit.iter().map(|number| format!("circuit.{} = {}\n", number.key, number.max)).collect();
        let mut scenario = Scenario::parse("any.toml", &format!(
            r#"{INCIDENT}
            [cluster]
            brokers = {brokers}
            clock.session_ms = {session_ms}
            clock.broker_start_ms = {deadline_ms}
            [load]
            rate_per_s = {rate}
            before_s = {before}
            outage_s = {outage}
            recovery_s = {recovery}
            deadline_ms = {deadline_ms}
            [[timeline]]
            at = "outage + 100ms"
            fault = "strip_leader"
            topic = "*"
            share = {share}
            [arms.a]
            strategy = "degrade"
            {circuit}
            "#
        ), &KINDS).unwrap();
        scenario.incident.title = title;
        prop_assert_eq!(reread(&scenario), scenario);
    }
}
