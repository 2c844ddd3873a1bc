//! Whatever servers do, whatever the bounds: every intended request ends in exactly one outcome, one that the behaviour
//! allows, and the histograms say what the observations say.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use crate::mock::{Behaviour, servers};
use crate::scripted::spec;
use loadgen::{Limits, Mapping, Method, Mode, Plan, PlanSpec, RequestSpec, RunResult, spawn};
use proptest::prelude::*;
use recorder::{Outcome, Phase};

static SERVERS: LazyLock<Vec<SocketAddr>> = LazyLock::new(servers);

/// A plan over all behaviours, by their weights.
fn plan(weights: &[u32], change: impl FnOnce(&mut PlanSpec)) -> Plan {
    let names: Vec<String> = Behaviour::ALL.iter().map(|it| it.label()).collect();
    let targets: Vec<(&str, SocketAddr)> =
        names.iter().map(String::as_str).zip(SERVERS.iter().copied()).collect();
    let request = |(name, weight): (&String, &u32)| RequestSpec {
        label: name.clone(),
        weight: *weight,
        method: Method::POST,
        target: name.clone(),
        path: "/{seq}".to_owned(),
        headers: Vec::new(),
        body: Some("{run}-{seq}".to_owned()),
    };
    let requests = names.iter().zip(weights).map(request).collect();
    let mapping = Mapping::any_service();
    let mut spec = PlanSpec { requests, mapping, ..spec(&targets) };
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

#[test]
fn every_behaviour_ends_in_an_outcome_that_it_allows() {
    let result = run(plan(&[1; Behaviour::ALL.len()], |spec| {
        spec.duration = Duration::from_secs(2);
        // Far beyond what a drip takes, and not beyond patience with a hang.
        spec.limits.deadline = Duration::from_secs(4);
        spec.limits.in_flight_max = 1_000;
        spec.limits.connections_preopened = 0;
    }));
    assert_conserved(&result);
    assert_histograms_are_true(&result);
    let behaviours: BTreeMap<String, Behaviour> =
        Behaviour::ALL.into_iter().map(|it| (it.label(), it)).collect();
    let mut seen = BTreeMap::new();
    for it in result.observations() {
        let behaviour = behaviours[it.label];
        assert!(behaviour.outcomes().contains(&it.outcome), "{it:?}");
        *seen.entry(it.label.to_owned()).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), Behaviour::ALL.len(), "400 draws leave out none of 20: {seen:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 8, ..ProptestConfig::with_cases(16) })]

    #[test]
    fn nothing_is_lost_under_any_mix_and_any_bounds(
        seed: u64,
        weights in proptest::collection::vec(0_u32..4, Behaviour::ALL.len() - 1),
        workers in 1_usize..4,
        in_flight_max in 3_usize..60,
        connections_max in 3_usize..40,
        (deadline_ms, drain_ms) in (1_u64..300, 0_u64..200),
        closed: bool,
        stopped_after_ms in proptest::option::of(0_u64..400),
    ) {
        let mut weights = weights;
        weights.push(1);
        let plan = plan(&weights, |spec| {
            spec.seed = seed;
            spec.workers = workers;
            spec.rate_per_s = 500.0;
            spec.duration = Duration::from_millis(400);
            spec.mode = if closed { Mode::Closed { users: in_flight_max } } else { Mode::Open };
            spec.limits = Limits {
                in_flight_max,
                connections_max,
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
            let behaviour = Behaviour::ALL.into_iter().find(|behaviour| behaviour.label() == it.label);
            prop_assert!(behaviour.expect("a label of ours").outcomes().contains(&it.outcome), "{:?}", it);
        }
        for it in result.observations() {
            prop_assert!(it.service.is_none_or(|service| service <= it.response), "{:?}", it);
            let never_sent = matches!(it.outcome, Outcome::UnsentCap | Outcome::ErrorConnect);
            prop_assert!(it.service.is_none() || !never_sent, "{:?}", it);
        }
    }
}
