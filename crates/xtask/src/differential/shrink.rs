//! Finds a small sequence that still shows what a long one showed, by leaving out chunks: halves, quarters, single
//! steps, until no single step can go.
//!
//! Pure: says what to try next and is told what came of it. Bounded by a number of tries.

/// A search for a smaller sequence.
#[derive(Debug)]
pub(crate) struct Shrink<T> {
    kept: Vec<T>,
    chunk: usize,
    /// Where the chunk begins that is left out next.
    at: usize,
    /// Something went in this pass, so that another pass of single steps may pay.
    paid: bool,
    tries_left: usize,
}

impl<T: Clone> Shrink<T> {
    pub(crate) fn new(steps: Vec<T>, tries: usize) -> Self {
        let chunk = steps.len().div_ceil(2).max(1);
        Self { kept: steps, chunk, at: 0, paid: false, tries_left: tries }
    }

    /// What to try next; `None` when nothing smaller is to be had, or the tries are used up.
    pub(crate) fn candidate(&self) -> Option<Vec<T>> {
        // A single step is as small as it gets.
        if self.tries_left == 0 || self.kept.len() < 2 || self.at >= self.kept.len() {
            return None;
        }
        let end = self.kept.len().min(self.at + self.chunk);
        Some([&self.kept[..self.at], &self.kept[end..]].concat())
    }

    /// Takes what came of the last [`Shrink::candidate`]: whether it shows the same.
    pub(crate) fn tell(&mut self, same: bool) {
        self.tries_left = self.tries_left.saturating_sub(1);
        let end = self.kept.len().min(self.at + self.chunk);
        if same {
            self.kept.drain(self.at..end);
            self.paid = true;
        } else {
            self.at = end;
        }
        if self.at >= self.kept.len() && (self.chunk > 1 || self.paid) {
            self.chunk = (self.chunk / 2).max(1);
            self.at = 0;
            self.paid = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shrunk(steps: Vec<u32>, tries: usize, shows: impl Fn(&[u32]) -> bool) -> Vec<u32> {
        let mut smallest = steps.clone();
        let mut shrink = Shrink::new(steps, tries);
        while let Some(candidate) = shrink.candidate() {
            let same = shows(&candidate);
            shrink.tell(same);
            if same {
                smallest = candidate;
            }
        }
        smallest
    }

    #[test]
    fn only_the_steps_that_matter_are_left() {
        let shows = |steps: &[u32]| steps.contains(&3) && steps.contains(&17);
        assert_eq!(shrunk((0..40).collect(), 1_000, shows), [3, 17]);
    }

    #[test]
    fn what_a_single_step_shows_is_not_shrunk_to_nothing() {
        assert_eq!(shrunk(vec![1, 2, 3], 1_000, |_| true).len(), 1);
    }

    #[test]
    fn the_tries_are_bounded() {
        let tried = std::cell::Cell::new(0);
        let shows = |_: &[u32]| {
            tried.set(tried.get() + 1);
            false
        };
        assert_eq!(shrunk((0..40).collect(), 5, shows).len(), 40);
        assert_eq!(tried.get(), 5);
    }

    proptest! {
        #[test]
        fn no_step_of_the_smallest_can_go(wanted in proptest::collection::btree_set(0_u32..60, 1..6)) {
            let shows = |steps: &[u32]| wanted.iter().all(|step| steps.contains(step));
            let smallest = shrunk((0..60).collect(), 10_000, shows);
            prop_assert_eq!(smallest, wanted.into_iter().collect::<Vec<_>>());
        }
    }
}
