//! The dice: which step comes next, and with what.
//!
//! What is usual is drawn often and what is odd seldom, so that an odd request meets a cluster with something in it.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::*;

pub(super) struct Draw {
    rng: ChaCha8Rng,
    faulty: bool,
}

impl Draw {
    pub(super) fn new(rng: ChaCha8Rng, faulty: bool) -> Self {
        Self { rng, faulty }
    }

    /// Something to work on, in nine plans of ten.
    pub(super) fn beginning(&mut self) -> Vec<Step> {
        if self.one_in(10) {
            return Vec::new();
        }
        let replicas = if self.one_in(4) { self.of(&[1, 2]) } else { 3 };
        let shape = Shape::Placed { partitions: 2, replicas, configs: Vec::new(), only_check: false };
        let mut steps = vec![Step::Create { topic: Topic::A, shape }];
        if self.one_in(2) {
            steps.push(Step::InitProducer { producer: Producer::P, bump: false });
        }
        steps
    }

    pub(super) fn step(&mut self) -> Step {
        if self.faulty && self.one_in(6) {
            return Step::Fault(self.fault());
        }
        let part = self.part();
        match self.rng.random_range(0..100) {
            0..5 => Step::Create { topic: self.topic(), shape: self.shape() },
            5..8 => Step::Delete { topic: self.topic(), by_id: self.one_in(3) },
            8..11 => {
                Step::Grow { topic: self.topic(), to: self.of(&[0, 1, 2, 3, 4]), only_check: self.one_in(4) }
            }
            11..33 => Step::Produce(self.produce(part)),
            33..45 => Step::Fetch(self.fetch(part)),
            45..51 => Step::ListOffsets { part, at: self.at(), epoch: self.epoch(), to: self.to() },
            51..54 => Step::DeleteRecords { part, before: self.place() },
            54..57 => Step::EpochEnd { part, current: self.epoch(), epoch: self.epoch() },
            57..61 => Step::InitProducer { producer: self.producer(), bump: self.one_in(3) },
            61..69 => self.join(),
            69..74 => {
                Step::Sync { member: self.member(), group: self.group(), generation: self.generation() }
            }
            74..78 => {
                Step::Heartbeat { member: self.member(), group: self.group(), generation: self.generation() }
            }
            78..80 => Step::Leave { member: self.member(), group: self.group() },
            80..87 => self.commit(part),
            87..91 => {
                Step::Committed { group: self.group(), part: if self.one_in(3) { None } else { Some(part) } }
            }
            91..94 => Step::DescribeGroup { group: self.group() },
            94..96 => Step::FindCoordinator { group: if self.one_in(6) { None } else { Some(self.group()) } },
            96..98 => Step::Metadata { topic: self.topic(), by_id: self.one_in(3) },
            _ => self.configs(),
        }
    }

    fn shape(&mut self) -> Shape {
        match self.rng.random_range(0..10) {
            0 => Shape::Counts {
                partitions: self.of(&[-2, -1, 0, 1, 3]),
                replicas: self.of(&[-2, -1, 0, 1, 3, 4, 300]),
                name: Name::Own,
            },
            1 => Shape::Counts {
                partitions: 1,
                replicas: 1,
                name: self.of(&[Name::Empty, Name::Dot, Name::Slash, Name::Long(249), Name::Long(250)]),
            },
            2 => Shape::Assigned(self.assignment()),
            _ => self.placed(),
        }
    }

    fn assignment(&mut self) -> Vec<(i32, Vec<i32>)> {
        let all = [
            vec![],
            vec![(0, vec![])],
            vec![(0, vec![1, 1])],
            vec![(0, vec![1, 9])],
            vec![(0, vec![1, 2]), (1, vec![3])],
            vec![(1, vec![1, 2])],
            vec![(0, vec![1]), (2, vec![2])],
            vec![(0, vec![1]), (0, vec![2])],
            vec![(0, vec![-1])],
        ];
        all[self.rng.random_range(0..all.len())].clone()
    }

    /// A setting that the embedded cluster takes without an effect is only checked, so that nothing hangs on it.
    fn placed(&mut self) -> Shape {
        const NO_EFFECT: &[(&str, &str)] = &[("cleanup.policy", "compact"), ("compression.type", "gzip")];
        let configs = self.topic_configs();
        let only_check = self.one_in(6) || configs.iter().any(|config| NO_EFFECT.contains(config));
        let (partitions, replicas) = (self.of(&[1, 2, 2, 3]), self.of(&[1, 2, 3, 3, 3]));
        Shape::Placed { partitions, replicas, configs, only_check }
    }

    fn topic_configs(&mut self) -> Vec<(&'static str, &'static str)> {
        const ODD: &[(&str, &str)] = &[
            ("min.insync.replicas", "1"),
            ("min.insync.replicas", "3"),
            ("min.insync.replicas", "4"),
            ("min.insync.replicas", "0"),
            ("min.insync.replicas", "two"),
            ("max.message.bytes", "2000"),
            ("max.message.bytes", "-1"),
            ("retention.bytes", "-2"),
            ("cleanup.policy", "compact"),
            ("cleanup.policy", "sometimes"),
            ("compression.type", "gzip"),
            ("compression.type", "rar"),
            ("message.timestamp.type", "LogAppendTime"),
            ("segment.bytes", "10"),
            ("no.such.setting", "1"),
        ];
        if self.one_in(3) { vec![self.of(ODD)] } else { Vec::new() }
    }

    fn produce(&mut self, part: Part) -> Produce {
        let by = (!self.one_in(3)).then(|| Idempotent {
            producer: self.producer(),
            sequence: self.usual(Sequence::Next, &[Sequence::Again, Sequence::Gap, Sequence::Zero]),
            epoch: self.usual(Epoch::Right, &[Epoch::Old, Epoch::Future]),
        });
        let odd = [
            Content::NullKey,
            Content::NullValue,
            Content::Headers,
            Content::Empty,
            Content::Corrupt,
            Content::TooLarge,
        ];
        Produce {
            part,
            acks: self.usual(-1, &[1, 1, 0, 2]),
            by,
            batches: self.usual(1, &[2, 3]),
            records: self.of(&[1, 1, 2, 3, 7]),
            codec: self.usual(Codec::None, &[Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd]),
            content: self.usual(Content::Keyed, &odd),
            to: self.to(),
            by_id: self.one_in(4),
        }
    }

    fn fetch(&mut self, part: Part) -> Fetch {
        Fetch {
            part,
            from: self.place(),
            bytes_max: self.usual(1_048_576, &[1, 200, 1_000]),
            epoch: self.epoch(),
            to: self.to(),
            by_id: self.one_in(3),
        }
    }

    fn join(&mut self) -> Step {
        Step::Join {
            member: self.member(),
            group: self.group(),
            session_ms: self.usual(300_000, &[0, 1_000, 1_800_001]),
            assignor: self.usual("range", &["sticky"]),
            id: self.usual(Identity::Own, &[Identity::Forgotten, Identity::Invented]),
        }
    }

    fn commit(&mut self, part: Part) -> Step {
        let who = if self.one_in(2) {
            Committer::Outsider
        } else {
            Committer::Member(self.member(), self.generation())
        };
        let offset = self.of(&[0, 1, 5, 100, -1]);
        Step::Commit { who, group: self.group(), part, offset, note_bytes: self.usual(4, &[0, 4_096, 4_097]) }
    }

    fn configs(&mut self) -> Step {
        let names: &[&str] = match self.rng.random_range(0..4) {
            0 => &["cleanup.policy", "no.such.setting"],
            1 => &["min.insync.replicas", "compression.type"],
            2 => &["max.message.bytes", "message.timestamp.type"],
            _ => &["retention.ms", "segment.bytes", "unclean.leader.election.enable"],
        };
        Step::Configs { topic: self.topic(), names: names.to_vec() }
    }

    /// Breaking and healing are drawn alike; what does not apply does nothing.
    fn fault(&mut self) -> Fault {
        // Broker 2 twice: it leads partition 1 and coordinates group H.
        let broker = self.of(&[1, 2, 2, 3]);
        match self.rng.random_range(0..9) {
            0 | 1 => Fault::KillBroker(broker),
            2 => Fault::StartBroker(broker),
            3 => Fault::FreezeBroker(broker),
            4 => Fault::ThawBroker(broker),
            5 | 6 => Fault::FreezeController,
            _ => Fault::ThawController,
        }
    }

    fn at(&mut self) -> At {
        match self.rng.random_range(0..6) {
            0 => At::Earliest,
            1 => At::Latest,
            2 => At::MaxTimestamp,
            3 => At::Unheard,
            _ => At::Second(self.rng.random_range(-1..40)),
        }
    }

    fn part(&mut self) -> Part {
        Part { topic: self.usual(Topic::A, &[Topic::A, Topic::B]), index: self.of(&[0, 0, 0, 1, 1, 2, 7]) }
    }

    fn topic(&mut self) -> Topic {
        self.of(&[Topic::A, Topic::B])
    }

    fn group(&mut self) -> Group {
        self.of(&[Group::G, Group::G, Group::H])
    }

    fn producer(&mut self) -> Producer {
        self.of(&[Producer::P, Producer::P, Producer::Q])
    }

    fn member(&mut self) -> Member {
        self.of(&[Member::M, Member::M, Member::N])
    }

    fn generation(&mut self) -> Generation {
        self.usual(Generation::Known, &[Generation::Old, Generation::Future])
    }

    fn epoch(&mut self) -> Epoch {
        self.usual(Epoch::Unsaid, &[Epoch::Right, Epoch::Right, Epoch::Old, Epoch::Future])
    }

    fn place(&mut self) -> Place {
        self.usual(
            Place::Begin,
            &[Place::Middle, Place::Middle, Place::End, Place::Beyond, Place::At(-1), Place::At(-7)],
        )
    }

    fn to(&mut self) -> To {
        if self.one_in(12) { To::Other } else { To::Leader }
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.rng.random_ratio(1, n)
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.rng.random_range(0..all.len())]
    }

    /// The usual one two times of three, else one of the odd ones.
    fn usual<T: Copy>(&mut self, usual: T, odd: &[T]) -> T {
        if self.rng.random_ratio(2, 3) { usual } else { self.of(odd) }
    }
}
