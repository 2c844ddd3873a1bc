//! Waking when a request is due, more exactly than tokio's millisecond.
//!
//! On Linux a timer of the kernel is one more thing that the runtime polls (`timer`); elsewhere, and where there is
//! none to be had, a thread rings (`thread`), which costs a second wake-up per arrival. Where neither works it is tokio's
//! own timer, up to 1 ms late, which the schedule lag shows.

mod thread;
#[cfg(target_os = "linux")]
mod timer;

use std::sync::Arc;
use std::time::Instant;

use crate::Plan;
use crate::slice::Slice;

/// Rings when requests are due.
#[derive(Debug)]
pub(crate) enum Pacer {
    #[cfg(target_os = "linux")]
    Timer(timer::Timer),
    Thread(thread::Bell),
}

impl Pacer {
    /// The best that there is here. In a runtime only.
    pub(crate) fn start(plan: Arc<Plan>, slice: Slice, started: Instant) -> Self {
        #[cfg(target_os = "linux")]
        if let Ok(timer) = timer::Timer::new() {
            return Self::Timer(timer);
        }
        Self::Thread(thread::Bell::start(plan, slice, started))
    }

    /// Returns at `due`, or as soon after as can be; never before.
    pub(crate) async fn until(&self, due: Instant) {
        while Instant::now() < due {
            match self {
                #[cfg(target_os = "linux")]
                Self::Timer(timer) => timer.rings(due).await,
                Self::Thread(bell) => bell.rings(due).await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A metronome of a thousand a second, for 50 ms.
    fn plan() -> Arc<Plan> {
        Arc::new(crate::plan::tests::plan_of("/"))
    }

    async fn never_early(pacer: &Pacer, plan: &Plan, started: Instant) {
        for offset_ns in plan.schedule().offsets_ns() {
            let due = started + Duration::from_nanos(offset_ns);
            pacer.until(due).await;
            assert!(Instant::now() >= due);
        }
    }

    #[tokio::test]
    async fn every_pacer_wakes_at_its_time_and_never_before() {
        let (plan, slice) = (plan(), Slice { index: 0, of: 1 });
        let started = Instant::now();
        let thread = Pacer::Thread(thread::Bell::start(plan.clone(), slice, started));
        never_early(&thread, &plan, started).await;
        let started = Instant::now();
        never_early(&Pacer::start(plan.clone(), slice, started), &plan, started).await;
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn on_linux_the_kernels_timer_is_used_and_can_be_set_again_before_it_rings() {
        let (plan, slice) = (plan(), Slice { index: 0, of: 1 });
        let pacer = Pacer::start(plan, slice, Instant::now());
        assert!(matches!(pacer, Pacer::Timer(_)));
        let due = Instant::now() + Duration::from_millis(20);
        tokio::select! {
            () = pacer.until(Instant::now() + Duration::from_secs(3600)) => panic!("an hour has not passed"),
            () = tokio::time::sleep(Duration::from_millis(2)) => {}
        }
        pacer.until(due).await;
        assert!(Instant::now() >= due);
    }
}
