//! The deadlines of what is in flight at one worker, kept by one timer.
//!
//! All of a run have the same length and requests are entered in the order of their time, so the next to pass is the
//! first in line: entering and leaving cost a few links, where a timer each would cost a place on the runtime's wheel.
//! Invariant: the line is in the order of time, whatever order requests are entered in. The bound: as many places as
//! were ever in flight at a time.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::sleep;

/// No place: the end of a line.
const NONE: usize = usize::MAX;

/// The deadlines that have not passed.
#[derive(Debug)]
pub(crate) struct Deadlines {
    /// What times are counted from, in nanoseconds.
    started: Instant,
    length_ns: u64,
    line: RefCell<Line>,
    /// When [`Deadlines::keep`] looks next.
    next_look_ns: Cell<u64>,
    sooner: Notify,
}

/// Places in a list, linked in the order of time; those that are free are linked too.
#[derive(Debug)]
struct Line {
    places: Vec<Place>,
    first: usize,
    last: usize,
    free: usize,
}

#[derive(Debug)]
struct Place {
    at_ns: u64,
    has_passed: bool,
    waiting: Option<Waker>,
    before: usize,
    after: usize,
}

impl Deadlines {
    pub(crate) fn new(started: Instant, length: Duration) -> Rc<Self> {
        let line = RefCell::new(Line { places: Vec::new(), first: NONE, last: NONE, free: NONE });
        let length_ns = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
        // Nobody has looked yet.
        let next_look_ns = Cell::new(0);
        Rc::new(Self { started, length_ns, line, next_look_ns, sooner: Notify::new() })
    }

    /// What `work`, due so long after the start, comes to; `None` if its deadline passes before.
    pub(crate) async fn within<F: Future>(&self, due_ns: u64, mut work: Pin<&mut F>) -> Option<F::Output> {
        let deadline = self.enter(due_ns.saturating_add(self.length_ns));
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => deadline.poll(cx).map(|()| None),
        })
        .await
    }

    /// Wakes whoever's deadline passes, for ever.
    pub(crate) async fn keep(self: Rc<Self>) {
        loop {
            let now_ns = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
            // Of what is entered from now on nothing passes before this, unless it is late already.
            let next = self.line.borrow_mut().wake_until(now_ns);
            let next_ns = next.unwrap_or(now_ns.saturating_add(self.length_ns));
            self.next_look_ns.set(next_ns);
            tokio::select! {
                () = sleep(Duration::from_nanos(next_ns - now_ns)) => {}
                () = self.sooner.notified() => {}
            }
        }
    }

    fn enter(&self, at_ns: u64) -> Deadline<'_> {
        if at_ns < self.next_look_ns.get() {
            self.sooner.notify_one();
        }
        Deadline { place: self.line.borrow_mut().enter(at_ns), of: self }
    }
}

/// One deadline. It leaves the line when it is dropped.
struct Deadline<'a> {
    of: &'a Deadlines,
    place: usize,
}

impl Deadline<'_> {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let place = &mut self.of.line.borrow_mut().places[self.place];
        if place.has_passed {
            return Poll::Ready(());
        }
        match &mut place.waiting {
            Some(waiting) => waiting.clone_from(cx.waker()),
            nobody => *nobody = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

impl Drop for Deadline<'_> {
    fn drop(&mut self) {
        self.of.line.borrow_mut().leave(self.place);
    }
}

impl Line {
    fn enter(&mut self, at_ns: u64) -> usize {
        let mut before = self.last;
        while before != NONE && self.places[before].at_ns > at_ns {
            before = self.places[before].before;
        }
        let after = if before == NONE { self.first } else { self.places[before].after };
        let entered = Place { at_ns, has_passed: false, waiting: None, before, after };
        let place = self.free;
        let place = if place == NONE {
            self.places.push(entered);
            self.places.len() - 1
        } else {
            self.free = self.places[place].after;
            self.places[place] = entered;
            place
        };
        self.link(before, after, (place, place));
        place
    }

    fn leave(&mut self, place: usize) {
        let Place { before, after, .. } = self.places[place];
        self.link(before, after, (after, before));
        let left = &mut self.places[place];
        (left.waiting, left.after) = (None, self.free);
        self.free = place;
    }

    /// What comes after the one and before the other.
    fn link(&mut self, before: usize, after: usize, (next, previous): (usize, usize)) {
        match self.places.get_mut(before) {
            Some(place) => place.after = next,
            None => self.first = next,
        }
        match self.places.get_mut(after) {
            Some(place) => place.before = previous,
            None => self.last = previous,
        }
    }

    /// The next deadline after `now`, if any.
    fn wake_until(&mut self, now_ns: u64) -> Option<u64> {
        let mut place = self.first;
        while let Some(Place { at_ns, has_passed, waiting, after, .. }) = self.places.get_mut(place) {
            if *at_ns > now_ns {
                return Some(*at_ns);
            }
            *has_passed = true;
            waiting.take().into_iter().for_each(Waker::wake);
            place = *after;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::pin::pin;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use tokio::task::LocalSet;

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    async fn with_keeper<T>(deadlines: &Rc<Deadlines>, work: impl Future<Output = T>) -> T {
        let tasks = LocalSet::new();
        tasks.spawn_local(deadlines.clone().keep());
        tasks.run_until(work).await
    }

    #[tokio::test]
    async fn what_ends_before_its_deadline_is_told_of_and_what_does_not_is_given_up() {
        let (started, length) = (Instant::now(), Duration::from_millis(20));
        let deadlines = Deadlines::new(started, length);
        with_keeper(&deadlines, async {
            assert_eq!(deadlines.within(0, pin!(async { 7 })).await, Some(7));
            assert_eq!(deadlines.within(0, pin!(pending::<()>())).await, None);
            assert!(started.elapsed() >= length);
        })
        .await;
    }

    #[tokio::test]
    async fn one_that_is_late_already_passes_though_nothing_was_to_pass_for_an_hour() {
        let started = Instant::now().checked_sub(LONG).expect("the clock is older");
        let deadlines = Deadlines::new(started, LONG);
        let (due_ns, late_ns) = (LONG.as_nanos() as u64, 0);
        with_keeper(&deadlines, async {
            let (first, second) = (pin!(pending::<()>()), pin!(pending::<()>()));
            tokio::select! {
                biased;
                _ = deadlines.within(due_ns, first) => panic!("an hour has not passed"),
                none = deadlines.within(late_ns, second) => assert_eq!(none, None),
            }
        })
        .await;
    }

    proptest! {
        #[test]
        fn the_line_is_in_the_order_of_time_and_has_whoever_did_not_leave(
            steps in vec((0_u64..50, any::<prop::sample::Index>(), any::<bool>()), 1..200),
        ) {
            let deadlines = Deadlines::new(Instant::now(), Duration::ZERO);
            let mut entered: Vec<(u64, Deadline<'_>)> = Vec::new();
            let mut most = 0;
            for (at_ns, which, leaves) in steps {
                if leaves && !entered.is_empty() {
                    drop(entered.swap_remove(which.index(entered.len())));
                } else {
                    entered.push((at_ns, deadlines.enter(at_ns)));
                }
                most = most.max(entered.len());
                let line = deadlines.line.borrow();
                let at = |place: usize| line.places.get(place).map(|it| (it.at_ns, it.after));
                let mut next = line.first;
                let told: Vec<u64> = std::iter::from_fn(|| {
                    let (time, after) = at(next)?;
                    next = after;
                    Some(time)
                }).collect();
                let mut truth: Vec<u64> = entered.iter().map(|(at_ns, _)| *at_ns).collect();
                truth.sort_unstable();
                prop_assert_eq!(told, truth);
                prop_assert_eq!(line.places.len(), most);
            }
        }
    }
}
