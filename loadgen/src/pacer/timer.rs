//! A timer of the Linux kernel (`timerfd`), polled by the runtime like a socket.
//!
//! It is handed to tokio as the reading end of a pipe: to the poller the two are alike, and the type that is made for
//! such descriptors (`AsyncFd`) can no longer be built without unsafe code. Nothing is ever read: what tokio remembers
//! of the last ring is forgotten, and setting the timer again forgets the ring itself. A wait costs one system call
//! beside the poll.

use std::io::{Error, ErrorKind, Result};
use std::time::Instant;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::net::unix::pipe::Receiver;
use tokio::time::sleep_until;

/// Never, for a timer that does not repeat.
const ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

#[derive(Debug)]
pub(crate) struct Timer {
    descriptor: Receiver,
}

impl Timer {
    /// # Errors
    /// The system has no such timer, or no descriptor for it.
    pub(super) fn new() -> Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        Ok(Self { descriptor: Receiver::from_owned_fd_unchecked(timer)? })
    }

    /// Returns at `due`, or before it where there was still something to forget.
    pub(super) async fn rings(&self, due: Instant) {
        if self.set(due).is_err() || self.descriptor.readable().await.is_err() {
            sleep_until(due.into()).await;
        }
    }

    fn set(&self, due: Instant) -> Result<()> {
        // The answer is the question: nothing there. That is what makes tokio look again.
        let _ = self.descriptor.try_io(|| Err::<(), Error>(ErrorKind::WouldBlock.into()));
        let wait = due.saturating_duration_since(Instant::now());
        // Nothing at all would switch it off.
        let nanoseconds = i64::from(wait.subsec_nanos()).max(i64::from(wait.as_secs() == 0));
        let seconds = i64::try_from(wait.as_secs()).unwrap_or(i64::MAX);
        let value = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
        let once = Itimerspec { it_interval: ONCE, it_value: value };
        timerfd_settime(&self.descriptor, TimerfdTimerFlags::empty(), &once)?;
        Ok(())
    }
}
