//! The levers by name, and which kinds of clusters have them: the one place that says so.
//!
//! Faults name the levers they pull, [`Levers`](super::Levers) refuses by the same table, and whoever is about to start
//! a cluster reads from it what the faults to come will need.

use crate::Backend;

use Backend::{Apache, Embedded};

/// A lever by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lever {
    /// Stop the controller.
    FreezeController,
    /// Let it go on.
    ThawController,
    /// Stop a majority of the controllers.
    LoseQuorum,
    /// Let them go on.
    RestoreQuorum,
    /// `kill -9`.
    KillBroker,
    /// `SIGTERM`.
    StopBroker,
    /// Start it again.
    StartBroker,
    /// `SIGSTOP`.
    FreezeBroker,
    /// `SIGCONT`.
    ThawBroker,
    /// Drop its packets.
    BlackHoleBroker,
    /// Let them through.
    RestoreBroker,
    /// Answer late, or at once again.
    SlowBroker,
    /// Leader -1.
    StripLeader,
    /// Elect again.
    RestoreLeader,
}

impl Lever {
    /// The kinds of clusters that have it.
    #[must_use]
    pub const fn backends(self) -> &'static [Backend] {
        match self {
            Self::FreezeController
            | Self::ThawController
            | Self::LoseQuorum
            | Self::RestoreQuorum
            | Self::KillBroker
            | Self::StopBroker
            | Self::StartBroker
            | Self::FreezeBroker
            | Self::ThawBroker
            | Self::BlackHoleBroker
            | Self::RestoreBroker
            | Self::SlowBroker
            | Self::StripLeader
            | Self::RestoreLeader => &[Embedded, Apache],
        }
    }

    /// Whether real brokers have it only if their connections go through a relay.
    #[must_use]
    pub const fn needs_relay(self) -> bool {
        matches!(self, Self::BlackHoleBroker | Self::RestoreBroker | Self::SlowBroker)
    }

    /// How many real controllers it takes.
    #[must_use]
    pub const fn needs_controllers(self) -> u32 {
        match self {
            Self::LoseQuorum | Self::RestoreQuorum => 3,
            _ => 1,
        }
    }

    /// What a cluster without it cannot do.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::FreezeController => "freeze its controller",
            Self::ThawController => "thaw its controller",
            Self::LoseQuorum => "lose its quorum of controllers",
            Self::RestoreQuorum => "get its quorum of controllers back",
            Self::KillBroker => "kill a broker",
            Self::StopBroker => "stop a broker in order",
            Self::StartBroker => "start a broker",
            Self::FreezeBroker => "freeze a broker",
            Self::ThawBroker => "thaw a broker",
            Self::BlackHoleBroker => "black-hole a broker",
            Self::RestoreBroker => "restore a broker's network",
            Self::SlowBroker => "slow a broker down",
            Self::StripLeader => "take a partition's leader away",
            Self::RestoreLeader => "give a partition's leader back",
        }
    }
}
