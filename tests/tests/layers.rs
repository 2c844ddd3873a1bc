//! Holds the plan of the house: who may know whom.
//!
//! The table below *is* the plan; an arrow that is not in it fails here, with its two ends named.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// Each room and the rooms it may know, for what it ships (tests may know more).
const PLAN: &[(&str, &[&str])] = &[
    // pure
    ("trading", &[]),
    ("circuit", &[]),
    ("cluster", &[]),
    // blocks
    ("contracts", &["trading"]),
    ("degrade", &["circuit"]),
    ("recorder", &[]),
    ("gates", &["recorder"]),
    ("scenario", &["gates"]),
    // kafka
    ("bus", &["contracts"]),
    ("lab", &["bus", "cluster", "contracts", "scenario", "trading"]),
    // edge
    ("service-kit", &["bus", "circuit", "contracts", "degrade", "trading"]),
    ("page", &["gates", "recorder"]),
    ("report", &["page", "recorder", "scenario"]),
    // programs
    ("fee-service", SERVICE),
    ("quote-service", SERVICE),
    ("trade-service", SERVICE),
    ("loadgen", &["gates", "page", "recorder"]),
    ("leaderless", PROGRAM),
    // proof
    ("benches", &[]),
    ("story-tests", PROOF),
    ("xtask", &["cluster", "lab", "scenario"]),
];
const SERVICE: &[&str] = &["bus", "circuit", "contracts", "degrade", "service-kit", "trading"];
const PROGRAM: &[&str] = &[
    "bus",
    "circuit",
    "cluster",
    "contracts",
    "fee-service",
    "lab",
    "loadgen",
    "page",
    "quote-service",
    "recorder",
    "report",
    "scenario",
    "service-kit",
    "trade-service",
    "trading",
];
const PROOF: &[&str] = &["contracts", "lab", "leaderless", "scenario"];

/// What a pure crate must not ship with: runtimes, sockets, randomness of its own.
const IMPURE: &[&str] = &["tokio", "rdkafka", "hyper", "axum", "rand", "socket2", "mio", "async-std"];

fn workspace() -> Vec<Package> {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata runs in the workspace");
    metadata.packages
}

fn shipped(package: &Package) -> BTreeSet<String> {
    let normal = package.dependencies.iter().filter(|d| d.kind != DependencyKind::Development);
    normal.map(|d| d.name.clone()).collect()
}

#[test]
fn every_room_knows_only_the_rooms_below_it() {
    let plan: BTreeMap<_, _> = PLAN.iter().copied().collect();
    let packages = workspace();
    let rooms: BTreeSet<String> = packages.iter().map(|p| p.name.to_string()).collect();
    for package in &packages {
        let allowed =
            plan.get(package.name.as_str()).unwrap_or_else(|| panic!("{} is not on the plan", package.name));
        for known in shipped(package).intersection(&rooms) {
            assert!(allowed.contains(&known.as_str()), "{} must not know {known}", package.name);
        }
    }
}

#[test]
fn pure_rooms_ship_no_runtime_no_socket_and_no_dice() {
    for package in workspace().iter().filter(|p| ["trading", "circuit", "cluster"].contains(&p.name.as_str()))
    {
        let impure: Vec<_> = shipped(package).into_iter().filter(|d| IMPURE.contains(&d.as_str())).collect();
        assert!(impure.is_empty(), "{} is pure but ships {impure:?}", package.name);
    }
}

/// The bus is the client; xtask is the oracle, which must not look at the world through the bus's presets.
const CLIENTS: &[&str] = &["bus", "xtask"];

#[test]
fn only_the_bus_and_the_oracle_link_a_kafka_client() {
    for package in workspace().iter().filter(|p| !CLIENTS.contains(&p.name.as_str())) {
        let clients: Vec<_> =
            shipped(package).into_iter().filter(|d| d == "rdkafka" || d == "rskafka").collect();
        assert!(clients.is_empty(), "{} links {clients:?}", package.name);
    }
}

#[test]
fn the_load_generator_links_no_kafka() {
    let metadata = MetadataCommand::new().exec().expect("cargo metadata runs in the workspace");
    let resolve = metadata.resolve.expect("a resolved graph");
    let name_of: BTreeMap<_, _> = metadata.packages.iter().map(|p| (&p.id, p.name.to_string())).collect();
    let nodes: BTreeMap<_, _> = resolve.nodes.iter().map(|n| (&n.id, n)).collect();
    let mut open: Vec<_> =
        metadata.packages.iter().filter(|p| p.name.as_str() == "loadgen").map(|p| &p.id).collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        let ships =
            |d: &&cargo_metadata::NodeDep| d.dep_kinds.iter().any(|k| k.kind != DependencyKind::Development);
        open.extend(nodes[id].deps.iter().filter(ships).map(|d| &d.pkg));
    }
    let kafka: Vec<_> = seen.iter().map(|id| &name_of[id]).filter(|name| name.contains("kafka")).collect();
    assert!(kafka.is_empty(), "loadgen reaches {kafka:?}");
}
