//! One arm: load, faults at their times, everything that is seen meanwhile, and the audit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use circuit::Decision;
use loadgen::{Handle, Progress as Load, RunResult};
use recorder::{Outcome, Phase, Recorder};
use report::{
    ArmResult, ArmVerdict, DetectorResult, FallbackResult, FaultRecord, Progress, Stage, TimelineEntry,
};
use scenario::{Arm, AuditFacts, Measurements, Step};
use service_kit::health::ModeNotice;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio_util::sync::CancellationToken;

use super::course::{fault_line, mode_line, ms_between};
use super::detectors::Race;
use super::measure::{Course, Injection};
use super::{GameDay, Watch, answers, cluster_lines, ledger, load, measure};
use crate::system::System;

/// How long orders in doubt may take to be found out after the load has ended.
const AUDIT_PATIENCE: Duration = Duration::from_secs(5);
/// The same after an interruption: the promise is to be gone within two seconds.
const AUDIT_PATIENCE_INTERRUPTED: Duration = Duration::from_millis(700);
/// Between two looks at the progress.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// An arm that ran.
pub(super) struct Ran {
    pub(super) result: ArmResult,
    pub(super) timeline: Vec<TimelineEntry>,
    pub(super) schedule_hash: String,
    /// Its response times second by second, as an interval log.
    pub(super) log: Vec<u8>,
}

/// Runs an arm on a system that is up.
pub(super) async fn run(
    day: &GameDay,
    arm: &Arm,
    system: &System,
    watch: &mut Watch,
    interrupted: &CancellationToken,
) -> anyhow::Result<Ran> {
    let (quotes, orders) = (system.quote_address(), system.trade_address());
    let plan = load::plan(&day.scenario.load, day.seed, &arm.name, quotes, orders)?;
    let schedule_hash = plan.schedule_hash();
    let mut rehearsal = Rehearsal {
        day,
        arm,
        system,
        watch,
        injections: Vec::new(),
        notices: Vec::new(),
        detectors: Vec::new(),
        measuring_from: Instant::now(),
        last_look: (Duration::ZERO, Load::default()),
    };
    let race = Race::new(system, &day.scenario, &arm.strategy)?;
    let load = rehearsal.drive(loadgen::spawn(Arc::new(plan))?, race, interrupted).await?;
    let result = rehearsal.judge(&load, interrupted.is_cancelled()).await?;
    let course = Course::of(&day.scenario.load, &load, &rehearsal.injections);
    let log = measure::interval_log(&arm.name, &load, &course).context("the interval log")?;
    Ok(Ran { result, timeline: rehearsal.timeline(), schedule_hash, log })
}

struct Rehearsal<'a> {
    day: &'a GameDay,
    arm: &'a Arm,
    system: &'a System,
    watch: &'a mut Watch,
    injections: Vec<Injection>,
    notices: Vec<ModeNotice>,
    detectors: Vec<DetectorResult>,
    measuring_from: Instant,
    /// How far the load was, and what it had counted, when it was last looked at.
    last_look: (Duration, Load),
}

impl Rehearsal<'_> {
    /// Pulls the faults at their times until the load has ended.
    async fn drive(
        &mut self,
        handle: Handle,
        mut race: Race,
        interrupted: &CancellationToken,
    ) -> anyhow::Result<RunResult> {
        self.show(Stage::Starting, Duration::ZERO, &Load::default());
        let started = handle.started().await.context("the load generator did not start")?;
        self.measuring_from = started + self.day.scenario.load.warmup;
        let day = self.day;
        let mut steps = day.scenario.schedule().collect::<Vec<_>>().into_iter().peekable();
        let mut notices = self.system.notices();
        let mut progress = handle.progress();
        let mut look = tokio::time::interval(LOOK_EVERY);
        // A fault may take seconds, and everything else goes on meanwhile; the next one waits for it.
        let (system, measuring_from) = (self.system, self.measuring_from);
        let mut injecting = None;
        let mut racing = Box::pin(race.run(system.lab()));
        loop {
            let next = steps.peek().map(|(at, _)| self.measuring_from + *at);
            tokio::select! {
                () = until(next), if injecting.is_none() => {
                    injecting = steps.next().map(|(_, step)| Box::pin(inject(system, step, measuring_from)));
                }
                done = ended(&mut injecting) => {
                    injecting = None;
                    self.injected(done?);
                }
                notice = notices.recv() => match notice {
                    Ok(notice) => self.notice(notice),
                    Err(RecvError::Lagged(lost)) => self.watch.line(&format!("{lost} changes of mode were not seen")),
                    Err(RecvError::Closed) => anyhow::bail!("the services are gone"),
                },
                never = &mut racing => match never {},
                _ = look.tick() => {
                    let seen = *progress.borrow();
                    self.look(&seen);
                }
                () = interrupted.cancelled() => break handle.stop(),
                ended = progress.changed() => if ended.is_err() { break },
            }
            self.system.check()?;
        }
        drop(racing);
        self.detectors = race.result(&self.injections);
        race.close().await;
        let result = handle.finished().await?;
        loop {
            match notices.try_recv() {
                Ok(notice) => self.notice(notice),
                Err(TryRecvError::Lagged(_)) => {}
                Err(_) => break,
            }
        }
        Ok(result)
    }

    fn injected(&mut self, injection: Injection) {
        let record = &injection.record;
        self.watch.line(&format!("{:>7.1} s  {}", record.at_ms / 1e3, shortened(&record.effect)));
        self.injections.push(injection);
    }

    fn notice(&mut self, notice: ModeNotice) {
        let (from, to) = notice.change.decisions();
        let turned = from != to;
        if turned {
            let at_s = ms_between(self.measuring_from, notice.at) / 1e3;
            self.watch.line(&format!("{at_s:>7.1} s  {}: {notice}", notice.service));
        }
        self.notices.push(notice);
    }

    fn look(&mut self, load: &Load) {
        let plan = &self.day.scenario.load;
        let now = Instant::now();
        let stage = match now.checked_duration_since(self.measuring_from) {
            None => Stage::WarmUp,
            Some(at) if at > plan.measured() => Stage::Draining,
            Some(at) => Stage::Measuring(self.phase_at(at)),
        };
        let elapsed = (now + plan.warmup).saturating_duration_since(self.measuring_from);
        self.last_look = (elapsed, *load);
        self.show(stage, elapsed, load);
    }

    fn phase_at(&self, at: Duration) -> Phase {
        measure::phase_at(&self.day.scenario.load, at)
    }

    fn show(&mut self, stage: Stage, elapsed: Duration, load: &Load) {
        let plan = &self.day.scenario.load;
        self.watch.show(&Progress {
            arm: self.arm.name.clone(),
            stage,
            elapsed,
            total: plan.warmup + plan.measured(),
            sent: load.intended,
            outcomes: Outcome::ALL.iter().map(|outcome| (*outcome, load.count(*outcome))).collect(),
            p99: load.p99_now,
        });
    }

    /// Reads the record, and holds everything against what was expected.
    async fn judge(&mut self, load: &RunResult, interrupted: bool) -> anyhow::Result<ArmResult> {
        let (elapsed, seen) = self.last_look;
        self.show(Stage::Auditing, elapsed, &seen);
        let patience = if interrupted { AUDIT_PATIENCE_INTERRUPTED } else { AUDIT_PATIENCE };
        if interrupted {
            // Whatever is still broken would only keep the audit waiting.
            self.system.lab().heal_all().await.ok();
        }
        let partitions = self.day.scenario.cluster.partitions;
        let answers = answers::of(load);
        let found = ledger::audit(&self.system.client("auditor"), partitions, &answers, patience).await?;
        let course = Course::of(&self.day.scenario.load, load, &self.injections);
        let facts = AuditFacts::from(&found.ledger);
        let measured = measure::measurements(load, &course, self.first_opened(), facts);
        let was_healthy = interrupted || self.was_healthy(&measured);
        let invalid = self.invalid(load, found.complete, was_healthy);
        Ok(ArmResult {
            strategy: self.arm.strategy.name().to_owned(),
            phases: ArmResult::phases_of(&measured),
            labels: ArmResult::labels_of(&measured),
            conservation: load.conservation(),
            times: measured.times.into(),
            schedule_lag_ms: load.lag().percentiles(),
            detectors: self.detectors.clone(),
            faults: self.injections.iter().map(|injection| injection.record.clone()).collect(),
            fallback: fallback(self.system),
            ledger: found.ledger,
            verdict: ArmVerdict::judge(&self.arm.expect, &measured, invalid),
        })
    }

    /// When the first circuit opened, after the damage was complete.
    fn first_opened(&self) -> Option<Instant> {
        let strike = self.injections.iter().rfind(|injection| !injection.heals)?.at;
        let opened = self.notices.iter().filter(|notice| notice.at >= strike);
        let opened = opened.filter(|notice| notice.change.decisions().1 == Decision::Fallback);
        opened.map(|notice| notice.at).min()
    }

    /// Whether anything came over Kafka before the first fault: what was never well cannot fall ill, and gates such as
    /// `detect` would be met by nothing.
    fn was_healthy(&self, measured: &Measurements) -> bool {
        let came = |recorder: &Recorder| recorder.count(Phase::Before, Outcome::OkKafka) > 0;
        self.day.scenario.load.before.is_zero() || measured.by_label.values().any(came)
    }

    fn invalid(&self, load: &RunResult, record_complete: bool, was_healthy: bool) -> Option<String> {
        let mut reasons: Vec<String> = load.invalid().iter().map(ToString::to_string).collect();
        if !was_healthy {
            reasons.push("nothing was answered over Kafka before the first fault".to_owned());
        }
        if !record_complete {
            reasons.push("the ledger could not be read to its end".to_owned());
        }
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    fn timeline(&self) -> Vec<TimelineEntry> {
        let name = &self.arm.name;
        let mut lines: Vec<TimelineEntry> =
            self.injections.iter().map(|injection| fault_line(name, &injection.record)).collect();
        lines.extend(self.notices.iter().map(|notice| mode_line(name, notice, self.measuring_from)));
        lines.extend(cluster_lines(name, self.system, self.measuring_from));
        lines.sort_by(|a, b| a.at_ms.total_cmp(&b.at_ms));
        lines
    }
}

/// What the fallback of quotes did over the whole arm.
fn fallback(system: &System) -> FallbackResult {
    let counts = system.fallback();
    FallbackResult {
        served: counts.served,
        refused: counts.refused,
        at_once_max: counts.in_progress_max as u64,
        at_once_limit: counts.in_progress_limit as u64,
        beyond_limit: counts.beyond_limit,
    }
}

/// Carries a step out. It counts from its beginning: that is when harm may begin.
async fn inject(system: &System, step: &Step, measuring_from: Instant) -> anyhow::Result<Injection> {
    let at = Instant::now();
    let done = system.lab().inject(&step.call).await?;
    let record = FaultRecord {
        at_ms: ms_between(measuring_from, at),
        kind: done.call.kind,
        args: done.call.args,
        heals: step.heals,
        effect: done.done,
    };
    Ok(Injection { at, heals: step.heals, record })
}

/// For ever pending where nothing is under way.
pub(super) async fn ended<F: Future + Unpin>(under_way: &mut Option<F>) -> F::Output {
    match under_way {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

/// A fault on every topic names all of them; the files have the whole sentence, a screen needs its beginning.
fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 110;
    if text.chars().count() <= CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(CHARS_MAX).chain("...".chars()).collect()
}

/// For ever pending where there is nothing to wait for.
async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
