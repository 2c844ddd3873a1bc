//! The one way in which a gate is written back.

use std::fmt;

use super::{Condition, Fact, Gate, Moment, Op, Point, Selector, name_of};
use crate::units::exact;

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Condition::Latency { point, of, op, limit } => {
                write!(f, "{}{of} {op} {}", name_of(&Point::NAMES, point), exact(*limit))
            }
            Condition::Count { of, op, limit } => write!(f, "count{of} {op} {limit}"),
            Condition::Rate { of, op, limit_percent } => write!(f, "rate{of} {op} {limit_percent}%"),
            Condition::Time { moment, op, limit } => write!(f, "{moment} {op} {}", exact(*limit)),
            Condition::Never(moment) => write!(f, "{moment} = never"),
            Condition::Audit { fact, op, limit } => {
                write!(f, "{} {op} {limit}", name_of(&Fact::NAMES, fact))
            }
            Condition::LedgerBalanced => f.write_str("ledger = balanced"),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = self.outcome.map(|outcome| format!("outcome={outcome}"));
        let phase = self.phase.map(|phase| format!("phase={phase}"));
        let label = self.label.as_ref().map(|label| format!("label={label}"));
        let parts: Vec<String> = [outcome, phase, label].into_iter().flatten().collect();
        if parts.is_empty() { Ok(()) } else { write!(f, "{{{}}}", parts.join(",")) }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name_of(&Self::NAMES, self))
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name_of(&Self::NAMES, self))
    }
}
