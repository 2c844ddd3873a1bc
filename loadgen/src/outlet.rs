//! The way from workers to the books: chunks of what ended, over one bounded channel.
//!
//! The bound: [`CHUNKS_MAX`] chunks of [`CHUNK_LEN`] requests wait, 8 MB. Beyond it the worker waits too, which is then
//! late, and its schedule lag says so: rather that than to lose what was seen.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use crate::Connections;
use crate::landed::Landed;

/// The most requests in one chunk.
pub(crate) const CHUNK_LEN: usize = 4096;

/// The most chunks that wait to be read.
const CHUNKS_MAX: usize = 64;

/// The most empty buffers that are kept for the next chunks.
const SPARE_MAX: usize = 8;

/// What ended at a worker since its last chunk, and how far it is.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) landed: Vec<Landed>,
    /// How many requests had their time.
    pub(crate) entered: u64,
    pub(crate) in_flight: u64,
    /// Everything that ended before this was handed over.
    pub(crate) seen_until_ns: u64,
    /// Everything that is intended before this was handed over.
    pub(crate) ended_before_ns: u64,
}

/// What a worker has to say.
#[derive(Debug)]
pub(crate) enum News {
    Chunk(Chunk),
    /// It came to its end.
    Done(Box<Done>),
    /// It works on another machine, whose clock went ahead by so many nanoseconds during the run.
    Moved(i64),
    /// It works on another machine, which is lost.
    Lost(String),
}

/// How a worker ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) connections: Connections,
    /// Whether it did not come to its end.
    pub(crate) is_cut_off: bool,
}

/// News, and whose.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) source: usize,
    pub(crate) news: News,
}

/// Empty buffers on their way back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spares(Arc<Mutex<Vec<Vec<Landed>>>>);

impl Spares {
    fn take(&self) -> Vec<Landed> {
        let spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.unwrap_or_else(|| Vec::with_capacity(CHUNK_LEN))
    }

    pub(crate) fn give_back(&self, mut buffer: Vec<Landed>) {
        buffer.clear();
        let mut spares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spares.len() < SPARE_MAX {
            spares.push(buffer);
        }
    }
}

/// One worker's end of the channel.
#[derive(Debug)]
pub(crate) struct Outlet {
    source: usize,
    channel: SyncSender<Post>,
    spares: Spares,
}

/// The ends of so many workers, the way back of buffers, and the other end.
pub(crate) fn outlets(sources: usize) -> (Vec<Outlet>, Spares, Receiver<Post>) {
    let (channel, inbox) = sync_channel(CHUNKS_MAX);
    let spares = Spares::default();
    let outlet = |source| Outlet { source, channel: channel.clone(), spares: spares.clone() };
    ((0..sources).map(outlet).collect(), spares.clone(), inbox)
}

impl Outlet {
    /// A buffer to be filled.
    pub(crate) fn empty(&self) -> Vec<Landed> {
        self.spares.take()
    }

    pub(crate) fn hand_over(&self, chunk: Chunk) {
        self.post(News::Chunk(chunk));
    }

    pub(crate) fn done(&self, connections: Connections, is_cut_off: bool) {
        self.post(News::Done(Box::new(Done { connections, is_cut_off })));
    }

    pub(crate) fn post(&self, news: News) {
        // Whoever does not read the books any more has crashed, and says so.
        let _ = self.channel.send(Post { source: self.source, news });
    }
}
