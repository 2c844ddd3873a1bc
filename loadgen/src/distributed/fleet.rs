//! The side that has the plan: it joins workers, starts them together and listens to all of them.
//!
//! Nothing is sent before every worker has agreed. From the start on a worker that fails is lost, and the others go on.

use std::io::{self, BufReader};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tokio_util::sync::CancellationToken;

use super::auth::{Nonces, Side, is_proven, nonce, proof};
use super::clock::{Clock, Estimate, ROUNDS};
use super::frame::{FRAME_MAX, FRAME_MAX_STRANGER};
use super::message::{Heard, Message, hear, hear_message, say, wrong};
use super::{ClockOffset, NeedsToken, PLANNING_MAX, PROTOCOL, SILENCE_MAX, Token, check_token};
use crate::books::Joined;
use crate::handle::{self, Handle};
use crate::outlet::{Done, News, Outlet};
use crate::{Plan, Sink};

/// From the order to start to the start: workers open their first connections meanwhile, 2 s at most.
const LEAD: Duration = Duration::from_millis(2_500);

/// Why there is no fleet. Nothing was sent to the target.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// Give it a token, or loopback addresses.
    #[error(transparent)]
    NeedsToken(#[from] NeedsToken),
    /// The plan cannot be shared out evenly.
    #[error("{slices} slices cannot be shared out evenly over {machines} machines")]
    Uneven {
        /// How many slices the plan has.
        slices: usize,
        /// How many machines there are.
        machines: usize,
    },
    /// A worker cannot be reached, or does not keep to the protocol.
    #[error("worker {worker}: {cause}")]
    Unreachable {
        /// Its address.
        worker: String,
        /// What went wrong.
        cause: io::Error,
    },
    /// A worker does not want to, or must not.
    #[error("worker {worker}: {why}")]
    Refused {
        /// Its address.
        worker: String,
        /// In its words.
        why: String,
    },
}

/// Workers that have agreed on a plan.
#[derive(Debug)]
pub struct Fleet {
    plan: Arc<Plan>,
    clock: Clock,
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    name: String,
    stream: TcpStream,
    from: BufReader<TcpStream>,
    estimate: Estimate,
}

impl Fleet {
    /// Joins the workers at these `host:port`s, each for as many slices of the plan.
    ///
    /// # Errors
    /// With the worker that does not join, and why.
    pub fn join(plan: Arc<Plan>, workers: &[String], token: Option<&Token>) -> Result<Self, JoinError> {
        let (slices, machines) = (plan.spec().workers, workers.len());
        if machines == 0 || !slices.is_multiple_of(machines) {
            return Err(JoinError::Uneven { slices, machines });
        }
        let count = slices / machines;
        let clock = Clock::new();
        // Each plans on its own, as do we; all at the same time.
        let mut members = Vec::new();
        for (index, name) in workers.iter().enumerate() {
            let mut member = Member::meet(name, token, clock)?;
            let spec = Box::new(plan.spec().clone());
            member.say(&Message::Task { spec, first: index * count, count })?;
            members.push(member);
        }
        let hash = plan.schedule_hash();
        for member in &mut members {
            member.check_plan(&hash)?;
        }
        for member in &mut members {
            member.estimate = member.ask_the_time(clock)?;
        }
        Ok(Self { plan, clock, members })
    }

    /// The workers, and how their clocks differ.
    pub fn clocks(&self) -> impl Iterator<Item = (&str, ClockOffset)> {
        self.members.iter().map(|member| (member.name.as_str(), member.estimate.wall))
    }

    /// Starts the run on all of them. What they see goes into `sink`, as if they were threads of this process.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn spawn_into<S: Sink>(self, sink: S) -> io::Result<Handle<S>> {
        let Self { plan, clock, members } = self;
        let begins = Instant::now() + LEAD;
        let started = Arc::new(OnceLock::from((begins, SystemTime::now() + LEAD)));
        let joined = members.iter().map(|it| Joined { name: it.name.clone(), clock: it.estimate.wall });
        let joined = joined.collect();
        let (mut handle, outlets) = handle::open(&plan, sink, started, joined)?;
        let count = outlets.len() / members.len();
        let mut outlets = outlets.into_iter();
        for (index, member) in members.into_iter().enumerate() {
            let share = Share {
                first: index * count,
                outlets: outlets.by_ref().take(count).collect(),
                plan: plan.clone(),
                clock,
                stop: handle.stop_token(),
            };
            let follow = move || share.follow(member, begins);
            handle.add(thread::Builder::new().name(format!("loadgen-worker-{index}")).spawn(follow)?);
        }
        Ok(handle)
    }
}

impl Member {
    /// Connects, and makes sure of the other's version and token before anything of the plan is said.
    fn meet(name: &str, token: Option<&Token>, clock: Clock) -> Result<Self, JoinError> {
        let fails = |cause| unreachable(name, cause);
        let address = resolve(name).map_err(fails)?;
        check_token(address, token)?;
        let stream = connect(address).map_err(fails)?;
        let from = BufReader::new(stream.try_clone().map_err(fails)?);
        let now = clock.now();
        let mut member = Self { name: name.to_owned(), stream, from, estimate: Estimate::of(now, now, now) };
        let Message::Greeting { protocol, version, nonce: theirs } = member.hear(FRAME_MAX_STRANGER)? else {
            return Err(fails(wrong("it is no loadgen worker")));
        };
        let ours = env!("CARGO_PKG_VERSION").to_owned();
        if (protocol, &version) != (PROTOCOL, &ours) {
            let why = format!("it is loadgen {version}, protocol {protocol}; this is {ours}, {PROTOCOL}");
            return Err(member.refused(why));
        }
        let nonces = Nonces { worker: theirs, coordinator: nonce() };
        let shown = proof(token, Side::Coordinator, nonces);
        let hello =
            Message::Hello { protocol: PROTOCOL, version: ours, nonce: nonces.coordinator, proof: shown };
        member.say(&hello)?;
        match member.hear(FRAME_MAX_STRANGER)? {
            Message::Welcome { proof } if is_proven(token, Side::Worker, nonces, &proof) => Ok(member),
            Message::Welcome { .. } => Err(member.refused("it does not know the token".to_owned())),
            _ => Err(fails(wrong("it did not answer hello"))),
        }
    }

    fn check_plan(&mut self, hash: &str) -> Result<(), JoinError> {
        let patience = |stream: &TcpStream, time| stream.set_read_timeout(Some(time));
        patience(&self.stream, PLANNING_MAX).map_err(|cause| unreachable(&self.name, cause))?;
        let Message::Planned { schedule_hash } = self.hear(FRAME_MAX)? else {
            return Err(unreachable(&self.name, wrong("it has no plan")));
        };
        patience(&self.stream, SILENCE_MAX).map_err(|cause| unreachable(&self.name, cause))?;
        if schedule_hash == hash {
            return Ok(());
        }
        Err(self.refused("it computes another schedule from the same plan".to_owned()))
    }

    fn ask_the_time(&mut self, clock: Clock) -> Result<Estimate, JoinError> {
        let mut best: Option<Estimate> = None;
        for _ in 0..ROUNDS {
            let before = clock.now();
            self.say(&Message::Ping)?;
            let Message::Pong { now } = self.hear(FRAME_MAX)? else {
                return Err(unreachable(&self.name, wrong("it does not tell the time")));
            };
            let round = Estimate::of(before, now, clock.now());
            best = Some(best.map_or(round, |best| best.or(round)));
        }
        Ok(best.unwrap_or(self.estimate))
    }

    fn say(&mut self, message: &Message) -> Result<(), JoinError> {
        say(&mut self.stream, message).map_err(|cause| unreachable(&self.name, cause))
    }

    fn hear(&mut self, len_max: usize) -> Result<Message, JoinError> {
        match hear_message(&mut self.from, len_max) {
            Ok(Message::Refused { why }) => Err(self.refused(why)),
            Ok(message) => Ok(message),
            Err(cause) => Err(unreachable(&self.name, cause)),
        }
    }

    fn refused(&self, why: String) -> JoinError {
        JoinError::Refused { worker: self.name.clone(), why }
    }
}

fn unreachable(worker: &str, cause: io::Error) -> JoinError {
    let cause = match cause.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            io::Error::new(cause.kind(), "it does not answer; it may be busy with another run")
        }
        io::ErrorKind::UnexpectedEof => io::Error::new(cause.kind(), "it hung up"),
        _ => cause,
    };
    JoinError::Unreachable { worker: worker.to_owned(), cause }
}

fn resolve(name: &str) -> io::Result<SocketAddr> {
    name.to_socket_addrs()?.next().ok_or_else(|| wrong("it has no address"))
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, SILENCE_MAX)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE_MAX))?;
    stream.set_write_timeout(Some(SILENCE_MAX))?;
    Ok(stream)
}

/// The slices of one worker.
struct Share {
    first: usize,
    outlets: Vec<Outlet>,
    plan: Arc<Plan>,
    clock: Clock,
    stop: CancellationToken,
}

impl Share {
    /// Listens to the worker until its slices are done, or it is lost.
    fn follow(self, mut member: Member, begins: Instant) {
        let before = member.estimate;
        match self.listen(&mut member, begins) {
            Ok(done) => {
                if let Ok(after) = member.ask_the_time(self.clock) {
                    self.tell(|| News::Moved(after.steady_ahead_ns.saturating_sub(before.steady_ahead_ns)));
                }
                for (slice, done) in done {
                    self.outlets[slice].post(News::Done(Box::new(done)));
                }
            }
            Err(cause) => {
                let why = match cause.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                        format!("nothing was heard of it for {SILENCE_MAX:?}")
                    }
                    io::ErrorKind::UnexpectedEof => "it hung up".to_owned(),
                    _ => cause.to_string(),
                };
                self.tell(|| News::Lost(why.clone()));
            }
        }
    }

    fn tell(&self, news: impl Fn() -> News) {
        self.outlets.iter().for_each(|outlet| outlet.post(news()));
    }

    fn listen(&self, member: &mut Member, begins: Instant) -> io::Result<Vec<(usize, Done)>> {
        let steady_ns = member.estimate.theirs(self.clock.steady_ns(begins));
        say(&mut member.stream, &Message::Start { steady_ns })?;
        // Until the start it opens connections, and has nothing to say.
        member.stream.set_read_timeout(Some(LEAD + SILENCE_MAX))?;
        let mut done: Vec<(usize, Done)> = Vec::new();
        let mut is_stopped = false;
        while done.len() < self.outlets.len() {
            if self.stop.is_cancelled() && !is_stopped {
                is_stopped = true;
                say(&mut member.stream, &Message::Stop)?;
            }
            match hear(&mut member.from, &self.plan)? {
                Heard::Chunk(slice, chunk) => {
                    member.stream.set_read_timeout(Some(SILENCE_MAX))?;
                    self.outlets[self.place(slice)?].hand_over(chunk);
                }
                Heard::Message(Message::Done { slice, is_cut_off, connections }) => {
                    let slice = self.place(slice)?;
                    if done.iter().any(|(it, _)| *it == slice) {
                        return Err(wrong("it was done twice"));
                    }
                    done.push((slice, Done { connections: *connections, is_cut_off }));
                }
                Heard::Message(_) => return Err(wrong("it speaks of something else")),
            }
        }
        Ok(done)
    }

    fn place(&self, slice: usize) -> io::Result<usize> {
        let place = slice.checked_sub(self.first).filter(|place| *place < self.outlets.len());
        place.ok_or_else(|| wrong("it does the slices of another"))
    }
}
