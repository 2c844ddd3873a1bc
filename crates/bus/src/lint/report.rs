//! What the linter says: how long each call can block and why, what contradicts what, and what to change.

use serde::Serialize;

use super::Dialect;

/// All that is to be said about one set of properties.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The client that the properties are for.
    pub dialect: Dialect,
    /// How long each call of that client can block, in the order of [`Call`].
    pub bounds: Vec<Bound>,
    /// What is wrong or worth knowing: errors first, and in the order of the file within a severity.
    pub findings: Vec<Finding>,
}

/// What an application waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// From handing over a record to its delivery report.
    Send,
    /// For the next record of a partition.
    Consume,
    /// For an assignment as a member of a group.
    Join,
    /// For a synchronous commit of offsets.
    Commit,
}

/// How long a call can block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bound {
    /// The call.
    pub call: Call,
    /// The longest of the cases, ms; `None` is for ever.
    pub worst_ms: Option<u64>,
    /// What can go wrong, each with its own bound.
    pub cases: Vec<Case>,
}

/// A way in which a call can be made to wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Case {
    /// What has gone wrong.
    pub when: &'static str,
    /// The sum of the steps, ms; `None` is for ever.
    pub worst_ms: Option<u64>,
    /// The terms of the sum.
    pub steps: Vec<Step>,
    /// What the sum does not say, such as who else waits.
    pub note: Option<&'static str>,
}

/// A term of a sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The setting that makes it, if one does.
    pub setting: Option<Set>,
    /// ms.
    pub ms: u64,
    /// Why it is waited for.
    pub why: &'static str,
}

/// A setting and where its value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Set {
    /// The key, as the properties spell it.
    pub key: String,
    /// Whether the value is the client's default.
    pub default: bool,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The client refuses it or does not do what was asked, or two settings defeat each other.
    Error,
    /// It works, and will hurt in an outage.
    Warning,
    /// Worth knowing.
    Note,
}

/// Something to change, or to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Its stable name, for filters.
    pub rule: &'static str,
    /// Where in the file; `None` for a default or a preset.
    pub line: Option<usize>,
    /// What is, in a sentence with the values.
    pub what: String,
    /// Why it matters.
    pub why: String,
    /// What to do.
    pub change: String,
}

impl Report {
    /// Whether there is a finding that the client would trip over.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// The bound of a call; `None` when nothing in the properties makes it.
    #[must_use]
    pub fn bound(&self, call: Call) -> Option<&Bound> {
        self.bounds.iter().find(|bound| bound.call == call)
    }
}

impl Bound {
    pub(super) fn new(call: Call, cases: Vec<Case>) -> Self {
        let worst_ms = cases.iter().map(|case| case.worst_ms).try_fold(0, |worst, ms| Some(worst.max(ms?)));
        Self { call, worst_ms, cases }
    }
}

impl Case {
    /// A case that ends by these steps.
    pub(super) fn ends(when: &'static str, steps: Vec<Step>) -> Self {
        let worst_ms = Some(steps.iter().map(|step| step.ms).sum());
        Self { when, worst_ms, steps, note: None }
    }

    /// A case that no setting ends.
    pub(super) fn never_ends(when: &'static str, note: &'static str) -> Self {
        Self { when, worst_ms: None, steps: Vec::new(), note: Some(note) }
    }

    pub(super) fn noting(self, note: &'static str) -> Self {
        Self { note: Some(note), ..self }
    }
}

impl Severity {
    /// One word, lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl Call {
    /// One word, lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Consume => "consume",
            Self::Join => "join",
            Self::Commit => "commit",
        }
    }
}
