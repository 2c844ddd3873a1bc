//! LeaveGroup: members go on their own account, or an operator removes static ones by their instance id.
//!
//! Source: `handleLeaveGroup` of Apache Kafka's GroupCoordinator, KIP-345.

use super::group::Group;
use super::turn::Turn;
use crate::error::ErrorCode;

impl Group {
    /// Removes these members, each a member id (may be empty for a static member) and an instance id.
    pub(super) fn leave(
        &mut self,
        leaving: Vec<(String, Option<String>)>,
        turn: &mut Turn,
    ) -> Vec<(String, Option<String>, ErrorCode)> {
        let answers = leaving
            .into_iter()
            .map(|(id, instance)| {
                let result = self.leave_one(&id, instance.as_deref(), turn);
                (id, instance, result.err().unwrap_or(ErrorCode::None))
            })
            .collect();
        self.complete_join_if_all_are_here(turn);
        answers
    }

    fn leave_one(&mut self, id: &str, instance: Option<&str>, turn: &mut Turn) -> Result<(), ErrorCode> {
        if instance.is_none() && self.pending.remove(id).is_some() {
            return Ok(());
        }
        let holder = match instance.and_then(|instance| self.instances.get(instance)) {
            Some(holder) if id.is_empty() => holder.clone(),
            _ => id.to_owned(),
        };
        self.check_member(&holder, instance)?;
        self.remove(&holder, turn);
        self.after_removal(turn);
        Ok(())
    }
}
