//! What the two sides say: messages as JSON, and requests that ended in a fixed form of 29 bytes each.
//!
//! A worker greets, the coordinator says hello, each with its proof; then the task, the plan, the time, the start;
//! chunks while it runs; and at the end each slice is done.

use std::io::{self, ErrorKind};
use std::time::Duration;

use recorder::Outcome;
use serde::{Deserialize, Serialize};

use super::auth::Nonce;
use super::clock::Reading;
use super::frame::{self, Kind};
use crate::classify::Executed;
use crate::landed::Landed;
use crate::outlet::{CHUNK_LEN, Chunk};
use crate::{Connections, Plan, PlanSpec};

/// A message.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub(super) enum Message {
    /// The worker's first.
    Greeting { protocol: u32, version: String, nonce: Nonce },
    /// The coordinator's first.
    Hello { protocol: u32, version: String, nonce: Nonce, proof: Vec<u8> },
    /// The worker agrees to work.
    Welcome { proof: Vec<u8> },
    /// It does not, or cannot.
    Refused { why: String },
    /// What to do: so many slices from the first on.
    Task { spec: Box<PlanSpec>, first: usize, count: usize },
    /// What the worker makes of it.
    Planned { schedule_hash: String },
    /// What is the time?
    Ping,
    /// It is this.
    Pong { now: Reading },
    /// The schedule begins when the worker's steady clock reads this.
    Start { steady_ns: u64 },
    /// End it early.
    Stop,
    /// A slice came to its end.
    Done { slice: usize, is_cut_off: bool, connections: Box<Connections> },
}

/// Either.
#[derive(Debug)]
pub(super) enum Heard {
    Message(Message),
    /// Of a slice.
    Chunk(usize, Chunk),
}

pub(super) fn say(to: &mut impl io::Write, message: &Message) -> io::Result<()> {
    frame::write(to, Kind::Message, &serde_json::to_vec(message)?)
}

pub(super) fn hear_message(from: &mut impl io::Read, len_max: usize) -> io::Result<Message> {
    match frame::read(from, len_max)? {
        (Kind::Message, bytes) => Ok(serde_json::from_slice(&bytes)?),
        (Kind::Chunk, _) => Err(wrong("it is too early for that")),
    }
}

pub(super) fn hear(from: &mut impl io::Read, plan: &Plan) -> io::Result<Heard> {
    match frame::read(from, frame::FRAME_MAX)? {
        (Kind::Message, bytes) => Ok(Heard::Message(serde_json::from_slice(&bytes)?)),
        (Kind::Chunk, bytes) => {
            let (slice, chunk) = decode(&bytes, plan).ok_or_else(|| wrong("what ended cannot be read"))?;
            Ok(Heard::Chunk(slice, chunk))
        }
    }
}

pub(super) fn say_chunk(to: &mut impl io::Write, slice: usize, chunk: &Chunk) -> io::Result<()> {
    frame::write(to, Kind::Chunk, &encode(slice, chunk))
}

pub(super) fn wrong(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

fn encode(slice: usize, chunk: &Chunk) -> Vec<u8> {
    let Chunk { landed, entered, in_flight, seen_until_ns, ended_before_ns } = chunk;
    let mut bytes = Vec::with_capacity(48 + 29 * landed.len());
    for number in [slice as u64, *entered, *in_flight, *seen_until_ns, *ended_before_ns] {
        bytes.extend(number.to_le_bytes());
    }
    for it in landed {
        bytes.extend(it.intended_ns.to_le_bytes());
        for number in [it.k, it.response_us, it.service_us, it.lag_us] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(it.status.to_le_bytes());
        bytes.extend([it.kind, it.outcome.index() as u8, it.executed.index()]);
    }
    bytes
}

/// `None` where it is none, or about requests that the plan does not have.
fn decode(bytes: &[u8], plan: &Plan) -> Option<(usize, Chunk)> {
    let mut bytes = Bytes(bytes);
    let slice = usize::try_from(bytes.number::<8>()?).ok()?;
    let [entered, in_flight, seen_until_ns, ended_before_ns] =
        [bytes.number::<8>()?, bytes.number::<8>()?, bytes.number::<8>()?, bytes.number::<8>()?];
    let spec = plan.spec();
    let end = spec.warm_up + spec.duration;
    let is_ours = |it: &Landed| {
        usize::from(it.kind) < spec.requests.len() && Duration::from_nanos(it.intended_ns) < end
    };
    let mut landed = Vec::new();
    while !bytes.0.is_empty() {
        if landed.len() == CHUNK_LEN {
            return None;
        }
        landed.push(bytes.landed().filter(is_ours)?);
    }
    Some((slice, Chunk { landed, entered, in_flight, seen_until_ns, ended_before_ns }))
}

/// What is left to be read.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn number<const LEN: usize>(&mut self) -> Option<u64> {
        let (first, rest) = self.0.split_first_chunk::<LEN>()?;
        self.0 = rest;
        let mut all = [0; 8];
        all[..LEN].copy_from_slice(first);
        Some(u64::from_le_bytes(all))
    }

    fn landed(&mut self) -> Option<Landed> {
        Some(Landed {
            intended_ns: self.number::<8>()?,
            k: self.number::<4>()? as u32,
            response_us: self.number::<4>()? as u32,
            service_us: self.number::<4>()? as u32,
            lag_us: self.number::<4>()? as u32,
            status: self.number::<2>()? as u16,
            kind: self.number::<1>()? as u8,
            outcome: *Outcome::ALL.get(self.number::<1>()? as usize)?,
            executed: Executed::from_index(self.number::<1>()? as u8)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::books::tests::plan;

    fn landed() -> impl Strategy<Value = Landed> {
        let numbers = (0_u64..50_000_000, any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>());
        (numbers, any::<u16>(), 0..Outcome::COUNT, 0_u8..4).prop_map(
            |(numbers, status, outcome, executed)| {
                let (intended_ns, k, response_us, service_us, lag_us) = numbers;
                let outcome = Outcome::ALL[outcome];
                let executed = Executed::from_index(executed).expect("there are four");
                Landed { intended_ns, k, response_us, service_us, lag_us, status, kind: 0, outcome, executed }
            },
        )
    }

    proptest! {
        #[test]
        fn what_ended_arrives_as_it_was_and_half_of_it_is_refused(
            all in vec(landed(), 0..20), slice in 0_usize..64, cut in 1_usize..29,
        ) {
            let chunk = Chunk { landed: all.clone(), entered: 3, in_flight: 2, seen_until_ns: 1, ended_before_ns: u64::MAX };
            let bytes = encode(slice, &chunk);
            let (of, arrived) = decode(&bytes, &plan(1)).expect("it is whole");
            prop_assert_eq!((of, &arrived.landed), (slice, &all));
            prop_assert_eq!((arrived.entered, arrived.in_flight), (3, 2));
            prop_assert_eq!((arrived.seen_until_ns, arrived.ended_before_ns), (1, u64::MAX));
            prop_assert!(decode(&bytes[..bytes.len() - cut], &plan(1)).is_none());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes, &plan(1));
        }

        #[test]
        fn a_plan_travels_to_the_last_bit_of_its_rate(rate_per_s in 0.1_f64..5_000.0, to_per_s in 0.1_f64..5_000.0) {
            let mut spec = plan(1).spec().clone();
            (spec.rate_per_s, spec.arrivals) = (rate_per_s, crate::Arrivals::Ramp { to_per_s });
            let text = serde_json::to_string(&spec).expect("it has a form");
            let arrived: PlanSpec = serde_json::from_str(&text).expect("it is one");
            let hash = |spec| Plan::new(spec).expect("it is valid").schedule_hash();
            prop_assert_eq!(hash(arrived), hash(spec));
        }
    }

    #[test]
    fn what_the_plan_does_not_have_is_refused() {
        let ours = |change: fn(&mut Landed)| {
            let mut landed = Landed {
                intended_ns: 49_000_000,
                k: 0,
                response_us: 0,
                service_us: 0,
                lag_us: 0,
                status: 0,
                kind: 0,
                outcome: Outcome::Ok,
                executed: Executed::NotSaid,
            };
            change(&mut landed);
            let landed = vec![landed];
            let chunk = Chunk { landed, entered: 1, in_flight: 0, seen_until_ns: 0, ended_before_ns: 0 };
            decode(&encode(0, &chunk), &plan(1)).is_some()
        };
        assert!(ours(|_| {}));
        assert!(!ours(|it| it.kind = 1), "it has one kind");
        assert!(!ours(|it| it.intended_ns = 50_000_000), "it is over by then");
    }
}
