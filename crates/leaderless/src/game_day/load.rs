//! What customers ask for, as the load generator takes it.

use std::net::SocketAddr;
use std::time::Duration;

use loadgen::{
    Arrivals, Choices, Limits, Mapping, Method, Mode, Observation, Plan, PlanError, PlanSpec, Product,
    Quantity,
};
use loadgen::{RequestSpec, Target, Wire};
use scenario::Load;
use trading::ids::{AccountId, ClientOrderId, OrderKey};

const QUOTES: &str = "quote-service";
const ORDERS: &str = "trade-service";
/// What a client order id is made of; unique within a run.
const CLIENT_ORDER_ID: &str = "{run}-{seq}";

/// The plan of one arm. Everything but `arm` and the addresses is the same for all arms of a seed.
///
/// # Errors
/// The load of a checked scenario is within the generator's bounds, except for chance: its error says which.
pub fn plan(
    load: &Load,
    seed: u64,
    arm: &str,
    quotes: SocketAddr,
    orders: SocketAddr,
) -> Result<Plan, PlanError> {
    let target = |name: &str, address| Target { name: name.to_owned(), address, wire: Wire::default() };
    let in_flight_max = usize::try_from(load.in_flight_max).unwrap_or(usize::MAX);
    let defaults = Limits::default();
    Plan::new(PlanSpec {
        seed,
        run: format!("{arm}-{seed}"),
        arrivals: match load.arrivals {
            scenario::Arrivals::Poisson => Arrivals::Poisson,
            scenario::Arrivals::Constant => Arrivals::Constant,
        },
        rate_per_s: load.rate_per_s,
        duration: load.warmup + load.measured(),
        warm_up: Duration::ZERO,
        mode: Mode::Open,
        workers: 1,
        targets: vec![target(QUOTES, quotes), target(ORDERS, orders)],
        requests: vec![quote(load.mix.quotes), order(load.mix.orders)],
        choices: Choices {
            accounts: (1..=load.accounts).map(|n| format!("account-{n}")).collect(),
            products: load.products.iter().map(|name| product(name)).collect(),
            ..Choices::default()
        },
        mapping: Mapping::default(),
        limits: Limits {
            in_flight_max,
            connections_max: in_flight_max,
            connections_preopened: defaults.connections_preopened.min(in_flight_max),
            deadline: load.deadline,
            drain_max: load.drain,
            lag_p99_max: load.lag_max,
            ..defaults
        },
    })
}

fn quote(weight: u16) -> RequestSpec {
    let body = r#"{"account":"{account}","product":"{product}","side":"{side}","quantity":"{quantity}"}"#;
    post("quote", weight, QUOTES, "/v1/quotes", body.to_owned())
}

fn order(weight: u16) -> RequestSpec {
    let body = format!(
        r#"{{"account":"{{account}}","client_order_id":"{CLIENT_ORDER_ID}","product":"{{product}}","side":"{{side}}","quantity":"{{quantity}}"}}"#
    );
    post("order", weight, ORDERS, "/v1/orders", body)
}

fn post(label: &str, weight: u16, target: &str, path: &str, body: String) -> RequestSpec {
    RequestSpec {
        label: label.to_owned(),
        weight: u32::from(weight),
        method: Method::POST,
        target: target.to_owned(),
        path: path.to_owned(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: Some(body),
    }
}

/// Quantities worth at most half of the 1,000 USD that a degraded quote may be worth, at the feed's opening prices: the
/// feed may double them.
fn product(name: &str) -> Product {
    let (units_min, units_max, decimals) = match name {
        "BTC-USD" => (5, 45, 4),
        "ETH-USD" => (10, 120, 3),
        _ => (10, 240, 2),
    };
    Product { name: name.to_owned(), quantity: Quantity { units_min, units_max, decimals } }
}

/// The key of the order that an observation is about; `None` for other requests.
pub fn order_key(plan: &Plan, seen: &Observation<'_>) -> Option<OrderKey> {
    if seen.label != "order" {
        return None;
    }
    let account = AccountId::new(plan.fill("{account}", seen.k).ok()?).ok()?;
    let client_order_id = ClientOrderId::new(plan.fill(CLIENT_ORDER_ID, seen.k).ok()?).ok()?;
    Some(OrderKey { account, client_order_id })
}

#[cfg(test)]
mod tests {
    use super::*;
    use scenario::Catalogue;

    #[test]
    fn one_request_at_a_time_can_be_planned() {
        let scenario =
            Catalogue::get(Catalogue::DEFAULT, lab::faults::kinds()).expect("the default scenario");
        let load = Load { in_flight_max: 1, ..scenario.load };
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 1));
        let planned = plan(&load, 7, "degrade", anywhere, anywhere);
        assert!(planned.is_ok(), "{:?}", planned.err());
    }
}
