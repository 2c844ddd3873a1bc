//! The catalogue, and what each fault does to a cluster that only writes down which levers were pulled.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use expect_test::{Expect, expect};
use futures::FutureExt;
use futures::executor::block_on;
use futures::future::{BoxFuture, ready};
use proptest::prelude::*;
use scenario::FaultCall;
use serde_json::json;

use super::{
    ALL, BeyondIt, FaultError, Lever, Levers, Needs, OPEN_MAX, OpenFaults, Pulled, TopicShape, apply,
    backends, call_from_json, check as check_timeline, kinds, offers,
};
use crate::Backend;
use crate::embedded::{Embedded, EmbeddedSpec};
use crate::timeline::Timeline;

/// Six brokers, three topics, a diary.
#[derive(Default)]
struct Diary(Mutex<Vec<String>>);

impl Diary {
    fn write(&self, line: String) -> Pulled<'_> {
        self.0.lock().expect("a diary").push(line);
        ready(Ok(())).boxed()
    }

    fn read(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("a diary"))
    }
}

impl Levers for Diary {
    fn backend(&self) -> &'static str {
        "diary"
    }

    fn brokers(&self) -> Vec<i32> {
        (1..=6).collect()
    }

    fn seed(&self) -> u64 {
        7
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicShape>, FaultError>> {
        let topic =
            |name: &str, internal, partitions| TopicShape { name: name.to_owned(), internal, partitions };
        let topics =
            vec![topic("__consumer_offsets", true, 6), topic("orders", false, 8), topic("quotes", false, 8)];
        ready(Ok(topics)).boxed()
    }

    fn freeze_controller(&self) -> Pulled<'_> {
        self.write("freeze controller".to_owned())
    }

    fn thaw_controller(&self) -> Pulled<'_> {
        self.write("thaw controller".to_owned())
    }

    fn lose_quorum(&self) -> Pulled<'_> {
        self.write("lose quorum".to_owned())
    }

    fn kill_broker(&self, broker: i32) -> Pulled<'_> {
        self.write(format!("kill {broker}"))
    }

    fn start_broker(&self, broker: i32) -> Pulled<'_> {
        self.write(format!("start {broker}"))
    }

    fn slow_broker(&self, broker: i32, delay: Duration) -> Pulled<'_> {
        self.write(format!("slow {broker} by {delay:?}"))
    }

    fn strip_leader(&self, partitions: Vec<(String, i32)>) -> Pulled<'_> {
        self.write(format!("strip {}", super::select::spelled(&partitions)))
    }

    fn restore_leader(&self, partitions: Vec<(String, i32)>) -> Pulled<'_> {
        self.write(format!("restore {}", super::select::spelled(&partitions)))
    }
}

fn call(json: serde_json::Value) -> FaultCall {
    call_from_json(json.as_object().expect("an object")).unwrap_or_else(|e| panic!("{e}"))
}

/// What a call makes the cluster do, or why not.
#[expect(clippy::needless_pass_by_value, reason = "expectations and JSON are written in place")]
fn check(json: serde_json::Value, expect: Expect) {
    let diary = Diary::default();
    let said = match call_from_json(json.as_object().expect("an object")) {
        Err(error) => error.to_string(),
        Ok(call) => match block_on(apply(&diary, &call)) {
            Err(error) => error.to_string(),
            Ok(injected) => format!("{} | {}", diary.read().join(", "), injected.done),
        },
    };
    expect.assert_eq(&said);
}

#[test]
fn every_fault_has_a_heal_that_is_in_the_catalogue() {
    for kind in kinds() {
        if let Some(heal) = kind.healed_by {
            let heal = kinds().iter().find(|kind| kind.name == heal).expect("a heal");
            assert_eq!(heal.healed_by, None, "{} is a heal", heal.name);
            let known = |required: &scenario::ArgSpec| kind.args.iter().any(|arg| arg.name == required.name);
            assert!(heal.args.iter().filter(|arg| arg.required).all(known), "{} can be healed", kind.name);
        }
    }
}

#[test]
fn names_are_unique() {
    let mut names: Vec<&str> = kinds().iter().map(|kind| kind.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), kinds().len());
}

#[test]
fn levers_are_pulled() {
    check(json!({"kind": "freeze_controller"}), expect!["freeze controller | the controller is frozen"]);
    check(json!({"kind": "lose_quorum"}), expect!["lose quorum | the controllers have lost their quorum"]);
    check(json!({"kind": "kill_broker", "broker": 2}), expect!["kill 2 | broker 2 is dead"]);
    check(
        json!({"kind": "slow_broker", "broker": 2, "delay_ms": 800}),
        expect!["slow 2 by 800ms | broker 2 answers 800ms late"],
    );
    check(
        json!({"kind": "strip_leader", "topic": "orders", "partitions": [1, 3]}),
        expect!["strip orders[1,3] | leaderless: orders[1,3]"],
    );
    check(
        json!({"kind": "lose_coordinator", "group": "hello"}),
        expect!["strip __consumer_offsets[4] | no coordinator: __consumer_offsets[4]"],
    );
}

#[test]
fn a_share_of_every_topic_takes_the_same_indices_and_no_internal_topic() {
    check(
        json!({"kind": "strip_leader", "topic": "*", "share": 0.25}),
        expect!["strip orders[0,7] quotes[0,7] | leaderless: orders[0,7] quotes[0,7]"],
    );
}

#[test]
fn errors_name_the_field_the_value_and_what_is_allowed() {
    check(
        json!({"kind": "kill_brocker"}),
        expect![[
            r#"`kind` "kill_brocker" is not a fault (allowed: freeze_controller, thaw_controller, lose_quorum, restore_quorum, kill_broker, start_broker, freeze_broker, thaw_broker, black_hole_broker, restore_broker, slow_broker, restore_broker_speed, strip_leader, restore_leader, lose_coordinator, restore_coordinator)"#
        ]],
    );
    check(
        json!({"kind": "kill_broker"}),
        expect!["`broker` of kill_broker is missing (allowed: a broker's id, from 1)"],
    );
    check(
        json!({"kind": "kill_broker", "broker": "two"}),
        expect![[r#"`broker` of kill_broker is "two" (allowed: a broker's id, from 1)"#]],
    );
    check(
        json!({"kind": "kill_broker", "broker": 9}),
        expect!["`broker` of kill_broker is 9, which there is not (allowed: 1, 2, 3, 4, 5, 6)"],
    );
    check(
        json!({"kind": "strip_leader", "topic": "orders", "share": 0.0}),
        expect!["`share` of strip_leader is 0.0 (allowed: a number above 0 and at most 1)"],
    );
    check(
        json!({"kind": "strip_leader", "topic": "orders", "partitions": [8]}),
        expect!["`partitions` of strip_leader has 8, which orders has not (allowed: 0 to 7)"],
    );
    check(
        json!({"kind": "freeze_controller", "broker": 1}),
        expect!["`broker` of freeze_controller is not an argument of it (allowed: no arguments)"],
    );
}

#[test]
fn a_lever_that_a_cluster_does_not_have_is_refused_in_words() {
    check(
        json!({"kind": "black_hole_broker", "broker": 1}),
        expect![[r#"a cluster of kind "diary" cannot black-hole a broker (these can: embedded, apache)"#]],
    );
}

/// A cluster without levers, and without topics if need be.
struct Refuser {
    topics: bool,
}

impl Levers for Refuser {
    fn backend(&self) -> &'static str {
        "refuser"
    }

    fn brokers(&self) -> Vec<i32> {
        Diary::default().brokers()
    }

    fn seed(&self) -> u64 {
        7
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicShape>, FaultError>> {
        async { if self.topics { Diary::default().topics().await } else { Ok(Vec::new()) } }.boxed()
    }
}

/// A call of this fault with its arguments, whatever they are.
fn any_call_of(kind: &scenario::FaultKind) -> FaultCall {
    let value = |arg: &scenario::ArgSpec| match arg.kind {
        scenario::ArgKind::Broker | scenario::ArgKind::DurationMs => json!(1),
        scenario::ArgKind::Topic => json!("orders"),
        other => panic!("no required argument is {other:?}"),
    };
    let required = kind.args.iter().filter(|arg| arg.required);
    let mut object: serde_json::Map<_, _> = required.map(|arg| (arg.name.to_owned(), value(arg))).collect();
    object.insert("kind".to_owned(), json!(kind.name));
    call(object.into())
}

#[test]
fn a_fault_pulls_the_lever_that_it_names() {
    for fault in ALL {
        let refused = block_on(apply(&Refuser { topics: true }, &any_call_of(&fault.kind)))
            .expect_err("there are no levers");
        let FaultError::CannotDoThat { lever, able, .. } = refused else { panic!("{refused}") };
        assert_eq!(fault.levers.iter().map(|lever| lever.words()).collect::<Vec<_>>(), [lever]);
        assert_eq!(able, "embedded, apache");
    }
}

#[test]
fn the_embedded_cluster_can_do_what_the_catalogue_says_of_it() {
    let embedded = Embedded::start(EmbeddedSpec::default()).expect("a cluster");
    for offer in offers().iter().filter(|offer| offer.clusters.contains(&Backend::Embedded)) {
        let call = match offer.kind.name {
            "strip_leader" | "restore_leader" => continue,
            _ => any_call_of(&offer.kind),
        };
        if let Err(refused @ FaultError::CannotDoThat { .. }) = block_on(apply(&embedded, &call)) {
            panic!("{refused}");
        }
    }
    for lever in [embedded.strip_leader(Vec::new()), embedded.restore_leader(Vec::new())] {
        block_on(lever).expect("it has them");
    }
}

#[test]
fn a_timeline_is_held_against_a_kind_of_cluster() {
    let step = |kind: &str| scenario::Step {
        at: scenario::At { anchor: scenario::Anchor::Outage, offset: Duration::ZERO },
        call: FaultCall { kind: kind.to_owned(), args: std::collections::BTreeMap::new() },
        heals: false,
    };
    let timeline = ["freeze_controller", "slow_broker", "thaw_controller"].map(step);
    for backend in Backend::ALL {
        assert_eq!(check_timeline(&timeline, backend), Ok(()));
    }
    assert_eq!(backends(timeline.iter().map(|step| &step.call)).expect("known"), Backend::ALL);
    // A fault that no cluster has stands for one that this cluster has not.
    let refused = check_timeline(&[step("kill_broker"), step("flood")], Backend::Apache).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "timeline[1].fault: flood cannot be done to a cluster of kind apache (these can: none)"
    );
    let refused = BeyondIt { able: "embedded".to_owned(), ..refused };
    assert!(refused.to_string().ends_with("(these can: embedded)"));
}

#[test]
fn real_brokers_get_a_relay_and_more_controllers_only_for_faults_that_need_them() {
    let needs = |kinds: &[&str]| {
        let calls: Vec<FaultCall> = kinds.iter().map(|kind| any_call_of(&find(kind).kind)).collect();
        Needs::of(&calls)
    };
    assert_eq!(needs(&[]), Needs { relay: false, controllers: 1 });
    assert_eq!(needs(&["freeze_controller", "kill_broker"]), Needs { relay: false, controllers: 1 });
    assert_eq!(needs(&["lose_quorum", "slow_broker"]), Needs { relay: true, controllers: 3 });
    assert!(ALL.iter().flat_map(|fault| fault.levers).all(|lever| !lever.backends().is_empty()));
    assert!(Lever::BlackHoleBroker.needs_relay());
}

fn find(kind: &str) -> &'static super::Fault {
    super::find(kind).expect("it is in the catalogue")
}

#[test]
fn what_is_open_is_healed_last_first_and_once() {
    let (diary, timeline, open) = (Diary::default(), Timeline::new(Instant::now()), OpenFaults::default());
    let inject = |json| block_on(open.inject(&diary, &timeline, &call(json))).expect("it is done");
    inject(json!({"kind": "freeze_controller"}));
    inject(json!({"kind": "kill_broker", "broker": 2}));
    inject(json!({"kind": "kill_broker", "broker": 2}));
    inject(json!({"kind": "kill_broker", "broker": 3}));
    inject(json!({"kind": "start_broker", "broker": 3}));
    inject(json!({"kind": "strip_leader", "topic": "orders", "share": 0.25}));
    inject(json!({"kind": "restore_leader", "topic": "*"}));
    diary.read();
    block_on(open.heal_all(&diary, &timeline)).expect("healed");
    assert_eq!(diary.read(), ["start 2", "thaw controller"]);
    block_on(open.heal_all(&diary, &timeline)).expect("healed");
    assert!(diary.read().is_empty());
    assert_eq!(timeline.entries().len(), 9);
}

#[test]
fn a_coordinator_that_there_never_was_cannot_be_lost_and_is_healed() {
    let (timeline, open) = (Timeline::new(Instant::now()), OpenFaults::default());
    let lose = call(json!({"kind": "lose_coordinator"}));
    let refused =
        block_on(open.inject(&Refuser { topics: false }, &timeline, &lose)).expect_err("no group was used");
    assert!(refused.to_string().contains("no group was ever used"), "{refused}");
    assert_eq!(block_on(open.heal_all(&Refuser { topics: false }, &timeline)).expect("healed").len(), 1);
}

#[test]
fn nothing_more_is_broken_when_too_much_is_open() {
    let (diary, timeline, open) = (Diary::default(), Timeline::new(Instant::now()), OpenFaults::default());
    let slow = |ms| json!({"kind": "slow_broker", "broker": 1, "delay_ms": ms});
    for ms in 0..OPEN_MAX {
        block_on(open.inject(&diary, &timeline, &call(slow(ms)))).expect("it is done");
    }
    diary.read();
    let refused = block_on(open.inject(&diary, &timeline, &call(slow(OPEN_MAX))));
    assert!(matches!(refused, Err(FaultError::TooManyOpen)));
    assert!(diary.read().is_empty());
}

proptest! {
    #[test]
    fn a_share_is_deterministic_sorted_and_never_empty(share in 0.001_f64..=1.0) {
        let diary = Diary::default();
        let call = call(json!({"kind": "strip_leader", "topic": "orders", "share": share}));
        let first = block_on(apply(&diary, &call)).expect("it is done").done;
        let second = block_on(apply(&diary, &call)).expect("it is done").done;
        prop_assert_eq!(&first, &second);
        let indices = first.split(['[', ']']).nth(1).expect("indices").split(',');
        let indices: Vec<i32> = indices.map(|index| index.parse().expect("an index")).collect();
        prop_assert!(indices.is_sorted());
        prop_assert!((1..=8).contains(&indices.len()));
    }
}
