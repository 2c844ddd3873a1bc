//! What holds whatever happens: random requests, faults and heals on a virtual clock.

mod common;

use std::collections::BTreeMap;

use cluster::*;
use common::{World, batch, ms, tp};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Pull(Lever),
    Produce { partition: i32, acks: Acks, producer: Option<(i64, i16, i32)> },
    Fetch { partition: i32, offset: i64, wait_ms: u64 },
    ElectPreferred,
    Move { partition: i32, to: Option<Vec<i32>> },
    Pass(u64),
}

fn lever() -> impl Strategy<Value = Lever> {
    let broker = || (1..=4).prop_map(BrokerId);
    let partitions = || (0..3).prop_map(|p| vec![tp("t", p), tp("__consumer_offsets", p)]);
    prop_oneof![
        1 => Just(Lever::FreezeController),
        3 => Just(Lever::ThawController),
        1 => broker().prop_map(Lever::KillBroker),
        1 => broker().prop_map(Lever::StopBroker),
        2 => broker().prop_map(Lever::StartBroker),
        1 => broker().prop_map(Lever::FreezeBroker),
        2 => broker().prop_map(Lever::ThawBroker),
        1 => broker().prop_map(Lever::BlackHoleBroker),
        2 => broker().prop_map(Lever::RestoreBroker),
        1 => (broker(), 0..500_u64).prop_map(|(b, d)| Lever::SlowBroker(b, ms(d))),
        1 => partitions().prop_map(Lever::StripLeader),
        2 => partitions().prop_map(Lever::RestoreLeader),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let acks = prop_oneof![1 => Just(Acks::None), 1 => Just(Acks::Leader), 3 => Just(Acks::All)];
    let to = prop::option::of(prop::sample::subsequence(vec![1, 2, 3, 4], 1..=4).prop_shuffle());
    let producer = prop::option::of((0..3_i64, 0..2_i16, 0..6_i32));
    prop_oneof![
        2 => lever().prop_map(Step::Pull),
        4 => (0..3, acks, producer).prop_map(|(partition, acks, producer)| Step::Produce { partition, acks, producer }),
        1 => (0..3, 0..8_i64, 0..3_000_u64).prop_map(|(partition, offset, wait_ms)| Step::Fetch { partition, offset, wait_ms }),
        1 => Just(Step::ElectPreferred),
        1 => (0..3, to).prop_map(|(partition, to)| Step::Move { partition, to }),
        2 => (0..12_000_u64).prop_map(Step::Pass),
    ]
}

/// What was ever seen, to be compared with what is seen now.
#[derive(Default)]
struct Seen {
    leaders: BTreeMap<(TopicPartition, i32), BrokerId>,
    high_watermarks: BTreeMap<i32, i64>,
    committed: BTreeMap<i32, Vec<u8>>,
}

impl Seen {
    fn look(&mut self, world: &mut World) {
        for (_, change) in world.changes.drain(..) {
            if let Change::Leader { partition, leader: Some(leader), epoch } = change {
                let before = self.leaders.insert((partition, epoch), leader);
                assert!(before.is_none(), "two elections in one epoch");
            }
        }
        let state = world.cluster.state();
        let topic = state.topics.iter().find(|topic| &*topic.topic == "t").expect("t");
        for partition in &topic.partitions {
            let index = partition.partition;
            let before = self.high_watermarks.insert(index, partition.high_watermark).unwrap_or(0);
            assert!(before <= partition.high_watermark, "the high watermark of {index} went back");
            assert!(partition.high_watermark <= partition.log_end, "{partition:?}");
            if let Some(leader) = partition.leader {
                assert!(partition.isr.contains(&leader), "{partition:?}");
                self.compare_records(world, index, leader, partition.high_watermark);
            }
        }
    }

    fn compare_records(&mut self, world: &mut World, partition: i32, leader: BrokerId, below: i64) {
        let token = world.fetch(leader.0, partition, 0, ms(0));
        let Some(Response::Fetch(parts)) = world.answer(token) else {
            panic!("a fetch that may not wait waits")
        };
        let now: Vec<u8> = parts[0].batches.concat();
        let before = self.committed.entry(partition).or_default();
        assert!(now.starts_with(before), "records of {partition} below {below} were lost or changed");
        *before = now;
    }
}

fn run(steps: Vec<Step>) {
    let mut world = World::new(Spec { brokers: 4, zones: 2, seed: 3, ..Spec::new() });
    world.create("t", &[&[1, 2, 3], &[2, 3, 4], &[4, 1, 2]]);
    world.changes.clear();
    let mut seen = Seen::default();
    for step in steps {
        match step {
            Step::Pull(lever) => world.pull(lever),
            Step::Pass(time) => world.pass(ms(time)),
            Step::ElectPreferred => {
                let everything = ElectLeaders { election: Election::Preferred, topics: None };
                world.ask(1, Request::ElectLeaders(everything));
            }
            Step::Move { partition, to } => {
                let to = to.map(|to| to.into_iter().map(BrokerId).collect());
                let partitions = vec![(tp("t", partition), to)];
                world.ask(1, Request::MovePartitions(MovePartitions { factor_may_change: true, partitions }));
            }
            Step::Produce { partition, acks, producer } => {
                let leader = world.leader(partition).0.max(1);
                world.produce_batch(leader, partition, acks, batch(producer));
            }
            Step::Fetch { partition, offset, wait_ms } => {
                let leader = world.leader(partition).0.max(1);
                world.fetch(leader, partition, offset, ms(wait_ms));
            }
        }
        seen.look(&mut world);
    }
    heal_everything(&mut world);
    seen.look(&mut world);
}

/// Whatever happened, a healed cluster works: everybody in sync, nobody waiting, every partition writable.
fn heal_everything(world: &mut World) {
    world.pull(Lever::ThawController);
    for broker in (1..=4).map(BrokerId) {
        for heal in [Lever::StartBroker(broker), Lever::ThawBroker(broker), Lever::RestoreBroker(broker)] {
            world.pull(heal);
        }
        world.pull(Lever::SlowBroker(broker, ms(0)));
    }
    world
        .pull(Lever::RestoreLeader((0..3).flat_map(|p| [tp("t", p), tp("__consumer_offsets", p)]).collect()));
    world.pass(ms(60_000));
    assert_eq!(world.cluster.state().parked_requests, 0);
    for partition in 0..3 {
        let (leader, isr) = world.leader(partition);
        let replicas = world.metadata("t", partition).replicas.len();
        assert_eq!(isr.len(), replicas, "partition {partition} led by {leader}");
        let token = world.produce(leader, partition, Acks::All);
        assert_eq!(world.produced(token), Some(ErrorCode::None));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn committed_records_survive_and_a_healed_cluster_works(steps in prop::collection::vec(step(), 1..80)) {
        run(steps);
    }
}
