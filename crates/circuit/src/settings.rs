//! Every number of a circuit, with its default and its bounds.
//!
//! Durations are checked against each other too: a limit that cannot be reached would be a circuit that never trips.

use std::time::Duration;

/// No two looks at the circuits are to be further apart: a limit is noticed within this time.
const TICK: Duration = Duration::from_millis(10);

/// Between two looks. Timers of a runtime count in milliseconds, so a look is late by up to one, and the next one is
/// not: a timer set to a tick would leave 11 ms between the two (measured).
pub const LOOK_EVERY: Duration = Duration::from_millis(9);

/// The settings of all circuits of one service.
///
/// The defaults detect a stuck call 200 ms after its beginning where acks are usually faster than 100 ms, and within
/// 500 ms (and a tick) anywhere; a stuck partition that nobody calls within `heartbeat_period + close_timeout`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The answer time that customers were promised. Half of it is the ceiling of every age limit, whatever was usual
    /// before. 1 s; 100 ms to 60 s.
    pub slo: Duration,
    /// The floor of every age limit, so that a fast dependency is not called stuck by a hiccup. 200 ms; 10 ms to half
    /// the objective.
    pub age_floor: Duration,
    /// The longest gap between two looks of the watchdog that counts in full; a longer one counts as this one. What the
    /// process did not see is its own absence, and must not be blamed on the dependency: nine stalls on end, of any
    /// length, stay below the lowest default limit, and where everything is starved and waits twice as long, time for
    /// the circuits goes about half as fast. Whoever looks less often than every 10 ms must raise it, or time goes slower
    /// for the circuits. A process that is starved a little looks in time all the same: beside eight busy loops on two cores
    /// 12 ms would have counted 85 % of the time where this counts 95 % (measured), so less forgives hardly more. 20 ms, two
    /// ticks; 10 ms to 1 s, of which no more than half the floor of the age limits counts.
    pub gap_max: Duration,
    /// How far back "usual" looks: the largest ack, answer and round trip of this window double into limits. 60 s; 1 s
    /// to 1 h.
    pub window: Duration,
    /// Between two heartbeats of a partition; where calls go all the way, up to three on end are spared. 250 ms; 20 ms to 10
    /// s.
    pub heartbeat_period: Duration,
    /// The floor of the limit of twice the largest round trip, over which a heartbeat makes its partition suspect.
    /// 200 ms; 10 ms to the close timeout.
    pub heartbeat_floor: Duration,
    /// A heartbeat outstanding for longer has failed, and its partition is stuck. 400 ms; 20 ms to 30 s.
    pub close_timeout: Duration,
    /// Between two heartbeats of a half-open circuit. 100 ms; 10 ms to 10 s.
    pub probe_period: Duration,
    /// The deadline of a heartbeat of a half-open circuit. 300 ms; 10 ms to the close timeout, so that it takes a better
    /// dependency to close a circuit than to keep it closed.
    pub probe_deadline: Duration,
    /// Healthy heartbeats in a row that close a half-open circuit. 3; 1 to 100.
    pub probes_to_close: u32,
    /// How long a circuit stays open at first, before it is probed. 250 ms; 10 ms to the longest dwell.
    pub dwell_min: Duration,
    /// How long it stays open at most; the dwell doubles up to here while it trips again. 2 s: a probe is three
    /// records a topic, and customers wait for the last of these dwells after a heal. Up to 10 min.
    pub dwell_max: Duration,
    /// Each such period without a trip takes one doubling back. 10 s; 100 ms to 1 h.
    pub calm: Duration,
    /// How long a suspect circuit must look healthy before it is called closed again. 1 s; 10 ms to 10 min.
    pub suspect_hold: Duration,
    /// For how long a half-open circuit whose heartbeats are healthy waits for customers' records from before the trip.
    /// 2 s, about what a client takes to find a new leader and to send again; up to 60 s.
    pub drain_max: Duration,
    /// In how much time customers come back after a recovery. 500 ms, which is fifty ticks; 10 ms to 10 min.
    pub slow_start_window: Duration,
    /// The share that comes back at once, in thousandths. 100; 1 to 1,000.
    pub slow_start_min_permille: u32,
    /// How fast it grows at first, in hundredths: the share after the part t of the window is t^(100 / this). 100, which
    /// is a straight line; 10 to 1,000.
    pub slow_start_aggression_pct: u32,
    /// The share of open partitions from which a topic, and the cluster, opens as a whole, in thousandths. 300; 1 to
    /// 1,000.
    pub escalate_permille: u32,
    /// Fewer open partitions than this open nothing else. 4: one lost broker of nine stops three partitions of nine, and
    /// is not a lost cluster. 1 to 10,000.
    pub escalate_min: usize,
    /// The share of open partitions below which it lets customers back, in thousandths. 150; 0 (which is none open) to
    /// the share that opens it.
    pub deescalate_permille: u32,
    /// For how long it must have been below. 250 ms, the shortest dwell: its partitions have proven themselves, and customers
    /// come back in steps. 10 ms to 10 min.
    pub escalation_hold: Duration,
    /// For how long a partition that somebody calls may have no leader. 500 ms, which is longer than an election takes;
    /// 10 ms to 60 s.
    pub leader_limit: Duration,
    /// A partition that was called within this time is in demand. 1 s; 10 ms to 10 min.
    pub demand_life: Duration,
    /// For how long records may be in flight with none acknowledged, as of the reports. 500 ms; 10 ms to 60 s.
    pub ack_limit: Duration,
    /// For how long a consumer that lags may stand still, as of the reports. 1 s; 10 ms to 10 min.
    pub consumer_limit: Duration,
    /// A report of statistics that is older says nothing. 3 s; 10 ms to 10 min, and longer than the client's interval.
    pub report_life: Duration,
    /// How far back the rates of failed and of slow calls look. 10 s; 100 ms to 1 h.
    pub completions_window: Duration,
    /// Fewer calls than this within the window are no rate. 20; 1 to 1,000,000.
    pub completions_min: u32,
    /// The rate of failed calls that trips, in thousandths. 500; 10 to 1,000.
    pub failures_permille: u32,
    /// The rate of slow calls that trips, in thousandths. 800; 10 to 1,000.
    pub slow_permille: u32,
    /// A call that took longer was slow. 500 ms, half of the default objective; 1 ms to 60 s.
    pub slow_call: Duration,
    /// For how long the client may refuse records on end because its queue is full. 200 ms; 10 ms to 60 s.
    pub queue_limit: Duration,
    /// The recovery's share of each limit of age and rate, in thousandths: from there on a signal is suspicious while
    /// customers come back. 500; 100 to 900, so that it takes a better dependency to recover than to stay closed.
    pub recovery_permille: u32,
    /// Lanes of an in-flight ring: threads that begin calls at the same time without sharing a cache line. Each lane
    /// takes about 10 kB per partition and costs the watchdog a look per tick. 2; 1 to 64.
    pub lanes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self {
            slo: ms(1_000),
            age_floor: ms(200),
            gap_max: ms(20),
            window: ms(60_000),
            heartbeat_period: ms(250),
            heartbeat_floor: ms(200),
            close_timeout: ms(400),
            probe_period: ms(100),
            probe_deadline: ms(300),
            probes_to_close: 3,
            dwell_min: ms(250),
            dwell_max: ms(2_000),
            calm: ms(10_000),
            suspect_hold: ms(1_000),
            drain_max: ms(2_000),
            slow_start_window: ms(500),
            slow_start_min_permille: 100,
            slow_start_aggression_pct: 100,
            escalate_permille: 300,
            escalate_min: 4,
            deescalate_permille: 150,
            escalation_hold: ms(250),
            leader_limit: ms(500),
            demand_life: ms(1_000),
            ack_limit: ms(500),
            consumer_limit: ms(1_000),
            report_life: ms(3_000),
            completions_window: ms(10_000),
            completions_min: 20,
            failures_permille: 500,
            slow_permille: 800,
            slow_call: ms(500),
            queue_limit: ms(200),
            recovery_permille: 500,
            lanes: 2,
        }
    }
}

/// A setting outside of its bounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} is {value}; allowed is {allowed}")]
pub struct BadSetting {
    /// The name of the setting.
    pub key: &'static str,
    /// What it was set to.
    pub value: String,
    /// What is allowed.
    pub allowed: String,
}

/// Checks that a setting lies between two others, ends included.
///
/// # Errors
/// [`BadSetting`] when it does not.
pub fn within<T: PartialOrd + std::fmt::Debug>(
    key: &'static str,
    value: T,
    min: T,
    max: T,
) -> Result<(), BadSetting> {
    if value >= min && value <= max {
        return Ok(());
    }
    Err(BadSetting { key, value: format!("{value:?}"), allowed: format!("{min:?} to {max:?}") })
}

impl Settings {
    /// Checks every bound.
    ///
    /// # Errors
    /// The first setting that is out of bounds; change it and start again.
    pub fn check(&self) -> Result<(), BadSetting> {
        let ms = Duration::from_millis;
        let hour = Duration::from_secs(3600);
        within("slo", self.slo, ms(100), ms(60_000))?;
        within("age_floor", self.age_floor, ms(10), self.age_ceiling())?;
        within("gap_max", self.gap_max, TICK, ms(1_000))?;
        within("window", self.window, ms(1_000), hour)?;
        within("heartbeat_period", self.heartbeat_period, ms(20), ms(10_000))?;
        within("close_timeout", self.close_timeout, ms(20), ms(30_000))?;
        within("heartbeat_floor", self.heartbeat_floor, ms(10), self.close_timeout)?;
        within("probe_period", self.probe_period, ms(10), ms(10_000))?;
        within("probe_deadline", self.probe_deadline, ms(10), self.close_timeout)?;
        within("probes_to_close", self.probes_to_close, 1, 100)?;
        within("dwell_max", self.dwell_max, ms(10), ms(600_000))?;
        within("dwell_min", self.dwell_min, ms(10), self.dwell_max)?;
        within("calm", self.calm, ms(100), hour)?;
        within("suspect_hold", self.suspect_hold, ms(10), ms(600_000))?;
        within("lanes", self.lanes, 1, crate::inflight::LANES_MAX)?;
        within("drain_max", self.drain_max, Duration::ZERO, ms(60_000))?;
        within("slow_start_window", self.slow_start_window, ms(10), ms(600_000))?;
        within("slow_start_min_permille", self.slow_start_min_permille, 1, 1_000)?;
        within("slow_start_aggression_pct", self.slow_start_aggression_pct, 10, 1_000)?;
        within("escalate_permille", self.escalate_permille, 1, 1_000)?;
        within("escalate_min", self.escalate_min, 1, crate::circuits::PARTITIONS_MAX)?;
        within("deescalate_permille", self.deescalate_permille, 0, self.escalate_permille)?;
        within("escalation_hold", self.escalation_hold, ms(10), ms(600_000))?;
        self.check_reports()
    }

    /// The bounds of what is told and counted.
    fn check_reports(&self) -> Result<(), BadSetting> {
        let ms = Duration::from_millis;
        within("leader_limit", self.leader_limit, ms(10), ms(60_000))?;
        within("demand_life", self.demand_life, ms(10), ms(600_000))?;
        within("ack_limit", self.ack_limit, ms(10), ms(60_000))?;
        within("consumer_limit", self.consumer_limit, ms(10), ms(600_000))?;
        within("report_life", self.report_life, ms(10), ms(600_000))?;
        within("completions_window", self.completions_window, ms(100), Duration::from_secs(3600))?;
        within("completions_min", self.completions_min, 1, 1_000_000)?;
        within("failures_permille", self.failures_permille, 10, 1_000)?;
        within("slow_permille", self.slow_permille, 10, 1_000)?;
        within("slow_call", self.slow_call, ms(1), ms(60_000))?;
        within("queue_limit", self.queue_limit, ms(10), ms(60_000))?;
        within("recovery_permille", self.recovery_permille, 100, 900)
    }

    /// Half the objective: no call in flight may get older than this without tripping its circuit.
    pub(crate) fn age_ceiling(&self) -> Duration {
        self.slo / 2
    }

    /// How much of a gap between two looks counts at most.
    pub(crate) fn gap(&self) -> Duration {
        self.gap_max.min(self.age_floor / 2).max(TICK)
    }

    /// The age at which a call in flight is stuck, when the largest lately was `usual`.
    pub(crate) fn age_limit(&self, usual: Duration) -> Duration {
        (usual * 2).clamp(self.age_floor, self.age_ceiling())
    }

    /// The lower limit of a recovery.
    pub(crate) fn recovery_limit(&self, limit: Duration) -> Duration {
        limit * self.recovery_permille / 1_000
    }

    /// The lower rate of a recovery; at least one thousandth, so that no failure at all is never suspicious.
    pub(crate) fn recovery_share(&self, limit_permille: u32) -> u32 {
        (limit_permille * self.recovery_permille / 1_000).max(1)
    }

    /// The age at which an outstanding heartbeat makes its partition suspect.
    pub(crate) fn suspect_limit(&self, usual: Duration) -> Duration {
        (usual * 2).max(self.heartbeat_floor)
    }

    /// The span of an in-flight ring: above the highest age limit, and by so little that with the default objective each look
    /// opens a bucket.
    pub(crate) fn span(&self) -> Duration {
        self.age_ceiling() * 17 / 16
    }

    /// How long a half-open circuit waits for a verdict on the next heartbeat.
    pub(crate) fn probe_patience(&self) -> Duration {
        self.probe_period + self.close_timeout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_within_their_own_bounds() {
        assert_eq!(Settings::default().check(), Ok(()));
    }

    #[test]
    fn a_bad_setting_names_its_key_its_value_and_what_is_allowed() {
        let settings = Settings { age_floor: Duration::from_millis(900), ..Settings::default() };
        let error = settings.check().unwrap_err().to_string();
        assert_eq!(error, "age_floor is 900ms; allowed is 10ms to 500ms");
    }

    #[test]
    fn an_age_limit_doubles_what_was_usual_between_its_floor_and_half_the_objective() {
        let (settings, ms) = (Settings::default(), Duration::from_millis);
        assert_eq!(settings.age_limit(ms(3)), ms(200));
        assert_eq!(settings.age_limit(ms(150)), ms(300));
        assert_eq!(settings.age_limit(ms(900)), ms(500));
    }
}
