//! The ring of epoch buckets, from the outside.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use circuit::InFlight;
use circuit::inflight::BUCKETS;
use proptest::prelude::*;

const SPAN: Duration = Duration::from_millis(640);
const TICK: Duration = Duration::from_millis(10);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn the_oldest_call_is_seen_through_any_number_of_healthy_ones() {
    let (calls, mut watch) = InFlight::new(1, SPAN);
    watch.tick(ms(10));
    let hung = calls.begin();
    for tick in 2..=30 {
        let healthy = calls.begin();
        watch.tick(ms(tick * 10));
        drop(healthy);
    }
    assert_eq!(watch.oldest_age(), Some(ms(290)));
    assert_eq!(watch.len(), 1);
    drop(hung);
    assert_eq!(watch.tick(ms(310)).oldest, None);
    assert!(watch.is_empty());
}

#[test]
fn a_call_older_than_the_span_never_wraps_into_young() {
    let (calls, mut watch) = InFlight::new(1, SPAN);
    let mut hung = Vec::new();
    for tick in 0..1_000 {
        hung.push(calls.begin());
        watch.tick(ms(tick * 10));
    }
    assert_eq!(watch.oldest_age(), Some(ms(9_990)));
    assert_eq!(watch.len(), 1_000);
}

#[test]
fn after_more_hung_calls_than_buckets_new_calls_are_young_again_once_they_ended() {
    let (calls, mut watch) = InFlight::new(1, SPAN);
    let mut hung = Vec::new();
    for tick in 0..4 * BUCKETS as u64 {
        hung.push(calls.begin());
        watch.tick(ms(tick * 10));
    }
    hung.clear();
    watch.tick(ms(5_000));
    let _new = calls.begin();
    assert!(watch.tick(ms(5_050)).oldest <= Some(ms(60)));
}

#[test]
fn an_idle_ring_has_no_age_however_long_it_idles() {
    let (calls, mut watch) = InFlight::new(2, SPAN);
    for tick in 0..500 {
        assert_eq!(watch.tick(ms(tick * 10)).oldest, None);
    }
    let _call = calls.begin();
    assert!(watch.tick(ms(5_000)).oldest <= Some(TICK), "the time before the call does not count");
}

#[test]
fn how_long_calls_took_is_learned_when_their_bucket_runs_empty() {
    let (calls, mut watch) = InFlight::new(1, SPAN);
    watch.tick(ms(10));
    let call = calls.begin();
    for tick in 2..=15 {
        assert_eq!(watch.tick(ms(tick * 10)).longest_ended, None);
    }
    drop(call);
    assert_eq!(watch.tick(ms(160)).longest_ended, Some(ms(150)));
    assert_eq!(watch.tick(ms(170)).longest_ended, None);
}

#[test]
fn calls_written_off_stay_counted_and_new_ones_are_seen() {
    let (calls, mut watch) = InFlight::new(1, SPAN);
    watch.tick(ms(0));
    let _hung = calls.begin();
    watch.tick(ms(400));
    watch.write_off(ms(400));
    assert_eq!(watch.tick(ms(410)).oldest, None);
    let _new = calls.begin();
    assert!(watch.tick(ms(450)).oldest <= Some(ms(60)));
    assert!(watch.oldest_age() >= Some(ms(40)));
    assert_eq!(watch.len(), 2);
}

#[test]
fn guards_end_on_any_thread_and_outlive_the_watchdog() {
    let (calls, mut watch) = InFlight::new(4, SPAN);
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let calls = calls.clone();
            thread::spawn(move || (0..1_000).map(|_| calls.begin()).collect::<Vec<_>>())
        })
        .collect();
    let mut guards: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    watch.tick(ms(10));
    assert_eq!(watch.len(), 8_000);
    let rest = guards.split_off(4_000);
    thread::spawn(move || drop(guards)).join().unwrap();
    watch.tick(ms(20));
    assert_eq!(watch.len(), 4_000);
    drop((watch, calls));
    drop(rest);
}

proptest! {
    /// Against a table of beginnings: never too small, and too large by less than a bucket and a tick, as long as there
    /// are buckets.
    #[test]
    fn the_age_is_right_within_a_bucket_and_a_tick(
        steps in prop::collection::vec((0_usize..3, any::<prop::sample::Index>()), 1..300),
    ) {
        let (calls, mut watch) = InFlight::new(1, SPAN);
        let mut model = BTreeMap::new();
        let mut now = ms(0);
        for (step, (action, which)) in steps.into_iter().enumerate() {
            now += ms(3);
            match action {
                0 => { model.insert(step, (now, calls.begin())); }
                1 if !model.is_empty() => {
                    let key = *which.get(&model.keys().copied().collect::<Vec<_>>());
                    model.remove(&key);
                }
                _ => {}
            }
            if step % 3 == 0 {
                watch.tick(now);
                prop_assert_eq!(watch.len(), model.len());
                let oldest = model.values().map(|(began, _)| now - *began).max();
                let seen = watch.oldest_age();
                prop_assert_eq!(seen.is_some(), oldest.is_some());
                prop_assert!(seen >= oldest, "{:?} < {:?}", seen, oldest);
                let full = model.len() >= BUCKETS;
                prop_assert!(full || seen <= oldest.map(|age| age + TICK * 2), "{:?} > {:?}", seen, oldest);
            }
        }
    }
}
