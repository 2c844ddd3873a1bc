//! What is known of a fallback.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use circuit::BadSetting;
use tokio::time::Instant;
use tower_service::Service;

use super::run::Running;
use super::sample;
use super::settings::Settings;
use super::tally::{Counts, Seen, Totals, Verdict};
use crate::admission::{Permit, Places};
use crate::proven::error::{Doubt, Unproven};
use crate::turn::Turn;

/// What is known of one fallback, shared by its shadows and by [`Proven`](crate::Proven). A clone is the same.
#[derive(Clone)]
pub struct Proof {
    known: Arc<Known>,
}

struct Known {
    settings: Settings,
    began: Instant,
    places: Places,
    /// Milliseconds from `began` to the last answer.
    answered_ms: AtomicU64,
    ever_agreed: AtomicBool,
    diverged_in_a_row: AtomicU32,
    failed_in_a_row: AtomicU32,
    totals: Totals,
    observe: Box<dyn Fn(Seen) + Send + Sync>,
}

impl Known {
    /// Without a look at the clock.
    #[inline]
    fn is_doubted(&self) -> bool {
        let strikes = self.settings.strikes;
        !self.ever_agreed.load(Relaxed)
            || self.diverged_in_a_row.load(Relaxed) >= strikes
            || self.failed_in_a_row.load(Relaxed) >= strikes
    }
}

impl Proof {
    /// Nothing is known yet. `observe` hears of each shadow that ends: for a histogram, say. It must not block or panic.
    ///
    /// # Errors
    /// A setting that is out of bounds.
    pub fn new(
        settings: Settings,
        observe: impl Fn(Seen) + Send + Sync + 'static,
    ) -> Result<Self, BadSetting> {
        settings.check()?;
        let known = Known {
            settings,
            began: Instant::now(),
            places: Places::default(),
            answered_ms: AtomicU64::new(0),
            ever_agreed: AtomicBool::new(false),
            diverged_in_a_row: AtomicU32::new(0),
            failed_in_a_row: AtomicU32::new(0),
            totals: Totals::default(),
            observe: Box::new(observe),
        };
        Ok(Self { known: Arc::new(known) })
    }

    /// Whether the fallback is proven, now.
    ///
    /// # Errors
    /// What speaks against it.
    pub fn standing(&self) -> Result<(), Doubt> {
        let Known { settings, .. } = &*self.known;
        let diverged = self.known.diverged_in_a_row.load(Relaxed);
        let failed = self.known.failed_in_a_row.load(Relaxed);
        let answered = Duration::from_millis(self.known.answered_ms.load(Relaxed));
        let ago = self.known.began.elapsed().saturating_sub(answered);
        if diverged >= settings.strikes {
            Err(Doubt::Diverging { in_a_row: diverged })
        } else if !self.known.ever_agreed.load(Relaxed) {
            Err(Doubt::Never)
        } else if failed >= settings.strikes {
            Err(Doubt::Failing { in_a_row: failed })
        } else if ago > settings.proven_for {
            Err(Doubt::Old { ago })
        } else {
            Ok(())
        }
    }

    /// Shadows so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.known.totals.counts()
    }

    /// While something but its age speaks against the fallback, every call is chosen: a customer may need it next.
    #[inline]
    pub(super) fn chooses(&self) -> bool {
        sample::one_in(self.known.settings.one_in) || self.known.is_doubted()
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.known.settings
    }

    pub(super) fn take_place(&self) -> Option<Permit> {
        let permit = self.known.places.take(self.known.settings.concurrency);
        if permit.is_none() {
            self.known.totals.skipped();
        }
        permit
    }

    pub(super) fn note(&self, seen: Seen) {
        self.known.totals.add(seen);
        self.judge(seen.verdict);
        (self.known.observe)(seen);
    }

    fn judge(&self, verdict: Verdict) {
        match verdict {
            Verdict::Agreed { .. } => {
                self.known.diverged_in_a_row.store(0, Relaxed);
                self.known.ever_agreed.store(true, Relaxed);
                self.answered();
            }
            Verdict::Diverged { .. } => {
                self.known.diverged_in_a_row.fetch_add(1, Relaxed);
                self.known.failed_in_a_row.store(0, Relaxed);
            }
            Verdict::Answered => self.answered(),
            Verdict::Failed | Verdict::Late => {
                self.known.failed_in_a_row.fetch_add(1, Relaxed);
            }
        }
    }

    /// It answered somebody.
    pub(crate) fn answered(&self) {
        self.known.failed_in_a_row.store(0, Relaxed);
        let answered_ms = u64::try_from(self.known.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.known.answered_ms.fetch_max(answered_ms, Relaxed);
    }

    /// Lets a request that was refused run through the fallback, for nobody.
    pub(crate) fn try_out<S, Req>(&self, fallback: S, request: Req)
    where
        S: Service<Req> + Send + 'static,
        S::Future: Send,
        S::Response: Send,
        S::Error: Send,
        Req: Send + 'static,
    {
        if let Some(running) = Running::begin(self) {
            running.spawn(Turn::waiting(fallback, request), |_| Verdict::Answered);
        }
    }

    pub(crate) fn refuse(&self, doubt: Doubt) -> Unproven {
        self.known.totals.refused();
        Unproven { doubt, retry_after: self.known.settings.retry_after }
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof").field("standing", &self.standing()).finish_non_exhaustive()
    }
}
