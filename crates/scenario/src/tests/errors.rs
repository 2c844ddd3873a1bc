//! What a person is told about a file that cannot be used.

use expect_test::{Expect, expect};

use super::{INCIDENT, KINDS, parse};
use crate::Scenario;

fn check(rest: &str, expected: Expect) {
    let error = parse(rest).expect_err("this file must not be accepted");
    expected.assert_eq(&error.to_string());
}

#[test]
fn all_problems_of_a_file_are_told_at_once_in_its_order() {
    check(
        r#"
[cluster]
broker = 9
zones = 0
placement = "alligned"
clock = "compresed"

[load]
rate_per_s = "fast"
mix = { quotes = 0, orders = 0 }
products = ["btc-usd"]

[[timeline]]
at = "outtage"
fault = "kill_broker"
broker = 4

[[timeline]]
at_s = 4
fault = "freeze_controler"

[expect]
hang = ["p95{outcome=timeout} < 50ms", "detect < 500ms"]
degrde = []

[extra]
"#,
        expect![[r#"
            test.toml:11:1: cluster.broker = 9: unknown key; did you mean `brokers`? (allowed: brokers, zones, replication_factor, min_isr, partitions, placement, clock)
            test.toml:12:9: cluster.zones = 0: must be a whole number from 1 to 100
            test.toml:13:13: cluster.placement = "alligned": must be one of "aligned", "spread"; did you mean `aligned`?
            test.toml:14:9: cluster.clock = "compresed": must be one of "apache", "compressed"; did you mean `compressed`?
            test.toml:17:14: load.rate_per_s = "fast": must be a number from 0.1 to 20000
            test.toml:18:7: load.mix: one of quotes and orders must be above 0
            test.toml:19:13: load.products[0] = "btc-usd": must be two assets in capitals, e.g. "BTC-USD"
            test.toml:22:6: timeline[0].at = "outtage": must be "start", "outage" or "recovery", and a time after it if any, e.g. "outage + 300ms"
            test.toml:24:10: timeline[0].broker = 4: must be a whole number from 1 to 3
            test.toml:28:9: timeline[1].fault = "freeze_controler": unknown fault; did you mean `freeze_controller`? (allowed: freeze_controller, thaw_controller, kill_broker, start_broker, strip_leader, restore_leader, slow_broker, restore_broker_speed)
            test.toml:31:10: expect.hang[0] = "p95{outcome=timeout} < 50ms": column 1: unknown measure `p95`; did you mean `p99`? (allowed: p50, p90, p99, p999, max, count, rate, detect, degrade, recover, ledger, executions, in_doubt, unresolved, duplicates, violations)
            test.toml:32:10: expect.degrde = []: there is no such arm (arms: hang)
            test.toml:34:2: extra: unknown key (allowed: incident, cluster, load, timeline, arms, expect)"#]],
    );
}

#[test]
fn an_empty_file_is_told_what_is_missing() {
    let error = Scenario::parse("empty.toml", "", &KINDS).unwrap_err();
    expect![[r#"
        empty.toml:1:1: incident.title: is missing: one line in quotes
        empty.toml:1:1: incident.sources: is missing: a list of texts
        empty.toml:1:1: incident.reported: is missing: a list of texts
        empty.toml:1:1: incident.modelled: is missing: a list of texts
        empty.toml:1:1: arms: must be 1 to 16 tables, e.g. [arms.hang]"#]]
    .assert_eq(&error.to_string());
}

#[test]
fn a_file_that_is_not_toml_is_told_where() {
    let error =
        Scenario::parse("dir/broken.toml", "[incident]\ntitle = \"x\n[cluster\n", &KINDS).unwrap_err();
    expect![[r#"
        dir/broken.toml:2:11: invalid basic string, expected `"`
        dir/broken.toml:3:9: unclosed table, expected `]`"#]]
    .assert_eq(&error.to_string());
}

#[test]
fn replicas_must_fit_on_the_brokers() {
    check(
        "[cluster]\nbrokers = 3\nzones = 4\nreplication_factor = 4\nmin_isr = 5\n",
        expect![[r#"
        test.toml:11:9: cluster.zones = 4: must be at most cluster.brokers, which is 3
        test.toml:12:22: cluster.replication_factor = 4: must be at most cluster.brokers, which is 3
        test.toml:13:11: cluster.min_isr = 5: must be at most cluster.replication_factor, which is 4"#]],
    );
}

#[test]
fn a_fault_is_held_to_its_arguments() {
    check(
        r#"
[[timeline]]
at = "outage"
fault = "kill_broker"

[[timeline]]
at = "outage"
fault = "strip_leader"
topic = "orders"
share = 1.5
partition = [0]

[[timeline]]
at = "outage"
fault = "strip_leader"
topic = ""
partitions = [-1]

[[timeline]]
at = "recovery + 9s"
fault = "freeze_controller"

[[timeline]]
at = "outage"
at_s = 5
fault = "freeze_controller"

[[timeline]]
fault = "freeze_controller"
"#,
        expect![[r#"
            test.toml:10:1: timeline[0].broker: is missing: the broker's id
            test.toml:18:9: timeline[1].share = 1.5: must be a number from 0.001 to 1
            test.toml:19:1: timeline[1].partition = [0]: unknown key; did you mean `partitions`? (allowed: at, at_s, fault, topic, partitions, share)
            test.toml:24:9: timeline[2].topic = "": must be a text of 1 to 249 characters in quotes
            test.toml:25:15: timeline[2].partitions[0] = -1: must be a whole number from 0 to 9999
            test.toml:28:6: timeline[3].at = "recovery + 9s": must lie inside the run, which is measured for 21.0 s
            test.toml:32:6: timeline[4].at = "outage": goes without at_s: give one of them
            test.toml:36:1: timeline[5]: needs at_s (seconds from the start of measuring) or at ("start", "outage" or "recovery", and a time after it if any, e.g. "outage + 300ms")"#]],
    );
}

#[test]
fn an_arm_has_the_settings_of_its_strategy_only() {
    check(
        r#"
[arms.Degrade]
strategy = "degrade"
deadline_ms = 5
circuit.slo = 100
layers.shadow_one_in = 0

[arms.other]
strategy = "hang"
quote_fallback = "http"

[arms.third]
strategy = "failover"

[arms.fourth]

[arms.breaker]
strategy = "breaker"
scope = "topic"
breaker.failure_rate_permille = 1001
circuit.slo_ms = 1000
client."linger.ms" = 5

[arms.timeout]
strategy = "timeout"
optional = "yes"
deadline_ms = 60001
"#,
        expect![[r#"
            test.toml:10:1: arms.Degrade: an arm's name must be 1 to 32 of a-z, 0-9, - and _
            test.toml:12:15: arms.Degrade.deadline_ms = 5: must be a whole number from 10 to 60000
            test.toml:13:9: arms.Degrade.circuit.slo = 100: unknown key; did you mean `slo_ms`? (allowed: slo_ms, age_floor_ms, gap_max_ms, window_ms, heartbeat_period_ms, heartbeat_floor_ms, close_timeout_ms, probe_period_ms, probe_deadline_ms, probes_to_close, dwell_min_ms, dwell_max_ms, calm_ms, suspect_hold_ms, drain_max_ms, slow_start_window_ms, slow_start_min_permille, slow_start_aggression_pct, escalate_permille, escalate_min, deescalate_permille, escalation_hold_ms, leader_limit_ms, demand_life_ms, ack_limit_ms, consumer_limit_ms, report_life_ms, completions_window_ms, completions_min, failures_permille, slow_permille, slow_call_ms, queue_limit_ms, recovery_permille, lanes)
            test.toml:14:24: arms.Degrade.layers.shadow_one_in = 0: must be a whole number from 1 to 1000000
            test.toml:18:1: arms.other.quote_fallback = "http": unknown key (allowed: strategy, client, optional)
            test.toml:21:12: arms.third.strategy = "failover": must be one of "hang", "timeout", "breaker", "degrade"
            test.toml:23:1: arms.fourth.strategy: is missing: "hang", "timeout", "breaker" or "degrade"
            test.toml:27:9: arms.breaker.scope = "topic": must be one of "service", "partition"
            test.toml:28:33: arms.breaker.breaker.failure_rate_permille = 1001: must be a whole number from 1 to 1000
            test.toml:29:1: arms.breaker.circuit: unknown key (allowed: strategy, deadline_ms, scope, breaker, client, optional)
            test.toml:30:22: arms.breaker.client.linger.ms = 5: must be a text of 1 to 200 characters in quotes
            test.toml:34:12: arms.timeout.optional = "yes": must be true or false
            test.toml:35:15: arms.timeout.deadline_ms = 60001: must be a whole number from 10 to 60000"#]],
    );
}

#[test]
fn a_gate_is_told_the_column_inside_of_the_file() {
    check(
        "[expect]\nhang = [\n  \"p99{outcome=ok_degraded,label=qote} < 50ms\",\n  \"count{phase=after} = 0\",\n]\n",
        expect![[r#"
            test.toml:11:34: expect.hang[0] = "p99{outcome=ok_degraded,label=qote} < 50ms": no request has the label `qote`; did you mean `quote`? (allowed: quote, order)
            test.toml:12:16: expect.hang[1] = "count{phase=after} = 0": column 13: unknown phase `after` (allowed: before, outage, recovery)"#]],
    );
}

#[test]
fn not_every_arm_may_be_optional() {
    let text = format!("{INCIDENT}[arms.a]\nstrategy = \"hang\"\noptional = true\n");
    let error = Scenario::parse("test.toml", &text, &KINDS).unwrap_err();
    expect!["test.toml:7:2: arms: one arm at least must not be optional"].assert_eq(&error.to_string());
}

#[test]
fn a_run_that_could_not_be_precomputed_is_refused() {
    check(
        "[load]\nrate_per_s = 20000\noutage_s = 3600\n",
        expect!["test.toml:10:14: load.rate_per_s = 20000: makes 72280000 requests in all: at most 20000000"],
    );
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let error = Scenario::parse("big.toml", &"#".repeat(2_000_000), &KINDS).unwrap_err();
    expect!["big.toml:1:1: the file has 2000000 bytes: at most 1048576"].assert_eq(&error.to_string());
}
