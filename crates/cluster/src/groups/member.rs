//! One member of a group: what it speaks, what it got, which of its requests wait, and until when it is believed
//! to be alive.

use std::time::Duration;

use bytes::Bytes;

use crate::api::{JoinGroup, Token};

/// How long a member may wait for its first rebalance to complete: until then it has no generation, cannot send
/// heartbeats, and a client that retries leaves its earlier self behind (`NewMemberJoinTimeoutMs` of Apache Kafka).
pub(super) const NEW_MEMBER_JOIN_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// No timeout is shorter, so that whatever a tick sets lies after it.
const TIMEOUT_MIN: Duration = Duration::from_millis(1);

/// A member.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) instance: Option<String>,
    pub(super) client_id: String,
    pub(super) rebalance_timeout: Duration,
    /// (assignor, subscription) in the order of preference.
    pub(super) protocols: Vec<(String, Bytes)>,
    pub(super) assignment: Bytes,
    /// The JoinGroup that waits for the rebalance to complete.
    pub(super) joining: Option<Token>,
    /// The SyncGroup that waits for the assignment to be stored.
    pub(super) syncing: Option<Token>,
    /// Whether it has asked for its assignment in this generation.
    pub(super) synced: bool,
    /// Whether its first rebalance has not completed yet.
    pub(super) new: bool,
    session_timeout: Duration,
    alive_until: Duration,
}

impl Member {
    /// A member that joins for the first time.
    pub(super) fn new(client_id: &str, request: JoinGroup, token: Token, now: Duration) -> Self {
        Self {
            instance: request.instance,
            client_id: client_id.to_owned(),
            rebalance_timeout: request.rebalance_timeout.max(TIMEOUT_MIN),
            protocols: request.protocols,
            assignment: Bytes::new(),
            joining: Some(token),
            syncing: None,
            synced: false,
            new: true,
            session_timeout: request.session_timeout.max(TIMEOUT_MIN),
            alive_until: now.saturating_add(NEW_MEMBER_JOIN_TIMEOUT),
        }
    }

    /// Takes over what a rejoin says; returns the JoinGroup that waited before, now superseded.
    pub(super) fn update(&mut self, request: JoinGroup, token: Token) -> Option<Token> {
        self.rebalance_timeout = request.rebalance_timeout.max(TIMEOUT_MIN);
        self.session_timeout = request.session_timeout.max(TIMEOUT_MIN);
        self.protocols = request.protocols;
        self.joining.replace(token)
    }

    /// A sign of life; returns until when the member is now believed to be alive.
    pub(super) fn touch(&mut self, now: Duration) -> Duration {
        let timeout = if self.new { NEW_MEMBER_JOIN_TIMEOUT } else { self.session_timeout };
        self.alive_until = now.saturating_add(timeout);
        self.alive_until
    }

    /// When its session ends; `None` while the group owes an answer to it, for then it need not send heartbeats.
    pub(super) fn expires(&self) -> Option<Duration> {
        let waits = self.joining.is_some() || self.syncing.is_some();
        (self.new || !waits).then_some(self.alive_until)
    }

    /// Whether it knows this assignor.
    pub(super) fn speaks(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|(name, _)| name == protocol)
    }

    /// What it subscribes to under this assignor; empty if it does not know it.
    pub(super) fn subscription(&self, protocol: &str) -> Bytes {
        let found = self.protocols.iter().find(|(name, _)| name == protocol);
        found.map(|(_, subscription)| subscription.clone()).unwrap_or_default()
    }
}
