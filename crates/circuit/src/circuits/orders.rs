//! What an operator may order of a circuit.
//!
//! Every order expires: one that is forgotten must not outlive the reason for it.

use std::time::Duration;

use super::{Circuits, ModeChange};
use crate::machine::{Force, Input};

/// The longest order of an operator; a longer one is cut to it.
pub const ORDER_MAX: Duration = Duration::from_secs(24 * 3600);

/// There is no circuit of this index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no circuit {partition}: there are {circuits}, counted from 0")]
pub struct UnknownPartition {
    /// The index that was asked for.
    pub partition: usize,
    /// How many there are.
    pub circuits: usize,
}

impl Circuits {
    /// An operator's order, for at most [`ORDER_MAX`]; `None` if it only prolongs the one in force.
    ///
    /// # Errors
    /// There is no such circuit.
    pub fn force(
        &mut self,
        partition: usize,
        force: Force,
        lasting: Duration,
        now: Duration,
    ) -> Result<Option<ModeChange>, UnknownPartition> {
        let until = self.time.at(now) + lasting.min(ORDER_MAX);
        self.order(partition, Input::Force { force, until }, now)
    }

    /// Takes an operator's order back; `None` if there was none.
    ///
    /// # Errors
    /// There is no such circuit.
    pub fn release(
        &mut self,
        partition: usize,
        now: Duration,
    ) -> Result<Option<ModeChange>, UnknownPartition> {
        self.order(partition, Input::Release, now)
    }

    fn order(
        &mut self,
        partition: usize,
        input: Input,
        now: Duration,
    ) -> Result<Option<ModeChange>, UnknownPartition> {
        let seen = self.time.at(now);
        let unknown = UnknownPartition { partition, circuits: self.circuits.len() };
        let circuit = self.circuits.get_mut(partition).ok_or(unknown)?;
        let transition = circuit.hear(input, seen);
        self.plan(partition, seen);
        self.schedule.wake(partition);
        Ok(transition.map(|transition| self.publish(partition, transition, now, seen)))
    }
}
