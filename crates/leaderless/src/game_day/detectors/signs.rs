//! When detectors gave signs.
//!
//! A sign is an onset: something begins to say so. One that lasts is one sign, and one that was there before a fault is
//! none of that fault. Bound: the first [`ONSETS_MAX`] onsets of each detector.

use std::time::Instant;

use super::Detector;

/// What flickers more often than this within a run has told its story.
const ONSETS_MAX: usize = 1_024;

#[derive(Debug, Clone, Default)]
struct Sign {
    asked: bool,
    on: bool,
    onsets: Vec<Instant>,
}

/// The signs of all detectors.
#[derive(Debug, Default)]
pub(super) struct Signs {
    of: [Sign; Detector::ALL.len()],
}

impl Signs {
    /// A detector was asked, and says that something is wrong, or that nothing is.
    pub(super) fn says(&mut self, detector: Detector, on: bool, at: Instant) {
        let sign = &mut self.of[detector as usize];
        sign.asked = true;
        if on && !sign.on && sign.onsets.len() < ONSETS_MAX {
            sign.onsets.push(at);
        }
        sign.on = on;
    }

    /// Something happened that has no duration.
    pub(super) fn happened(&mut self, detector: Detector, at: Instant) {
        self.says(detector, true, at);
        self.says(detector, false, at);
    }

    /// Whether anybody could ask it.
    pub(super) fn were_asked(&self, detector: Detector) -> bool {
        self.of[detector as usize].asked
    }

    /// The first onset from `from` on and before `until`.
    pub(super) fn first(&self, detector: Detector, from: Instant, until: Option<Instant>) -> Option<Instant> {
        let within = |at: &Instant| *at >= from && until.is_none_or(|until| *at < until);
        self.of[detector as usize].onsets.iter().copied().find(within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const METADATA: Detector = Detector::MetadataLeader;

    #[test]
    fn a_sign_is_an_onset_within_the_outage() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut signs = Signs::default();
        for (ms, on) in [(0, true), (10, true), (20, false), (30, true), (40, false), (50, true)] {
            signs.says(METADATA, on, at(ms));
        }
        assert_eq!(signs.first(METADATA, at(0), None), Some(at(0)));
        assert_eq!(signs.first(METADATA, at(5), None), Some(at(30)), "what lasts is not new");
        assert_eq!(signs.first(METADATA, at(31), Some(at(50))), None, "what comes with the heal is late");
        assert_eq!(signs.first(METADATA, at(31), Some(at(51))), Some(at(50)));
    }

    #[test]
    fn who_was_never_asked_is_not_said_to_have_been_silent() {
        let mut signs = Signs::default();
        signs.says(METADATA, false, Instant::now());
        assert!(signs.were_asked(METADATA) && !signs.were_asked(Detector::UnderReplicated));
    }

    #[test]
    fn every_detector_has_a_place_and_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = Detector::ALL.iter().map(|it| it.name()).collect();
        assert_eq!(names.len(), Detector::ALL.len());
        assert!(Detector::ALL.iter().enumerate().all(|(index, it)| *it as usize == index));
    }
}
