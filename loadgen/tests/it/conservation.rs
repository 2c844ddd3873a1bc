//! Whatever servers do, whatever the bounds: every intended request ends in exactly one outcome, one that the behaviour
//! allows, and the histograms say what the observations say.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use crate::mock::{self, Server};
use crate::mock_http2;
use crate::scripted::spec;
use loadgen::{Limits, Mapping, Method, Mode, Plan, PlanSpec, RequestSpec, RunResult, spawn};
use proptest::prelude::*;
use recorder::{Outcome, Phase};

/// HTTP/1.1 and HTTP/2, each in the clear and under TLS.
static WORLDS: LazyLock<[Vec<Server>; 4]> =
    LazyLock::new(|| [mock::plain(), mock::secure(), mock_http2::plain(), mock_http2::secure()]);

/// A plan over all behaviours, by their weights.
fn plan(servers: &[Server], weights: &[u32], change: impl FnOnce(&mut PlanSpec)) -> Plan {
    let targets: Vec<(&str, SocketAddr)> = servers.iter().map(|it| (it.label.as_str(), it.address)).collect();
    let request = |(server, weight): (&Server, &u32)| RequestSpec {
        label: server.label.clone(),
        weight: *weight,
        method: Method::POST,
        target: server.label.clone(),
        path: "/{seq}".to_owned(),
        headers: Vec::new(),
        body: Some("{run}-{seq}".to_owned()),
    };
    let requests = servers.iter().zip(weights).map(request).collect();
    let mapping = Mapping::any_service();
    let mut spec = PlanSpec { requests, mapping, ..spec(&targets) };
    spec.targets.iter_mut().zip(servers).for_each(|(target, server)| target.wire = server.wire.clone());
    change(&mut spec);
    Plan::new(spec).expect("the plan is valid")
}

fn run(plan: Plan) -> RunResult {
    spawn(Arc::new(plan)).expect("threads").join().expect("no crash")
}

/// The account, whatever happened.
fn assert_conserved(result: &RunResult) {
    let conservation = result.conservation();
    assert!(conservation.holds, "{conservation:?}");
    let summed: u64 = Outcome::ALL.into_iter().map(|outcome| result.count(outcome)).sum();
    assert_eq!(summed, conservation.intended);
    assert_eq!(result.observations().count() as u64, conservation.intended);
    assert_eq!(result.lag().count(), conservation.intended, "every request was late by something");
}

/// Histograms against the sorted observations.
fn assert_histograms_are_true(result: &RunResult) {
    let mut truth: BTreeMap<Outcome, Vec<Duration>> = BTreeMap::new();
    result.observations().for_each(|it| truth.entry(it.outcome).or_default().push(it.response));
    let recorder = result.recorder(&Default::default(), |_| true);
    for (outcome, mut times) in truth {
        times.sort_unstable();
        let told = recorder.response(Phase::Before, outcome).expect("it occurred");
        assert_eq!(told.count(), times.len() as u64, "{outcome}");
        for quantile in [0.5, 0.9, 0.99, 0.999, 1.0] {
            let rank = ((quantile * times.len() as f64).ceil() as usize).max(1);
            let (truth, told) =
                (times[rank - 1].as_micros() as f64, told.quantile(quantile).as_micros() as f64);
            assert!(told >= truth && told <= truth * 1.001 + 1.0, "{outcome} {quantile}: {told} {truth}");
        }
    }
}

/// Time and room enough: what servers do decides.
fn every_behaviour_ends_as_it_may(servers: &[Server]) {
    let result = run(plan(servers, &vec![1; servers.len()], |spec| {
        spec.duration = Duration::from_secs(2);
        // Far beyond what a drip and, unoptimized, a hundred handshakes take, and not beyond patience with a hang.
        let is_secure = servers[0].wire.tls.is_some();
        spec.rate_per_s = if is_secure { 100.0 } else { 200.0 };
        spec.limits.deadline = Duration::from_secs(if is_secure { 8 } else { 4 });
        spec.limits.in_flight_max = 1_000;
        spec.limits.connections_preopened = 0;
    }));
    assert_conserved(&result);
    assert_histograms_are_true(&result);
    let mut seen = BTreeMap::new();
    for it in result.observations() {
        assert!(outcomes(servers, it.label).contains(&it.outcome), "{it:?}");
        *seen.entry(it.label.to_owned()).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), servers.len(), "that many draws leave out none of 25: {seen:?}");
}

fn outcomes(servers: &[Server], label: &str) -> &'static [Outcome] {
    servers.iter().find(|it| it.label == label).expect("a label of ours").outcomes
}

#[test]
fn every_behaviour_ends_in_an_outcome_that_it_allows() {
    every_behaviour_ends_as_it_may(&WORLDS[0]);
}

#[test]
fn under_tls_every_behaviour_ends_so_too() {
    every_behaviour_ends_as_it_may(&WORLDS[1]);
}

#[test]
fn in_http2_every_behaviour_ends_so_too() {
    every_behaviour_ends_as_it_may(&WORLDS[2]);
    every_behaviour_ends_as_it_may(&WORLDS[3]);
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 8, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn nothing_is_lost_under_any_mix_and_any_bounds(
        seed: u64,
        world in 0_usize..4,
        weights in proptest::collection::vec(0_u32..4, 25),
        workers in 1_usize..4,
        in_flight_max in 3_usize..60,
        connections_max in 3_usize..40,
        streams_max in 1_usize..20,
        (deadline_ms, drain_ms) in (1_u64..300, 0_u64..200),
        closed: bool,
        stopped_after_ms in proptest::option::of(0_u64..400),
    ) {
        let servers = &WORLDS[world];
        let mut weights = weights;
        weights[0] += 1;
        let plan = plan(servers, &weights, |spec| {
            spec.seed = seed;
            spec.workers = workers;
            spec.rate_per_s = 500.0;
            spec.duration = Duration::from_millis(400);
            spec.mode = if closed { Mode::Closed { users: in_flight_max } } else { Mode::Open };
            spec.limits = Limits {
                in_flight_max,
                connections_max,
                streams_max,
                connections_preopened: connections_max.min(4),
                deadline: Duration::from_millis(deadline_ms),
                drain_max: Duration::from_millis(drain_ms),
                ..Limits::default()
            };
        });
        let planned = plan.schedule().len() as u64;
        let handle = spawn(Arc::new(plan)).expect("threads");
        if let Some(ms) = stopped_after_ms {
            std::thread::sleep(Duration::from_millis(ms));
            handle.stop();
        }
        let result = handle.join().expect("no crash");
        assert_conserved(&result);
        assert_histograms_are_true(&result);
        if !closed && !result.is_partial() {
            prop_assert_eq!(result.conservation().intended, planned);
        }
        // Pressed for time, anything may be late or never sent; what was answered is as scripted all the same.
        let pressed = [Outcome::Timeout, Outcome::Unfinished, Outcome::UnsentCap];
        for it in result.observations().filter(|it| !pressed.contains(&it.outcome)) {
            prop_assert!(outcomes(servers, it.label).contains(&it.outcome), "{:?}", it);
        }
        for it in result.observations() {
            prop_assert!(it.service.is_none_or(|service| service <= it.response), "{:?}", it);
            let never_sent = matches!(it.outcome, Outcome::UnsentCap | Outcome::ErrorConnect);
            prop_assert!(it.service.is_none() || !never_sent, "{:?}", it);
        }
    }
}
