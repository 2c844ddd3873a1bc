//! From the text of a scenario file to a checked [`Scenario`], with everything that is wrong with it at once.

mod arms;
mod plan;
mod problem;
mod section;
mod timeline;

use toml::de::DeTable;

pub use problem::{PROBLEMS_MAX, Problem, ScenarioError};

use self::problem::Source;
use self::section::Section;
use crate::fault::FaultKind;
use crate::model::Scenario;

/// The most bytes of a scenario file.
const BYTES_MAX: usize = 1024 * 1024;

impl Scenario {
    /// Reads and checks the scenario in `text`; its name is `file_name` without folder and extension, and its faults
    /// must be of the given `kinds`.
    ///
    /// # Errors
    /// All problems of the file, each with line, key, value and what is allowed. Nothing to retry: show them.
    pub fn parse(file_name: &str, text: &str, kinds: &[FaultKind]) -> Result<Self, ScenarioError> {
        let source = Source::new(text);
        let scenario = read(&source, file_name, text, kinds);
        match (source.into_error(file_name), scenario) {
            (None, Some(scenario)) => Ok(scenario),
            (error, _) => Err(error.expect("a scenario that cannot be read has at least one problem")),
        }
    }
}

fn read(source: &Source<'_>, file_name: &str, text: &str, kinds: &[FaultKind]) -> Option<Scenario> {
    if text.len() > BYTES_MAX {
        source.report(0, "", None, format!("the file has {} bytes: at most {BYTES_MAX}", text.len()));
        return None;
    }
    let (root, syntax) = DeTable::parse_recoverable(text);
    for error in &syntax {
        source.report(error.span().map_or(0, |span| span.start), "", None, error.message());
    }
    if !syntax.is_empty() {
        return None;
    }
    let mut root = Section::root(source, root.get_ref());
    let incident = plan::incident(root.section("incident"));
    let cluster = plan::cluster(root.section("cluster"));
    let load = plan::load(root.section("load"));
    let timeline = timeline::read(&mut root, &cluster, &load, kinds);
    let arms = arms::read(&mut root);
    root.finish();
    let name = stem(file_name).to_owned();
    source.is_clean().then_some(Scenario { name, incident, cluster, load, timeline, arms })
}

/// The file's name without folder and extension.
fn stem(file_name: &str) -> &str {
    let path = std::path::Path::new(file_name);
    path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("scenario")
}
