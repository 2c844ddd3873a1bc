//! The scenarios that are shipped inside of the program.

use crate::fault::FaultKind;
use gates::did_you_mean;

use crate::file::ScenarioError;
use crate::model::Scenario;

/// Name and text of the shipped scenarios, the default one first.
const SHIPPED: [(&str, &str); 5] = [
    ("frozen-controller", include_str!("../scenarios/frozen-controller.toml")),
    ("leaderless-quarter", include_str!("../scenarios/leaderless-quarter.toml")),
    ("total-stall", include_str!("../scenarios/total-stall.toml")),
    ("slow-motion", include_str!("../scenarios/slow-motion.toml")),
    ("frozen-but-harmless", include_str!("../scenarios/frozen-but-harmless.toml")),
];

/// The scenarios that are shipped inside of the program.
#[derive(Debug, Clone, Copy)]
pub struct Catalogue;

/// A shipped scenario could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// There is none of this name; the message has the names that there are.
    #[error("there is no scenario `{given}`{hint} (shipped: {})", Catalogue::names().collect::<Vec<_>>().join(", "))]
    Unknown {
        /// What was asked for.
        given: String,
        /// "; did you mean ...?" or nothing.
        hint: String,
    },
    /// It needs a fault that the given kinds do not have.
    #[error(transparent)]
    Unusable(#[from] ScenarioError),
}

impl Catalogue {
    /// The scenario that is run when none is named.
    pub const DEFAULT: &str = SHIPPED[0].0;

    /// The names of all shipped scenarios, the default one first.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(name, _)| *name)
    }

    /// The file of the scenario `name`, as it is shipped.
    pub fn text(name: &str) -> Option<&'static str> {
        SHIPPED.iter().find(|(shipped, _)| *shipped == name).map(|(_, text)| *text)
    }

    /// The scenario `name`, checked against the faults that a cluster has.
    ///
    /// # Errors
    /// [`CatalogueError::Unknown`]: ask for another name. [`CatalogueError::Unusable`]: these `kinds` cannot play it.
    pub fn get(name: &str, kinds: &[FaultKind]) -> Result<Scenario, CatalogueError> {
        let text = Self::text(name).ok_or_else(|| CatalogueError::Unknown {
            given: name.to_owned(),
            hint: did_you_mean(name, Self::names()),
        })?;
        Ok(Scenario::parse(&format!("{name}.toml"), text, kinds)?)
    }
}
