//! What to send: a mix of requests, checked before anything is sent.
//!
//! Invariant: after [`Plan::new`] every request of the schedule can be rendered; nothing about it depends on the run
//! but `run` itself and the targets' addresses, and neither is part of the schedule hash.

use std::net::SocketAddr;
use std::sync::OnceLock;

use http::uri::Authority;
use http::{HeaderName, HeaderValue, Method, Uri, header};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::check::{self, PlanError};
use crate::choices::{Choice, Chooser};
use crate::connect::Dialer;
use crate::schedule::Schedule;
use crate::template::{Piece, Text, Values};
use crate::{Choices, Mode, PlanSpec, RequestSpec, Target, digest};

/// One kind of request, compiled.
#[derive(Debug)]
struct Kind {
    label: String,
    method: Method,
    target: usize,
    path: Text,
    headers: Vec<(HeaderName, Text)>,
    body: Text,
}

/// A checked plan.
#[derive(Debug)]
pub struct Plan {
    spec: PlanSpec,
    kinds: Vec<Kind>,
    dialers: Vec<Dialer>,
    chooser: Chooser,
    schedule: Schedule,
    hash: OnceLock<String>,
}

/// Request `k`, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered<'a> {
    /// What results call it.
    pub label: &'a str,
    /// The method.
    pub method: &'a Method,
    /// Where it goes.
    pub address: SocketAddr,
    /// Path and query.
    pub path: String,
    /// The headers of the template.
    pub headers: Vec<(&'a HeaderName, String)>,
    /// The body; empty if there is none.
    pub body: String,
}

impl Plan {
    /// Checks and compiles.
    ///
    /// # Errors
    /// Says which part of the specification to change.
    pub fn new(spec: PlanSpec) -> Result<Self, PlanError> {
        check::bounds(&spec)?;
        check::names(&spec)?;
        let kinds: Vec<Kind> = spec.requests.iter().map(|it| compile(it, &spec)).collect::<Result<_, _>>()?;
        let dialers = spec.targets.iter().map(dialer).collect::<Result<_, _>>()?;
        let random = ChaCha8Rng::seed_from_u64(spec.seed);
        let chooser = Chooser::new(random, spec.requests.iter().map(|it| it.weight));
        let schedule = schedule(&spec)?;
        Ok(Self { spec, kinds, dialers, chooser, schedule, hash: OnceLock::new() })
    }

    /// The specification.
    pub fn spec(&self) -> &PlanSpec {
        &self.spec
    }

    /// When requests are intended.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// What results call request `k`.
    pub fn label(&self, k: u64) -> &str {
        self.label_of(self.choice(k).kind)
    }

    /// Request `k`: the same for the same seed, whoever asks.
    pub fn render(&self, k: u64) -> Rendered<'_> {
        self.render_choice(k, self.choice(k))
    }

    /// Any text filled for request `k`, such as `{run}-{seq}`: how an auditor recomputes an id.
    ///
    /// # Errors
    /// When the text mentions a placeholder that does not exist or has nothing to choose from.
    pub fn fill(&self, text: &str, k: u64) -> Result<String, PlanError> {
        let text = text_of("fill", text, &self.spec.choices)?;
        Ok(text.fill(&self.values(k, self.choice(k))))
    }

    /// SHA-256 in hexadecimal over every intended start and everything chosen for it. Equal for equal plans, whatever
    /// the name of the run and the addresses of the targets. It takes some 0.2 us per request, once.
    pub fn schedule_hash(&self) -> String {
        self.hash.get_or_init(|| digest::schedule_hash(self)).clone()
    }

    pub(crate) fn choice(&self, k: u64) -> Choice {
        self.chooser.choose(k, &self.spec.choices)
    }

    pub(crate) fn render_choice(&self, k: u64, choice: Choice) -> Rendered<'_> {
        let kind = &self.kinds[usize::from(choice.kind)];
        let values = self.values(k, choice);
        Rendered {
            label: &kind.label,
            method: &kind.method,
            address: self.spec.targets[kind.target].address,
            path: kind.path.fill(&values),
            headers: kind.headers.iter().map(|(name, value)| (name, value.fill(&values))).collect(),
            body: kind.body.fill(&values),
        }
    }

    /// How connections to each target are opened.
    pub(crate) fn dialers(&self) -> &[Dialer] {
        &self.dialers
    }

    pub(crate) fn label_of(&self, kind: u8) -> &str {
        &self.kinds[usize::from(kind)].label
    }

    /// Whether requests of a kind are all the same.
    pub(crate) fn is_fixed(&self, kind: u8) -> bool {
        let Kind { path, headers, body, .. } = &self.kinds[usize::from(kind)];
        [path, body].into_iter().chain(headers.iter().map(|(_, value)| value)).all(Text::is_fixed)
    }

    /// The place of a kind's target in the list of targets.
    pub(crate) fn target_of(&self, kind: u8) -> usize {
        self.kinds[usize::from(kind)].target
    }

    fn values(&self, k: u64, choice: Choice) -> Values<'_> {
        Values { k, run: &self.spec.run, choice, choices: &self.spec.choices }
    }
}

fn dialer(target: &Target) -> Result<Dialer, PlanError> {
    Dialer::new(target).map_err(|why| PlanError::Wire { target: target.name.clone(), why })
}

/// The warm-up's arrivals and then the schedule proper; nothing in a closed loop.
fn schedule(spec: &PlanSpec) -> Result<Schedule, PlanError> {
    let PlanSpec { arrivals, rate_per_s, duration, warm_up, seed, .. } = *spec;
    if spec.mode != Mode::Open {
        return Ok(Schedule::none());
    }
    let proper = Schedule::new(arrivals, rate_per_s, duration, seed)?;
    if warm_up.is_zero() {
        return Ok(proper);
    }
    // Another seed, or the warm-up would begin with the very gaps of what it warms up for.
    let before = Schedule::new(arrivals.steady(), rate_per_s, warm_up, !seed)?;
    Ok(before.then(warm_up, &proper)?)
}

fn compile(spec: &RequestSpec, plan: &PlanSpec) -> Result<Kind, PlanError> {
    let text = |source: &str| text_of(&spec.label, source, &plan.choices);
    let target = plan.targets.iter().position(|it| it.name == spec.target);
    let target = target.ok_or_else(|| PlanError::UnknownTarget {
        label: spec.label.clone(),
        target: spec.target.clone(),
        known: plan.targets.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", "),
    })?;
    let path = text(&spec.path)?;
    if !spec.path.starts_with('/') || path.probe().parse::<Uri>().is_err() {
        return Err(not_http(spec, "path", &spec.path));
    }
    let is_http2 = plan.targets[target].wire.http2;
    let headers = spec.headers.iter().map(|(name, value)| header(spec, name, text(value)?, is_http2));
    Ok(Kind {
        label: spec.label.clone(),
        method: spec.method.clone(),
        target,
        path,
        headers: headers.collect::<Result<_, _>>()?,
        body: text(spec.body.as_deref().unwrap_or_default())?,
    })
}

fn header(
    spec: &RequestSpec,
    name: &str,
    value: Text,
    is_http2: bool,
) -> Result<(HeaderName, Text), PlanError> {
    let known = HeaderName::try_from(name).map_err(|_| not_http(spec, "header name", name))?;
    let probe = value.probe();
    HeaderValue::try_from(&probe).map_err(|_| not_http(spec, "header value", &probe))?;
    // In HTTP/2 the host is part of the URI.
    if is_http2 && known == header::HOST && probe.parse::<Authority>().is_err() {
        return Err(not_http(spec, "host", &probe));
    }
    Ok((known, value))
}

fn not_http(spec: &RequestSpec, what: &'static str, value: &str) -> PlanError {
    PlanError::NotHttp { label: spec.label.clone(), what, value: value.to_owned() }
}

fn text_of(label: &str, source: &str, choices: &Choices) -> Result<Text, PlanError> {
    let text =
        Text::parse(source).map_err(|source| PlanError::Placeholder { label: label.to_owned(), source })?;
    let empty = [
        ("account", Piece::Account, choices.accounts.is_empty()),
        ("product", Piece::Product, choices.products.is_empty()),
        ("quantity", Piece::Quantity, choices.products.is_empty()),
        ("side", Piece::Side, choices.sides.is_empty()),
    ];
    match empty.into_iter().find(|(_, piece, empty)| *empty && text.uses(piece)) {
        Some((placeholder, ..)) => Err(PlanError::NothingToChoose { label: label.to_owned(), placeholder }),
        None => Ok(text),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Arrivals, Limits, Mapping, Wire};

    /// A metronome of a thousand a second, for 50 ms, of requests with that path.
    pub(crate) fn plan_of(path: &str) -> Plan {
        let target =
            Target { name: "none".to_owned(), address: ([127, 0, 0, 1], 1).into(), wire: Wire::default() };
        let request = RequestSpec {
            label: "none".to_owned(),
            weight: 1,
            method: Method::POST,
            target: "none".to_owned(),
            path: path.to_owned(),
            headers: vec![("x-a".to_owned(), "b".to_owned())],
            body: Some("body".to_owned()),
        };
        let spec = PlanSpec {
            seed: 1,
            run: "test".to_owned(),
            arrivals: Arrivals::Constant,
            rate_per_s: 1000.0,
            duration: Duration::from_millis(50),
            warm_up: Duration::ZERO,
            mode: Mode::Open,
            workers: 1,
            targets: vec![target],
            requests: vec![request],
            choices: Choices::default(),
            mapping: Mapping::default(),
            limits: Limits::default(),
        };
        Plan::new(spec).expect("the plan is valid")
    }
}
