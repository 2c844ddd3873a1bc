//! What holds whatever happens.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    /// With a new member id, or that of a member; as a static member or not; with one assignor or another.
    Join {
        known: Option<Index>,
        instance: Option<u8>,
        assignor: u8,
        id_required: bool,
    },
    Sync {
        member: Index,
        off: i32,
    },
    Heartbeat {
        member: Index,
        off: i32,
    },
    Leave {
        member: Index,
    },
    Commit {
        member: Option<Index>,
        partition: i32,
    },
    Report {
        record: Index,
        result: Result<(), ErrorCode>,
    },
    Abandon {
        token: Index,
    },
    Wait {
        seconds: u64,
    },
    Hold,
    Release,
    Move,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let off = prop_oneof![9 => Just(0), 1 => Just(-1)];
    let result = prop_oneof![4 => Just(Ok(())), 1 => Just(Err(ErrorCode::RequestTimedOut))];
    let join = (any::<Option<Index>>(), prop::option::weighted(0.3, 0..3_u8), 0..3_u8, any::<bool>());
    let step = prop_oneof![
        8 => join.prop_map(|(known, instance, assignor, id_required)| Step::Join { known, instance, assignor, id_required }),
        8 => (any::<Index>(), off.clone()).prop_map(|(member, off)| Step::Sync { member, off }),
        4 => (any::<Index>(), off).prop_map(|(member, off)| Step::Heartbeat { member, off }),
        1 => any::<Index>().prop_map(|member| Step::Leave { member }),
        3 => (any::<Option<Index>>(), 0..4).prop_map(|(member, partition)| Step::Commit { member, partition }),
        6 => (any::<Index>(), result).prop_map(|(record, result)| Step::Report { record, result }),
        1 => any::<Index>().prop_map(|token| Step::Abandon { token }),
        2 => (0..40_u64).prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::Hold),
        1 => Just(Step::Release),
        1 => Just(Step::Move),
    ];
    prop::collection::vec(step, 1..120)
}

/// The world, what was asked of it, and what must be true of it.
struct Run {
    world: World,
    open: BTreeSet<Token>,
    abandoned: BTreeSet<Token>,
    /// Every (member id, generation) that a client has ever been told.
    known: Vec<(String, i32)>,
    generation: i32,
}

impl Run {
    fn new() -> Self {
        let mut world =
            World::with(GroupSettings { members_max: 4, offsets_max: 3, ..GroupSettings::default() });
        world.stuck = true;
        let (open, abandoned) = (BTreeSet::new(), BTreeSet::new());
        Self { world, open, abandoned, known: vec![("nobody".to_owned(), 0)], generation: 0 }
    }

    fn pick(&self, index: &Index) -> (String, i32) {
        index.get(&self.known).clone()
    }

    fn step(&mut self, step: Step) {
        let asked = match step {
            Step::Join { known, instance, assignor, id_required } => {
                let id = known.map(|index| self.pick(&index).0).unwrap_or_default();
                let mut request = join_request(&id);
                request.instance = instance.map(|number| format!("desk-{number}"));
                request.member_id_required = id_required;
                request.protocols.push((format!("assignor-{assignor}"), Bytes::new()));
                Some(self.world.join(request))
            }
            Step::Sync { member, off } => {
                let joined = self.claim(&member, off);
                Some(self.world.sync(&joined, &[(&joined.member, "mine")]))
            }
            Step::Heartbeat { member, off } => {
                let joined = self.claim(&member, off);
                _ = self.world.heartbeat(&joined);
                None
            }
            Step::Leave { member } => {
                let (id, _) = self.pick(&member);
                self.world.leave(&[(&id, None)]);
                None
            }
            Step::Commit { member, partition } => {
                let (member, generation) =
                    member.map_or((String::new(), -1), |index| (self.pick(&index).0, self.generation));
                let who = GroupMember { group: GROUP.to_owned(), generation, member, instance: None };
                Some(self.world.commit(who, &[(partition, 1)]))
            }
            other => {
                self.surroundings(other);
                None
            }
        };
        self.open.extend(asked);
    }

    fn surroundings(&mut self, step: Step) {
        let world = &mut self.world;
        match step {
            Step::Report { record, result } if !world.records.is_empty() => {
                let index = record.index(world.records.len());
                let id = world.records.remove(index).expect("in range");
                let effects = world.groups.persisted(id, result, world.now);
                world.take(effects);
            }
            Step::Abandon { token } if !self.open.is_empty() => {
                let open: Vec<Token> = self.open.iter().copied().collect();
                let token = *token.get(&open);
                world.groups.abandon(token);
                self.open.remove(&token);
                self.abandoned.insert(token);
            }
            Step::Wait { seconds } => world.wait(secs(seconds)),
            Step::Hold => world.groups.hold(|_| true),
            Step::Release => world.groups.release(|_| true, world.now),
            Step::Move => {
                let effects = world.groups.fail_parked(|_| true, ErrorCode::NotCoordinator, world.now);
                world.take(effects);
            }
            _ => {}
        }
    }

    fn claim(&self, index: &Index, off: i32) -> Joined {
        let (member, generation) = self.pick(index);
        Joined {
            generation: generation + off,
            protocol_type: String::new(),
            protocol: String::new(),
            leader: String::new(),
            member,
            members: Vec::new(),
            skip_assignment: false,
        }
    }

    /// Takes the answers in. That no token is answered twice within a call or across calls is checked here too.
    fn check(&mut self) {
        for (token, response) in std::mem::take(&mut self.world.replies) {
            assert!(!self.abandoned.contains(&token), "{token:?} was abandoned");
            assert!(self.open.remove(&token), "{token:?} is not open");
            match response {
                Response::JoinGroup(Ok(joined)) => {
                    assert!(joined.generation >= self.generation, "a generation went back");
                    self.generation = joined.generation;
                    self.known.push((joined.member, joined.generation));
                }
                Response::JoinGroup(Err((ErrorCode::MemberIdRequired, id))) => self.known.push((id, 0)),
                _ => {}
            }
        }
        assert_eq!(self.world.groups.parked, self.open, "parked is what is open");
        self.check_tables();
    }

    fn check_tables(&self) {
        let Some(group) = self.world.groups.groups.get(GROUP) else { return };
        assert!(group.members.len() <= 4 && group.pending.len() <= 4 && group.offsets.len() <= 3);
        assert!(group.instances.values().all(|id| group.members.contains_key(id)));
        assert_eq!(group.members.is_empty(), group.leader.is_none(), "{group:?}");
        assert_eq!(group.phase.name() == "Empty", group.members.is_empty(), "{group:?}");
        if let Some(due) = group.deadline() {
            assert!(self.world.groups.next_timer().is_some_and(|alarm| alarm <= due), "no alarm for {due:?}");
        }
    }
}

proptest! {
    #[test]
    fn every_token_is_answered_at_most_once_and_the_parked_are_those_not_answered(steps in steps()) {
        let mut run = Run::new();
        for step in steps {
            run.step(step);
            run.check();
        }
    }

    #[test]
    fn once_the_log_and_the_clock_go_on_nobody_waits(steps in steps()) {
        let mut run = Run::new();
        for step in steps {
            run.step(step);
            run.check();
        }
        run.world.groups.release(|_| true, run.world.now);
        run.world.stuck = false;
        run.world.store(Ok(()));
        run.world.wait(secs(3_600));
        run.check();
        prop_assert!(run.open.is_empty(), "still parked: {:?}", run.open);
        prop_assert!(run.world.groups.next_timer().is_none());
    }

    #[test]
    fn the_same_story_is_told_twice_in_the_same_words(steps in steps()) {
        let tell = |steps: Vec<Step>| {
            let (mut run, mut story) = (Run::new(), String::new());
            for step in steps {
                run.step(step);
                story += &format!("{:?}\n", run.world.replies);
                run.check();
            }
            story
        };
        prop_assert_eq!(tell(steps.clone()), tell(steps));
    }
}
