//! Committed offsets: visible only once their record is stored.
//!
//! A commit reserves the slots of its partitions when it is accepted, so that the bound holds whatever is under way;
//! a failed one gives back those that hold nothing. Source: `validateOffsetCommit` of Apache Kafka's ClassicGroup.

use super::group::{Group, Phase};
use super::persist::Record;
use super::turn::Turn;
use crate::api::{Committed, GroupMember, Response, Token, TopicPartition};
use crate::error::ErrorCode;

/// Offsets of one commit, in the order asked; an error marks a partition that was refused.
pub(crate) type CommitParts = Vec<(TopicPartition, Result<Committed, ErrorCode>)>;

impl Group {
    /// Handles an OffsetCommit: answers it, or parks it until the offsets are stored.
    pub(super) fn commit(&mut self, token: Token, who: &GroupMember, parts: CommitParts, turn: &mut Turn) {
        if let Err(error) = self.check_commit(who) {
            return turn.reply(token, refuse_commit(parts, error));
        }
        self.touch(&who.member, turn);
        if let Err(error) = turn.persists.check_room() {
            return turn.reply(token, refuse_commit(parts, error));
        }
        let parts: CommitParts = parts
            .into_iter()
            .map(|(partition, part)| {
                let part = part.and_then(|committed| self.accept(&partition, committed, turn));
                (partition, part)
            })
            .collect();
        if parts.iter().all(|(_, part)| part.is_err()) {
            return turn.reply(token, answer(parts, Ok(())));
        }
        self.commits_under_way += 1;
        turn.persist(&self.name, Record::Offsets(token, parts));
    }

    /// Members of this generation may commit, and anybody (generation -1) if the group has no members.
    fn check_commit(&self, who: &GroupMember) -> Result<(), ErrorCode> {
        if who.generation < 0 && self.phase == Phase::Empty {
            return Ok(());
        }
        self.check(who)?;
        match self.phase {
            Phase::Syncing { .. } => Err(ErrorCode::RebalanceInProgress),
            _ => Ok(()),
        }
    }

    fn accept(
        &mut self,
        partition: &TopicPartition,
        committed: Committed,
        turn: &Turn,
    ) -> Result<Committed, ErrorCode> {
        if committed.metadata.len() > turn.settings.offset_metadata_bytes_max {
            Err(ErrorCode::OffsetMetadataTooLarge)
        } else if self.offsets.contains_key(partition) {
            Ok(committed)
        } else if self.offsets.len() < turn.settings.offsets_max {
            self.offsets.insert(partition.clone(), None);
            Ok(committed)
        } else {
            Err(ErrorCode::PolicyViolation)
        }
    }

    /// The record of a commit is stored, or it is not.
    pub(super) fn offsets_stored(
        &mut self,
        token: Token,
        parts: CommitParts,
        result: Result<(), ErrorCode>,
        turn: &mut Turn,
    ) {
        self.commits_under_way = self.commits_under_way.saturating_sub(1);
        if result.is_ok() {
            let accepted =
                parts.iter().filter_map(|(partition, part)| Some((partition, part.as_ref().ok()?)));
            for (partition, committed) in accepted {
                // A topic that was deleted meanwhile has given its slots back.
                if let Some(slot) = self.offsets.get_mut(partition) {
                    *slot = Some(committed.clone());
                }
            }
        }
        if self.commits_under_way == 0 {
            self.offsets.retain(|_, slot| slot.is_some());
        }
        turn.reply(token, answer(parts, result));
    }

    /// The stored offsets of these partitions, or of all that have one.
    pub(super) fn fetch(
        &self,
        partitions: Option<Vec<TopicPartition>>,
    ) -> Vec<(TopicPartition, Option<Committed>)> {
        match partitions {
            None => {
                let stored = self.offsets.iter().filter(|(_, slot)| slot.is_some());
                stored.map(|(partition, slot)| (partition.clone(), slot.clone())).collect()
            }
            Some(asked) => {
                let slot = |partition: &TopicPartition| self.offsets.get(partition).cloned().flatten();
                asked.into_iter().map(|partition| (partition.clone(), slot(&partition))).collect()
            }
        }
    }
}

fn answer(parts: CommitParts, result: Result<(), ErrorCode>) -> Response {
    let stored = result.err().unwrap_or(ErrorCode::None);
    Response::OffsetCommit(
        parts.into_iter().map(|(partition, part)| (partition, part.err().unwrap_or(stored))).collect(),
    )
}

/// The same error for every partition of a commit that was not refused for another one before.
pub(crate) fn refuse_commit(parts: CommitParts, error: ErrorCode) -> Response {
    answer(parts, Err(error))
}
