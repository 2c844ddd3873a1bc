//! Which faults are open, so that all of them can be healed.
//!
//! A heal closes the faults that it heals and whose arguments it does not contradict: `restore_leader` of every topic
//! closes a `strip_leader` of one. A fault called twice with the same arguments is open once.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use scenario::{ArgValue, FaultCall};

use super::{FaultError, Injected, Levers, apply, find};
use crate::timeline::{Timeline, What};

/// The most different faults that may be open at once.
pub const OPEN_MAX: usize = 1_000;

/// The faults that are open.
#[derive(Debug, Default)]
pub struct OpenFaults(Mutex<Vec<FaultCall>>);

impl OpenFaults {
    /// Carries out a call, notes it on the timeline and remembers it until it is healed.
    ///
    /// # Errors
    /// [`FaultError`]; [`FaultError::TooManyOpen`] before anything was done.
    pub async fn inject(
        &self,
        levers: &dyn Levers,
        timeline: &Timeline,
        call: &FaultCall,
    ) -> Result<Injected, FaultError> {
        let fault = find(&call.kind)?;
        let breaks = fault.kind.healed_by.is_some();
        // Remembered first: a fault that fails halfway is to be healed as well.
        if breaks {
            self.remember(call)?;
        }
        let injected = apply(levers, call).await;
        match &injected {
            Ok(_) if !breaks => self.calls().retain(|open| !heals(call, open)),
            // Nothing was done; after another error something may have been, and is healed with the rest.
            Err(FaultError::BadArgument { .. } | FaultError::CannotDoThat { .. }) => {
                self.calls().retain(|open| open != call);
            }
            _ => {}
        }
        let injected = injected?;
        timeline.note(What::Fault { call: injected.call.clone(), done: injected.done.clone() });
        Ok(injected)
    }

    /// Heals what is open, the last fault first.
    ///
    /// # Errors
    /// The first error, after all of them have been tried; what failed stays open.
    pub async fn heal_all(
        &self,
        levers: &dyn Levers,
        timeline: &Timeline,
    ) -> Result<Vec<Injected>, FaultError> {
        let open: Vec<FaultCall> = self.calls().iter().rev().cloned().collect();
        let mut healed = Vec::new();
        let mut failed = None;
        for heal in open.iter().filter_map(heal_of) {
            match self.inject(levers, timeline, &heal).await {
                Ok(injected) => healed.push(injected),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(healed), Err)
    }

    fn remember(&self, call: &FaultCall) -> Result<(), FaultError> {
        let mut calls = self.calls();
        if calls.contains(call) {
            return Ok(());
        }
        if calls.len() >= OPEN_MAX {
            return Err(FaultError::TooManyOpen);
        }
        calls.push(call.clone());
        Ok(())
    }

    fn calls(&self) -> MutexGuard<'_, Vec<FaultCall>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The heal of an open fault: its partner, with those of its arguments that the partner knows.
fn heal_of(open: &FaultCall) -> Option<FaultCall> {
    let healed_by = find(&open.kind).ok()?.kind.healed_by?;
    let known = find(healed_by).ok()?.kind.args;
    let args: BTreeMap<String, ArgValue> = open
        .args
        .iter()
        .filter(|(name, _)| known.iter().any(|spec| spec.name == *name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Some(FaultCall { kind: healed_by.to_owned(), args })
}

fn heals(heal: &FaultCall, open: &FaultCall) -> bool {
    let partner = find(&open.kind).ok().and_then(|fault| fault.kind.healed_by);
    let agrees = |(name, value): (&String, &ArgValue)| {
        let all = *value == ArgValue::Text("*".to_owned());
        all || open.args.get(name) == Some(value)
    };
    partner == Some(heal.kind.as_str()) && heal.args.iter().all(agrees)
}
