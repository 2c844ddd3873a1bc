//! The shipped scenarios keep what they promise.

use std::time::Duration;

use super::KINDS;
use crate::{Catalogue, Placement, Scenario, Strategy};

const NAMES: [&str; 5] =
    ["frozen-controller", "leaderless-quarter", "total-stall", "slow-motion", "frozen-but-harmless"];

fn shipped() -> impl Iterator<Item = Scenario> {
    Catalogue::names().map(|name| Catalogue::get(name, &KINDS).unwrap_or_else(|error| panic!("{error}")))
}

#[test]
fn every_shipped_scenario_is_valid_and_has_the_name_of_its_file() {
    let names: Vec<String> = shipped().map(|scenario| scenario.name).collect();
    assert_eq!(names, NAMES);
    assert_eq!(Catalogue::DEFAULT, "frozen-controller");
}

#[test]
fn every_shipped_scenario_compares_hanging_with_degrading_and_expects_something_of_both() {
    for scenario in shipped() {
        let played = scenario.arms.iter().filter(|arm| !arm.optional);
        let strategies: Vec<_> = played.map(|arm| arm.strategy.name()).collect();
        assert_eq!(strategies, ["hang", "degrade"], "{}", scenario.name);
        assert!(scenario.arms.iter().all(|arm| !arm.expect.is_empty()), "{}", scenario.name);
        assert!(matches!(scenario.arm("degrade").unwrap().strategy, Strategy::Degrade(_)));
        assert_eq!(scenario.cluster.placement, Placement::Aligned);
    }
}

#[test]
fn the_scenarios_in_which_a_breaker_stays_closed_and_opens_have_all_four_arms() {
    for name in ["frozen-controller", "total-stall"] {
        let scenario = Catalogue::get(name, &KINDS).unwrap();
        let strategies: Vec<_> = scenario.arms.iter().map(|arm| arm.strategy.name()).collect();
        assert_eq!(strategies, ["hang", "timeout", "breaker", "degrade"], "{name}");
    }
}

#[test]
fn two_arms_of_every_shipped_scenario_but_slow_motion_leave_time_to_start_and_stop_within_a_minute() {
    for scenario in shipped().filter(|scenario| scenario.name != "slow-motion") {
        let arm = scenario.load.warmup + scenario.load.measured() + scenario.load.drain;
        assert!(2 * arm <= Duration::from_secs(50), "{} takes {:?} per arm", scenario.name, arm);
    }
}

#[test]
fn every_fault_of_a_shipped_scenario_is_healed_when_the_recovery_begins_or_later() {
    for scenario in shipped() {
        let recovery = scenario.load.before + scenario.load.outage;
        let count = |heals| scenario.timeline.iter().filter(|step| step.heals == heals).count();
        assert_eq!(count(true), count(false), "{}", scenario.name);
        assert_eq!(scenario.heals_at(), Some(recovery), "{}", scenario.name);
        assert!(scenario.strikes_at().is_some_and(|at| at >= scenario.load.before && at < recovery));
    }
}

#[test]
fn the_strike_of_the_default_scenario_is_the_lost_broker_and_not_the_frozen_controller() {
    let scenario = Catalogue::get(Catalogue::DEFAULT, &KINDS).unwrap();
    assert_eq!(scenario.strikes_at(), Some(Duration::from_millis(5300)));
}

#[test]
fn an_unknown_scenario_is_answered_with_the_names_that_there_are() {
    let error = Catalogue::get("frozen-controler", &KINDS).unwrap_err().to_string();
    assert_eq!(
        error,
        "there is no scenario `frozen-controler`; did you mean `frozen-controller`? (shipped: frozen-controller, \
         leaderless-quarter, total-stall, slow-motion, frozen-but-harmless)"
    );
}

#[test]
fn a_cluster_without_the_faults_of_a_scenario_cannot_play_it() {
    let error = Catalogue::get("total-stall", &KINDS[4..]).unwrap_err().to_string();
    assert!(error.starts_with("total-stall.toml:"), "{error}");
    assert!(error.contains("timeline[0].fault = \"freeze_controller\": unknown fault"), "{error}");
}
