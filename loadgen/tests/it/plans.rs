//! What a plan is refused for, and what a seed decides.

use std::time::Duration;

use crate::scripted::{refusing, request, spec};
use loadgen::{Arrivals, Choices, Plan, PlanError, PlanSpec, RequestSpec};
use proptest::prelude::*;

fn orders() -> PlanSpec {
    PlanSpec {
        requests: vec![request("http", "quote"), request("http", "order")],
        ..spec(&[("http", refusing())])
    }
}

fn refusal(change: impl FnOnce(&mut PlanSpec)) -> String {
    let mut spec = orders();
    change(&mut spec);
    Plan::new(spec).expect_err("the plan must be refused").to_string()
}

#[test]
fn a_refusal_says_what_to_change() {
    let path = |path: &str| RequestSpec { path: path.to_owned(), ..request("http", "order") };
    assert_eq!(refusal(|it| it.requests.clear()), "requests is 0: allowed is 1 to 256");
    assert_eq!(
        refusal(|it| it.requests[1].target = "htpp".to_owned()),
        "request `order` goes to `htpp`: the targets are http"
    );
    assert_eq!(
        refusal(|it| it.requests = vec![path("/{acount}")]),
        "request `order`: unknown placeholder {acount}: \
         use one of {account}, {product}, {side}, {quantity}, {seq}, {run}"
    );
    assert_eq!(
        refusal(|it| {
            it.requests = vec![path("/{account}")];
            it.choices = Choices::default();
        }),
        "request `order` mentions {account}, but there is nothing to choose from"
    );
    assert_eq!(
        refusal(|it| it.requests = vec![path("orders")]),
        "request `order`: `orders` is no valid path"
    );
    assert_eq!(refusal(|it| it.requests = vec![path("/{A b")]), "request `order`: `/{A b` is no valid path");
    assert_eq!(
        refusal(|it| it.requests[0].headers.push(("x y".to_owned(), String::new()))),
        "request `quote`: `x y` is no valid header name"
    );
    assert_eq!(
        refusal(|it| it.run = "a/b".to_owned()),
        "run: `a/b` may hold only ASCII letters, digits, `-`, `_`, `.` and `:`"
    );
    assert_eq!(refusal(|it| it.limits.in_flight_max = 0), "in_flight_max is 0: allowed is 1 to 1000000");
    assert_eq!(
        refusal(|it| it.choices.products[0].quantity.units_max = 0),
        "units_min is 1: allowed is 0 to 0"
    );
    assert_eq!(
        refusal(|it| it.requests.iter_mut().for_each(|request| request.weight = 0)),
        format!("the sum of all weights is 0: allowed is 1 to {}", u64::MAX)
    );
}

#[test]
fn too_long_a_schedule_is_refused() {
    let spec = PlanSpec { rate_per_s: 1e6, duration: Duration::from_secs(60), ..orders() };
    assert!(matches!(Plan::new(spec), Err(PlanError::Schedule(_))));
}

#[test]
fn the_hash_of_a_schedule_is_the_same_today_as_ever() {
    let plan = Plan::new(PlanSpec { arrivals: Arrivals::Constant, rate_per_s: 3.0, ..orders() }).unwrap();
    expect_test::expect!["46db390dbae2777bbabc4de75db94ebf519e0e93c2346df652a004fb42f98542"]
        .assert_eq(&plan.schedule_hash());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_hash_depends_on_the_seed_and_not_on_the_run_or_the_address(seed: u64) {
        let hash = |seed, run: &str| {
            Plan::new(PlanSpec { seed, run: run.to_owned(), ..orders() }).unwrap().schedule_hash()
        };
        prop_assert_eq!(hash(seed, "hang"), hash(seed, "degrade"));
        prop_assert_ne!(hash(seed, "hang"), hash(seed.wrapping_add(1), "hang"));
    }

    #[test]
    fn the_hash_sees_every_part_of_a_request(seed: u64) {
        let hash = |change: fn(&mut PlanSpec)| {
            let mut spec = PlanSpec { seed, ..orders() };
            change(&mut spec);
            Plan::new(spec).unwrap().schedule_hash()
        };
        let changed: [fn(&mut PlanSpec); 6] = [
            |it| it.requests[0].body = None,
            |it| it.requests[0].path.push('s'),
            |it| it.requests[0].weight = 50,
            |it| it.choices.accounts.push("acct-3".to_owned()),
            |it| it.choices.products[0].quantity.decimals = 2,
            |it| it.duration += Duration::from_secs(1),
        ];
        for (place, change) in changed.into_iter().enumerate() {
            prop_assert_ne!(hash(|_| {}), hash(change), "change {}", place);
        }
    }

    #[test]
    fn request_k_is_a_function_of_seed_and_k(seed: u64, k in 0_u64..10_000) {
        let plan = || Plan::new(PlanSpec { seed, ..orders() }).unwrap();
        let (one, other) = (plan(), plan());
        (0..10).for_each(|earlier| drop(other.render(earlier)));
        let rendered = one.render(k);
        prop_assert_eq!(&rendered.body, &other.render(k).body);
        prop_assert_eq!(rendered.label, other.label(k));
        let id = format!(r#"{{"id":"test-{k}","#);
        prop_assert!(rendered.body.starts_with(&id), "{}", rendered.body);
    }
}
