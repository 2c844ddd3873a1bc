//! The call that nobody waits for.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};
use tower_service::Service;

use super::Compare;
use super::proof::Proof;
use super::tally::{Seen, Verdict};
use crate::admission::Permit;
use crate::turn::Turn;

/// What is needed to take the second way.
pub(super) struct Second<F, C, Req> {
    pub(super) fallback: F,
    pub(super) compare: C,
    pub(super) request: Req,
    pub(super) proof: Proof,
}

impl<F, C, Req> Second<F, C, Req> {
    /// Takes it, in a task of its own, if there is room for one.
    pub(super) fn run<A>(self, answer: &A)
    where
        F: Service<Req, Response = A> + Send + 'static,
        F::Future: Send,
        C: Compare<A> + Send + 'static,
        Req: Send + 'static,
    {
        let Self { fallback, compare, request, proof } = self;
        let Some(running) = Running::begin(&proof) else { return };
        let gist = compare.gist(answer);
        running.spawn(Turn::waiting(fallback, request), move |answer: A| {
            let distance = compare.distance(&gist, &compare.gist(&answer));
            if distance <= proof.settings().distance_max {
                Verdict::Agreed { distance }
            } else {
                Verdict::Diverged { distance }
            }
        });
    }
}

/// A shadow that runs. However it ends, if only by a panic or the end of the runtime, its proof hears of it.
pub(super) struct Running {
    proof: Proof,
    began: Instant,
    verdict: Verdict,
    _permit: Permit,
}

impl Running {
    /// `None`, and counted as skipped, if as many run as may.
    pub(super) fn begin(proof: &Proof) -> Option<Self> {
        let permit = proof.take_place()?;
        Some(Self { proof: proof.clone(), began: Instant::now(), verdict: Verdict::Failed, _permit: permit })
    }

    /// Outside of a runtime nothing can run, which counts as a failure.
    pub(super) fn spawn<W, A, E>(self, way: W, judge: impl FnOnce(A) -> Verdict + Send + 'static)
    where
        W: Future<Output = Result<A, E>> + Send + 'static,
    {
        let Ok(runtime) = Handle::try_current() else { return };
        let deadline = self.proof.settings().deadline;
        runtime.spawn(async move {
            let mut running = self;
            running.verdict = match timeout(deadline, way).await {
                Ok(Ok(answer)) => judge(answer),
                Ok(Err(_)) => Verdict::Failed,
                Err(_) => Verdict::Late,
            };
        });
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let took: Duration = self.began.elapsed();
        self.proof.note(Seen { took, verdict: self.verdict });
    }
}
