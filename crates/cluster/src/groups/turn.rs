//! What a group needs of its surroundings while it handles one event: the time, the limits, and where answers,
//! records and alarms go.

use std::time::Duration;

use super::GroupEffect;
use super::ids::MemberIds;
use super::persist::{PersistId, Persists, Record};
use super::settings::GroupSettings;
use crate::api::{Joined, Response, Synced, Token};
use crate::error::ErrorCode;

/// One event's surroundings.
pub(super) struct Turn<'a> {
    /// Since the cluster's birth.
    pub(super) now: Duration,
    pub(super) settings: &'a GroupSettings,
    pub(super) persists: &'a mut Persists,
    pub(super) ids: &'a mut MemberIds,
    pub(super) alarm: &'a mut Alarm,
    pub(super) effects: Vec<GroupEffect>,
}

impl Turn<'_> {
    /// Answers a request.
    pub(super) fn reply(&mut self, token: Token, response: Response) {
        self.effects.push(GroupEffect::Reply { token, response });
    }

    /// Answers a JoinGroup.
    pub(super) fn joined(&mut self, token: Token, result: Result<Joined, (ErrorCode, String)>) {
        self.reply(token, Response::JoinGroup(result));
    }

    /// Answers a SyncGroup.
    pub(super) fn synced(&mut self, token: Token, result: Result<Synced, ErrorCode>) {
        self.reply(token, Response::SyncGroup(result));
    }

    /// Wants a record written to the group's offsets partition; the caller has checked that there is room.
    pub(super) fn persist(&mut self, group: &str, record: Record) -> PersistId {
        let id = self.persists.begin(group, record);
        self.effects.push(GroupEffect::Persist { group: group.to_owned(), id });
        id
    }
}

/// The earliest time at which anything may be due.
///
/// Moved earlier by every deadline that is set and never later by one that is put off, so that a heartbeat costs
/// nothing here: an alarm may turn out to be false, but none is missed. A tick sets it right.
#[derive(Debug, Default)]
pub(super) struct Alarm(pub(super) Option<Duration>);

impl Alarm {
    /// Goes off at this time or before.
    pub(super) fn by(&mut self, at: Duration) {
        self.0 = Some(self.0.map_or(at, |earlier| earlier.min(at)));
    }
}
