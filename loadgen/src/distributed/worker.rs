//! The side that sends: it listens, and does its slices of one run after the other.

use std::io::{self, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Instant, SystemTime};

use tokio_util::sync::CancellationToken;

use super::auth::{Nonces, Side, is_proven, nonce, proof};
use super::clock::Clock;
use super::frame::{FRAME_MAX, FRAME_MAX_STRANGER};
use super::message::{Message, hear_message, say, say_chunk, wrong};
use super::{NeedsToken, PLANNING_MAX, PROTOCOL, SILENCE_MAX, Token, check_token};
use crate::handle::Team;
use crate::outlet::{self, News, Post};
use crate::{Plan, PlanSpec};

/// Listens for coordinators.
#[derive(Debug)]
pub struct Worker {
    listener: TcpListener,
    token: Option<Token>,
    clock: Clock,
}

/// Why there is no worker.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Give it a token, or a loopback address.
    #[error(transparent)]
    NeedsToken(#[from] NeedsToken),
    /// The address cannot be had.
    #[error("{0}: {1}")]
    Bind(SocketAddr, #[source] io::Error),
}

impl Worker {
    /// Opens the port. Without a token only on loopback.
    ///
    /// # Errors
    /// Says what to change.
    pub fn listen(address: SocketAddr, token: Option<Token>) -> Result<Self, ListenError> {
        check_token(address, token.as_ref())?;
        let listener = TcpListener::bind(address).map_err(|error| ListenError::Bind(address, error))?;
        Ok(Self { listener, token, clock: Clock::new() })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// Those of the system.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves the next coordinator to the end of its run, and says what came of it. It stops when that has gone away.
    ///
    /// # Errors
    /// The port is not to be listened on any more. What goes wrong with one coordinator is told, and no error.
    pub fn serve_one(&self) -> io::Result<String> {
        let (stream, from) = self.listener.accept()?;
        Ok(match self.session(stream) {
            Ok(told) => format!("{from}: {told}"),
            Err(error) => format!("{from}: {error}"),
        })
    }

    fn session(&self, stream: TcpStream) -> io::Result<String> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(SILENCE_MAX))?;
        let mut to = &stream;
        self.meet(&mut Until { stream: &stream, end: Instant::now() + SILENCE_MAX }, &mut to)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        let mut from = BufReader::new(stream.try_clone()?);
        let Message::Task { spec, first, count } = hear_message(&mut from, FRAME_MAX)? else {
            return Err(wrong("it gave no task"));
        };
        let plan = match plan(*spec, first, count) {
            Ok(plan) => Arc::new(plan),
            Err(why) => return refuse(&mut to, why),
        };
        say(&mut to, &Message::Planned { schedule_hash: plan.schedule_hash() })?;
        stream.set_read_timeout(Some(PLANNING_MAX))?;
        let begins = self.begin(&mut from, &mut to)?;
        stream.set_read_timeout(None)?;
        self.work(&stream, from, &plan, (first, count), begins)
    }

    /// Whether both are who they should be.
    fn meet(&self, from: &mut impl io::Read, to: &mut impl Write) -> io::Result<()> {
        let ours = nonce();
        let version = env!("CARGO_PKG_VERSION").to_owned();
        say(to, &Message::Greeting { protocol: PROTOCOL, version: version.clone(), nonce: ours })?;
        let Message::Hello { protocol, version: theirs, nonce, proof: shown } =
            hear_message(from, FRAME_MAX_STRANGER)?
        else {
            return Err(wrong("it did not say hello"));
        };
        if (protocol, &theirs) != (PROTOCOL, &version) {
            return refuse(to, format!("this worker is loadgen {version}, protocol {PROTOCOL}"));
        }
        let nonces = Nonces { worker: ours, coordinator: nonce };
        if !is_proven(self.token.as_ref(), Side::Coordinator, nonces, &shown) {
            return refuse(to, "the token is not this worker's".to_owned());
        }
        say(to, &Message::Welcome { proof: proof(self.token.as_ref(), Side::Worker, nonces) })
    }

    /// When to begin.
    fn begin(&self, from: &mut impl io::Read, to: &mut impl Write) -> io::Result<Instant> {
        loop {
            match hear_message(from, FRAME_MAX)? {
                Message::Ping => say(to, &Message::Pong { now: self.clock.now() })?,
                Message::Start { steady_ns } => {
                    return self.clock.instant(steady_ns).ok_or_else(|| wrong("that is no time to begin"));
                }
                _ => return Err(wrong("it neither asked for the time nor began")),
            }
        }
    }

    fn work(
        &self,
        stream: &TcpStream,
        from: BufReader<TcpStream>,
        plan: &Arc<Plan>,
        (first, count): (usize, usize),
        begins: Instant,
    ) -> io::Result<String> {
        let begins_at = SystemTime::now() + begins.saturating_duration_since(Instant::now());
        let started = Arc::new(OnceLock::from((begins, begins_at)));
        let (outlets, _, inbox) = outlet::outlets(count);
        let stop = CancellationToken::new();
        let to = Arc::new(Mutex::new(stream.try_clone()?));
        let (gone, is_gone) = channel::<()>();
        let listening = {
            let (clock, stop, to) = (self.clock, stop.clone(), to.clone());
            let listen = move || {
                heed(from, &to, clock, &stop);
                // Whoever waits for it sees that this end was dropped.
                drop(gone);
            };
            thread::Builder::new().name("loadgen-orders".to_owned()).spawn(listen)?
        };
        let mut team = Team::new(stop);
        let told =
            team.start(plan, first, outlets, &started).and_then(|()| forward(&to, inbox, first, count));
        drop(team);
        // The coordinator asks for the time once more, and hangs up.
        if told.is_ok() {
            let _ = is_gone.recv_timeout(SILENCE_MAX);
        }
        let _ = stream.shutdown(Shutdown::Both);
        drop(listening.join());
        told
    }
}

/// Reads until a time: a stranger who says one byte now and then must not keep others waiting.
struct Until<'a> {
    stream: &'a TcpStream,
    end: Instant,
}

impl io::Read for Until<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        let mut stream = self.stream;
        stream.read(bytes)
    }
}

fn refuse<T>(to: &mut impl Write, why: String) -> io::Result<T> {
    say(to, &Message::Refused { why: why.clone() })?;
    Err(wrong(&why))
}

fn plan(spec: PlanSpec, first: usize, count: usize) -> Result<Plan, String> {
    let of = spec.workers;
    let plan = Plan::new(spec).map_err(|error| error.to_string())?;
    let is_part = count > 0 && first.checked_add(count).is_some_and(|end| end <= of);
    if is_part { Ok(plan) } else { Err(format!("there are {of} slices, and no {count} from {first} on")) }
}

/// Does what the coordinator says while the run goes on, until it has gone away.
fn heed(mut from: BufReader<TcpStream>, to: &Mutex<TcpStream>, clock: Clock, stop: &CancellationToken) {
    loop {
        match hear_message(&mut from, FRAME_MAX) {
            Ok(Message::Ping) => {
                let now = clock.now();
                if say(&mut *locked(to), &Message::Pong { now }).is_err() {
                    break;
                }
            }
            Ok(Message::Stop) => stop.cancel(),
            Ok(_) | Err(_) => break,
        }
    }
    stop.cancel();
}

/// Hands everything on until all slices are done. Nobody waits for it any more when it returns.
fn forward(to: &Mutex<TcpStream>, inbox: Receiver<Post>, first: usize, count: usize) -> io::Result<String> {
    let (mut done, mut entered) = (0, vec![0; count]);
    while done < count {
        let Post { source, news } = inbox.recv().map_err(|_| wrong("the load generator crashed"))?;
        let mut to = locked(to);
        match news {
            News::Chunk(chunk) => {
                entered[source] = chunk.entered;
                say_chunk(&mut *to, first + source, &chunk)?;
            }
            News::Done(it) => {
                done += 1;
                let (is_cut_off, connections) = (it.is_cut_off, Box::new(it.connections));
                say(&mut *to, &Message::Done { slice: first + source, is_cut_off, connections })?;
            }
            // Only those who listen to others say such things.
            News::Lost(_) | News::Moved(_) => {}
        }
    }
    Ok(format!("{} requests sent or accounted for", entered.iter().sum::<u64>()))
}

fn locked(to: &Mutex<TcpStream>) -> std::sync::MutexGuard<'_, TcpStream> {
    // A frame is written whole or the connection is broken; one that panicked left it to fail.
    to.lock().unwrap_or_else(PoisonError::into_inner)
}
