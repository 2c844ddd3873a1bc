//! The vocabulary of a plan: what clients may ask and what may be broken, in names that mean the same on any cluster.
//!
//! Nothing here is an id, an address or a time: those are the cluster's, and are found when a step is run.

use std::fmt;

/// One of two topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Topic {
    A,
    B,
}

/// One of two groups; the first has its coordinator on broker 1, the second on broker 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Group {
    G,
    H,
}

/// One of two idempotent producers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Producer {
    P,
    Q,
}

/// One of two members of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Member {
    M,
    N,
}

/// A partition of a topic; it need not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Part {
    pub(crate) topic: Topic,
    pub(crate) index: i32,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Create { topic: Topic, shape: Shape },
    Delete { topic: Topic, by_id: bool },
    Grow { topic: Topic, to: i32, only_check: bool },
    Produce(Produce),
    Fetch(Fetch),
    ListOffsets { part: Part, at: At, epoch: Epoch, to: To },
    DeleteRecords { part: Part, before: Place },
    EpochEnd { part: Part, current: Epoch, epoch: Epoch },
    InitProducer { producer: Producer, bump: bool },
    Join { member: Member, group: Group, session_ms: i32, assignor: &'static str, id: Identity },
    Sync { member: Member, group: Group, generation: Generation },
    Heartbeat { member: Member, group: Group, generation: Generation },
    Leave { member: Member, group: Group },
    Commit { who: Committer, group: Group, part: Part, offset: i64, note_bytes: usize },
    Committed { group: Group, part: Option<Part> },
    DescribeGroup { group: Group },
    FindCoordinator { group: Option<Group> },
    Metadata { topic: Topic, by_id: bool },
    Configs { topic: Topic, names: Vec<&'static str> },
    Fault(Fault),
}

/// How a topic is created. Where replicas go is always said, unless the request is one that is refused: clusters are
/// free to choose, and what follows would depend on the choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Partition `p` has its replicas on brokers `p + 1`, `p + 2`, ... of three, the first one preferred.
    Placed { partitions: i32, replicas: i16, configs: Vec<(&'static str, &'static str)>, only_check: bool },
    /// Counts, which are checked only.
    Counts { partitions: i32, replicas: i16, name: Name },
    /// Replicas as they are given here, partition by partition; a form that is refused.
    Assigned(Vec<(i32, Vec<i32>)>),
}

/// What a topic is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    Own,
    Empty,
    Dot,
    Slash,
    /// So many letters.
    Long(usize),
}

/// A produce request with one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Produce {
    pub(crate) part: Part,
    pub(crate) acks: i16,
    pub(crate) by: Option<Idempotent>,
    pub(crate) batches: u8,
    pub(crate) records: u8,
    pub(crate) codec: Codec,
    pub(crate) content: Content,
    pub(crate) to: To,
    pub(crate) by_id: bool,
}

/// What an idempotent producer says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Idempotent {
    pub(crate) producer: Producer,
    pub(crate) sequence: Sequence,
    pub(crate) epoch: Epoch,
}

/// Which sequence a batch begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sequence {
    /// The one after the last that was acknowledged.
    Next,
    /// That of the last batch that was acknowledged.
    Again,
    /// One left out.
    Gap,
    /// 0, whatever came before.
    Zero,
}

/// An epoch, relative to the one that is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Epoch {
    Unsaid,
    Right,
    Old,
    Future,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

/// What records carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Keyed,
    NullKey,
    NullValue,
    Headers,
    Empty,
    /// The checksum is wrong.
    Corrupt,
    /// A value longer than the topic takes.
    TooLarge,
}

/// Whom a request about a partition is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    Leader,
    /// The next running broker after the leader.
    Other,
}

/// A fetch request with one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fetch {
    pub(crate) part: Part,
    pub(crate) from: Place,
    pub(crate) bytes_max: i32,
    pub(crate) epoch: Epoch,
    pub(crate) to: To,
    pub(crate) by_id: bool,
}

/// A place in a log, relative to its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Begin,
    Middle,
    End,
    /// Behind the end by 5.
    Beyond,
    /// As a number, e.g. -1.
    At(i64),
}

/// What a ListOffsets request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    Earliest,
    Latest,
    MaxTimestamp,
    /// So many seconds after the plan's own beginning of time; records are a second apart.
    Second(i64),
    /// A number that has no meaning.
    Unheard,
}

/// Which member id a join says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    /// The one it was given, or none yet.
    Own,
    /// None, as if it were new.
    Forgotten,
    /// One that nobody was given.
    Invented,
}

/// A group's generation, relative to the one the member knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generation {
    Known,
    Old,
    Future,
}

/// Who commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Committer {
    /// Nobody: generation -1 and no member id.
    Outsider,
    Member(Member, Generation),
}

/// What may be broken and healed. One broker is down at a time; a fault that does not apply does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    KillBroker(i32),
    StartBroker(i32),
    FreezeBroker(i32),
    ThawBroker(i32),
    FreezeController,
    ThawController,
}

impl Step {
    /// Its kind in a word; two disagreements are of a kind when their steps are.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Delete { .. } => "delete",
            Self::Grow { .. } => "grow",
            Self::Produce(_) => "produce",
            Self::Fetch(_) => "fetch",
            Self::ListOffsets { .. } => "list-offsets",
            Self::DeleteRecords { .. } => "delete-records",
            Self::EpochEnd { .. } => "epoch-end",
            Self::InitProducer { .. } => "init-producer",
            Self::Join { .. } => "join",
            Self::Sync { .. } => "sync",
            Self::Heartbeat { .. } => "heartbeat",
            Self::Leave { .. } => "leave",
            Self::Commit { .. } => "commit",
            Self::Committed { .. } => "committed",
            Self::DescribeGroup { .. } => "describe-group",
            Self::FindCoordinator { .. } => "find-coordinator",
            Self::Metadata { .. } => "metadata",
            Self::Configs { .. } => "configs",
            Self::Fault(_) => "fault",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The derived form names every field, after the names of the types.
        let debug = format!("{self:?}");
        let fields = debug.trim_start_matches(|c: char| c.is_alphanumeric() || c == '(' || c == ' ');
        let fields = fields.trim_start_matches('{').trim_end_matches(['}', ')', ' ']).trim();
        let fields = if let Self::Fault(fault) = self { format!("{fault:?}") } else { fields.to_owned() };
        write!(f, "{} {fields}", self.kind())
    }
}
