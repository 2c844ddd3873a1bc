//! One order that several tasks look at: its executor, the callers that wait for it, the resolver.
//!
//! Invariant: the flow is only touched under its lock, and whoever waits is woken after each change that left an
//! answer. The lock is never held over an await.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::flow::{Answer, Flow};

/// An order in the table.
#[derive(Debug)]
pub(crate) struct Entry {
    flow: Mutex<Flow>,
    changed: Notify,
}

impl Entry {
    pub(crate) fn new(flow: Flow) -> Self {
        Self { flow: Mutex::new(flow), changed: Notify::new() }
    }

    /// Looks at the flow, or takes a step.
    pub(crate) fn with<R>(&self, step: impl FnOnce(&mut Flow) -> R) -> R {
        let mut flow = self.flow.lock().unwrap_or_else(PoisonError::into_inner);
        let result = step(&mut flow);
        let answered = flow.answer().is_some();
        drop(flow);
        if answered {
            self.changed.notify_waiters();
        }
        result
    }

    /// What the customer is told, as soon as there is something to tell.
    pub(crate) async fn answered(&self) -> Answer {
        loop {
            let changed = self.changed.notified();
            if let Some(answer) = self.with(|flow| flow.answer().cloned()) {
                return answer;
            }
            changed.await;
        }
    }
}
