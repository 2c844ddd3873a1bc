//! Records on their way into the offsets partition: what waits for them, and what their failure means to a client.
//!
//! Every [`GroupEffect::Persist`](super::GroupEffect::Persist) is reported on exactly once, when the high watermark
//! has passed the record, the append failed or `offsets.commit.timeout.ms` (5 s) is over. Nothing that a record
//! carries is visible before.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::offsets::CommitParts;
use crate::api::Token;
use crate::error::ErrorCode;

/// Names one record until it is reported on; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PersistId(pub(crate) u64);

/// What a record carries.
#[derive(Debug)]
pub(super) enum Record {
    /// The leader's assignments: (member id, assignment).
    Assignments(BTreeMap<String, Bytes>),
    /// The offsets of one commit, and who waits for them.
    Offsets(Token, CommitParts),
    /// A static member came back under this new member id.
    StaticMember(String),
}

/// The records of all groups that are not reported on yet.
#[derive(Debug)]
pub(super) struct Persists {
    next: u64,
    open_max: usize,
    open: BTreeMap<PersistId, (String, Record)>,
}

impl Persists {
    /// None, with room for this many.
    pub(super) fn new(open_max: usize) -> Self {
        Self { next: 0, open_max, open: BTreeMap::new() }
    }

    /// Whether another record may be taken in.
    ///
    /// # Errors
    /// `COORDINATOR_NOT_AVAILABLE` when too many are under way; the client comes again.
    pub(super) fn check_room(&self) -> Result<(), ErrorCode> {
        if self.open.len() < self.open_max { Ok(()) } else { Err(ErrorCode::CoordinatorNotAvailable) }
    }

    /// Takes a record of a group in; the caller has checked that there is room.
    pub(super) fn begin(&mut self, group: &str, record: Record) -> PersistId {
        let id = PersistId(self.next);
        self.next += 1;
        self.open.insert(id, (group.to_owned(), record));
        id
    }

    /// Takes a record out: its group and what it carries, `None` if it was reported on before.
    pub(super) fn end(&mut self, id: PersistId) -> Option<(String, Record)> {
        self.open.remove(&id)
    }
}

/// What a client is told of a failed append: the log's troubles are the coordinator's to a group.
///
/// Source: `CoordinatorOperationExceptionHelper` and `appendGroupMetadataErrorToResponseError` of Apache Kafka 4.
pub(super) fn as_coordinator_error(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::LeaderNotAvailable
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::NotEnoughReplicasAfterAppend
        | ErrorCode::RequestTimedOut => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::MessageTooLarge => ErrorCode::UnknownServerError,
        other => other,
    }
}
