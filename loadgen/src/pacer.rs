//! Waking when a request is due, more exactly than tokio's millisecond.
//!
//! A thread walks the schedule, parks until each request is due and rings: the kernel wakes a parked thread within some
//! 60 us, on every platform and without unsafe code (a timerfd would need it: tokio's safe way to poll a foreign
//! descriptor is deprecated as unsound). The cost is a second wake-up per arrival. Should there be no thread, tokio's
//! timer rings up to 1 ms late, which the schedule lag shows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::sleep_until;

use crate::Plan;
use crate::slice::Slice;

/// Rings when requests are due. Its thread ends with it.
#[derive(Debug)]
pub(crate) struct Pacer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    bell: Notify,
    is_over: AtomicBool,
}

impl Pacer {
    pub(crate) fn start(plan: Arc<Plan>, slice: Slice, started: Instant) -> Self {
        let shared = Arc::new(Shared::default());
        let walker = shared.clone();
        let walk = move || walker.walk(plan.schedule().offsets_ns(), slice, started);
        let thread = thread::Builder::new().name("loadgen-pacer".to_owned()).spawn(walk).ok();
        Self { shared, thread }
    }

    /// Returns at `due`, or as soon after as can be; never before.
    pub(crate) async fn until(&self, due: Instant) {
        while Instant::now() < due {
            tokio::select! {
                () = self.shared.bell.notified() => {}
                () = sleep_until(due.into()) => {}
            }
        }
    }
}

impl Shared {
    fn walk(&self, offsets_ns: &[u64], slice: Slice, started: Instant) {
        for offset_ns in offsets_ns.iter().skip(slice.index).step_by(slice.of) {
            let due = started + Duration::from_nanos(*offset_ns);
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

impl Drop for Pacer {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It cannot panic; and if it did, tokio's timer had taken over.
            drop(thread.join());
        }
    }
}
