//! The mix file: what to send where, in what proportions, what answers count as, and what is expected.
//!
//! Unknown keys are mistakes, told with their place and what is allowed there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gates::Gate;
use loadgen::{Choices, Mapping, Method, Product, Quantity, RequestSpec, Rule};
use recorder::Outcome;
use serde::{Deserialize, Deserializer, de};

use crate::Usage;
use crate::args::Load;
use crate::place::Place;
use crate::values::Statuses;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// Where requests go that name no target.
    pub(crate) target: Option<String>,
    /// Other targets by name.
    #[serde(default)]
    pub(crate) targets: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) load: Load,
    #[serde(default)]
    choices: ChoicesPart,
    pub(crate) request: Vec<RequestPart>,
    outcomes: Option<OutcomesPart>,
    #[serde(default, deserialize_with = "gates_of")]
    pub(crate) expect: Vec<Gate>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ChoicesPart {
    accounts: Vec<String>,
    /// So many accounts beside those: `account-1` and on.
    account_count: u32,
    products: Vec<ProductPart>,
    sides: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProductPart {
    name: String,
    units_min: u64,
    units_max: u64,
    #[serde(default)]
    decimals: u8,
}

/// One kind of request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestPart {
    #[serde(default = "request_label")]
    label: String,
    #[serde(default = "one")]
    weight: u32,
    method: Option<String>,
    pub(crate) target: Option<String>,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    body_file: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OutcomesPart {
    #[serde(default = "x_path")]
    header: String,
    rule: Vec<RulePart>,
    #[serde(default = "error_status")]
    otherwise: Outcome,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RulePart {
    status: Statuses,
    path: Option<String>,
    outcome: Outcome,
}

fn request_label() -> String {
    "request".to_owned()
}

fn one() -> u32 {
    1
}

fn x_path() -> String {
    "x-path".to_owned()
}

fn error_status() -> Outcome {
    Outcome::ErrorStatus
}

fn gates_of<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Gate>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    let gate = |text: &String| {
        text.parse::<Gate>().map_err(|error| de::Error::custom(format!("`{text}`: {}", error.summary())))
    };
    texts.iter().map(gate).collect()
}

impl File {
    /// Reads and checks what can be checked in the file alone.
    pub(crate) fn read(path: &Path) -> Result<Self, Usage> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Usage(format!("{} cannot be read: {error}", path.display())))?;
        toml::from_str(&text).map_err(|error| Usage(format!("{}: {error}", path.display())))
    }

    pub(crate) fn choices(&self) -> Choices {
        let ChoicesPart { accounts, account_count, products, sides } = &self.choices;
        let numbered = (1..=*account_count).map(|n| format!("account-{n}"));
        let product = |part: &ProductPart| {
            let ProductPart { units_min, units_max, decimals, .. } = *part;
            Product { name: part.name.clone(), quantity: Quantity { units_min, units_max, decimals } }
        };
        Choices {
            accounts: accounts.iter().cloned().chain(numbered).collect(),
            products: products.iter().map(product).collect(),
            sides: sides.clone().unwrap_or_else(|| Choices::default().sides),
        }
    }

    /// What answers count as; the default where the file does not say.
    pub(crate) fn mapping(&self) -> Result<Mapping, Usage> {
        let Some(OutcomesPart { header, rule: parts, otherwise }) = &self.outcomes else {
            return Ok(Mapping::any_service());
        };
        let header = header.parse().map_err(|_| {
            Usage(format!("outcomes: header `{header}` is no name of a header, such as x-path"))
        })?;
        let rule = |part: &RulePart| {
            let (statuses, path) = (part.status.0.clone(), part.path.clone());
            Ok(Rule { statuses, path, outcome: of_an_answer(part.outcome)? })
        };
        let rules = parts.iter().map(rule).collect::<Result<Vec<_>, Usage>>()?;
        Ok(Mapping { header, rules, otherwise: of_an_answer(*otherwise)? })
    }
}

fn of_an_answer(outcome: Outcome) -> Result<Outcome, Usage> {
    if Mapping::OUTCOMES.contains(&outcome) {
        return Ok(outcome);
    }
    let allowed = Mapping::OUTCOMES.map(Outcome::name).join(", ");
    Err(Usage(format!("outcomes: `{outcome}` cannot be an answer's (allowed: {allowed})")))
}

impl RequestPart {
    /// As the plan takes it; a file with a body lies beside the mix file.
    pub(crate) fn spec(&self, target: &Place, beside: &Path) -> Result<RequestSpec, Usage> {
        let body = match (&self.body, &self.body_file) {
            (Some(_), Some(_)) => {
                return Err(Usage(format!("request `{}`: either body or body_file", self.label)));
            }
            (None, Some(file)) => Some(read_body(&beside.join(file))?),
            (body, None) => body.clone(),
        };
        let headers = self.headers.iter().map(|(name, value)| (name.clone(), value.clone()));
        Ok(RequestSpec {
            label: self.label.clone(),
            weight: self.weight,
            method: method(self.method.as_deref(), body.is_some())?,
            target: target.name.clone(),
            path: format!("{}{}", target.prefix, self.path),
            headers: with_host(headers.collect(), &target.authority),
            body,
        })
    }
}

/// The method; without one POST where there is a body and else GET.
pub(crate) fn method(given: Option<&str>, has_body: bool) -> Result<Method, Usage> {
    match given {
        None if has_body => Ok(Method::POST),
        None => Ok(Method::GET),
        Some(name) => {
            name.parse().map_err(|_| Usage(format!("method `{name}`: expected one such as GET or POST")))
        }
    }
}

pub(crate) fn read_body(path: &Path) -> Result<String, Usage> {
    std::fs::read_to_string(path).map_err(|error| Usage(format!("body file {}: {error}", path.display())))
}

/// The headers with a `host`, which a service may route by.
pub(crate) fn with_host(mut headers: Vec<(String, String)>, authority: &str) -> Vec<(String, String)> {
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        headers.push(("host".to_owned(), authority.to_owned()));
    }
    headers
}
