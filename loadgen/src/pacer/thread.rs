//! A thread that walks the schedule, parks until each request is due and rings.
//!
//! The kernel wakes a parked thread within some 60 us, on every platform and without unsafe code. The cost is a second
//! wake-up per arrival, and on a busy core a second place in its queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::sleep_until;

use crate::Plan;
use crate::slice::Slice;

/// Its thread ends with it.
#[derive(Debug)]
pub(crate) struct Bell {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    bell: Notify,
    is_over: AtomicBool,
}

impl Bell {
    /// Without a thread, should the system refuse one, tokio's timer rings.
    pub(super) fn start(plan: Arc<Plan>, slice: Slice, started: Instant) -> Self {
        let shared = Arc::new(Shared::default());
        let walker = shared.clone();
        let walk = move || walker.walk(plan.schedule().offsets_ns(), slice, started);
        let thread = thread::Builder::new().name("loadgen-pacer".to_owned()).spawn(walk).ok();
        Self { shared, thread }
    }

    /// Returns when a request is due, which may be one that has been started already.
    pub(super) async fn rings(&self, due: Instant) {
        match self.thread {
            Some(_) => self.shared.bell.notified().await,
            None => sleep_until(due.into()).await,
        }
    }
}

impl Shared {
    fn walk(&self, offsets_ns: impl Iterator<Item = u64>, slice: Slice, started: Instant) {
        for offset_ns in offsets_ns.skip(slice.index).step_by(slice.of) {
            let due = started + Duration::from_nanos(offset_ns);
            loop {
                if self.is_over.load(Ordering::Acquire) {
                    return;
                }
                let wait = due.saturating_duration_since(Instant::now());
                if wait.is_zero() {
                    break;
                }
                thread::park_timeout(wait);
            }
            self.bell.notify_one();
        }
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It cannot panic; and if it did, tokio's timer had taken over.
            drop(thread.join());
        }
    }
}
