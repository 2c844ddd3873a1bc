//! What was asked for, checked: the plan, the phases, the gates.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gates::{Gate, Subject};
use loadgen::{
    Arrivals, Boundaries, Choices, Limits, Mapping, Mode, Plan, PlanSpec, RequestSpec, Target, Trust,
};
use recorder::Phase;

use crate::Usage;
use crate::args::{Args, ArrivalsName, Load, RequestArgs};
use crate::file::{self, File};
use crate::place::Place;
use crate::values::{Time, Window};

/// Users of a closed loop where nothing else is said.
const USERS: usize = 64;
/// Connections to open before the first arrival, at most.
const PREOPENED_MAX: usize = 32;

/// A run to be made.
#[derive(Debug)]
pub(crate) struct Job {
    /// The URL or the file.
    pub(crate) target: String,
    pub(crate) plan: Arc<Plan>,
    pub(crate) gates: Vec<Gate>,
    pub(crate) outage: Option<Window>,
    pub(crate) promised: Duration,
}

/// What is sent where.
struct Traffic {
    load: Load,
    targets: Vec<Target>,
    requests: Vec<RequestSpec>,
    choices: Choices,
    mapping: Mapping,
    gates: Vec<Gate>,
}

impl Job {
    /// From the command line, and the file if there is one.
    pub(crate) fn new(args: Args) -> Result<Self, Usage> {
        let Args { target, load, request, machines, outputs, .. } = args;
        let target = target.unwrap_or_default();
        let given = load.clone();
        let mut traffic = match target.contains("://") {
            true => of_url(&target, load, &request)?,
            false => of_file(&target, load, &request)?,
        };
        check_idle(&given, &traffic)?;
        // Those of the file too: a flag must not switch off what a file asks for.
        let gates = traffic.gates.iter().cloned().chain(outputs.expect).collect();
        let outage = traffic.load.outage;
        traffic.load.workers.get_or_insert(machines.workers_at.len().max(1));
        let promised = time(traffic.load.promised, Duration::from_secs(1));
        let plan = Plan::new(spec(traffic)?).map_err(|error| Usage(error.to_string()))?;
        let plan = Arc::new(plan);
        let job = Self { target, plan, gates, outage, promised };
        job.check_outage()?;
        job.gates.iter().try_for_each(|gate| job.can_measure(gate))?;
        Ok(job)
    }

    /// Where phases begin, as offsets of the schedule.
    pub(crate) fn boundaries(&self) -> Boundaries {
        let warm_up = self.plan.spec().warm_up;
        Boundaries {
            outage: self.outage.map(|it| warm_up + it.from),
            recovery: self.outage.and_then(|it| it.until).map(|until| warm_up + until),
        }
    }

    /// Whether some target's certificate is taken on anybody's word.
    pub(crate) fn is_insecure(&self) -> bool {
        let tls = self.plan.spec().targets.iter().filter_map(|it| it.wire.tls.as_ref());
        tls.into_iter().any(|tls| tls.trust == Trust::Anyone)
    }

    /// Whether requests travel over HTTP/2.
    pub(crate) fn is_http2(&self) -> bool {
        self.plan.spec().targets.iter().any(|it| it.wire.http2)
    }

    /// Its phases are in the run.
    fn check_outage(&self) -> Result<(), Usage> {
        let Some(Window { from, until }) = self.outage else { return Ok(()) };
        let duration = self.plan.spec().duration;
        if from < duration && until.is_none_or(|until| until < duration) {
            return Ok(());
        }
        let duration = Time(duration);
        Err(Usage(format!(
            "--outage: it must begin and end within the run, which is of {duration}; one to its end is 4s.."
        )))
    }

    fn can_measure(&self, gate: &Gate) -> Result<(), Usage> {
        let refused = |why: String| Err(Usage(format!("gate `{gate}`: {why}")));
        let ends = self.outage.is_some_and(|it| it.until.is_some());
        let of = gate.selector();
        let labels: Vec<&str> = self.plan.spec().requests.iter().map(|it| it.label.as_str()).collect();
        if let Some(label) = of.and_then(|it| it.label.as_deref()).filter(|label| !labels.contains(label)) {
            return refused(format!("no request has the label `{label}` (labels: {})", labels.join(", ")));
        }
        match (gate.subject(), of.and_then(|it| it.phase)) {
            (Subject::Detect | Subject::Audit, _) => {
                refused("only a game day can measure this; a load generator sees answers".to_owned())
            }
            (Subject::Degrade, _) | (_, Some(Phase::Outage)) if self.outage.is_none() => {
                refused("when the outage is must be said, by --outage FROM..UNTIL".to_owned())
            }
            (Subject::Recover, _) | (_, Some(Phase::Recovery)) if !ends => {
                refused("when the outage ends must be said, by --outage FROM..UNTIL".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// A flag that changes nothing is a misunderstanding. A file may say what only some of its runs need.
fn check_idle(given: &Load, traffic: &Traffic) -> Result<(), Usage> {
    let load = &traffic.load;
    let is_http = traffic.targets.iter().all(|it| it.wire.tls.is_none());
    let closed = "in a closed loop, where each user waits for the answer";
    let idle = [
        ("--rate", given.rate.is_some(), load.closed, closed),
        ("--arrivals", given.arrivals.is_some(), load.closed, closed),
        (
            "--in-flight",
            given.in_flight.is_some(),
            load.closed && !load.http2,
            "in a closed loop: --connections are its users",
        ),
        ("--streams", given.streams.is_some(), !load.http2, "without --http2"),
        ("--cacert", given.cacert.is_some(), is_http, "without an https:// target"),
        ("--insecure", given.insecure, is_http, "without an https:// target"),
        ("--promised", given.promised.is_some(), load.outage.is_none(), "without --outage"),
    ];
    match idle.into_iter().find(|(_, is_given, is_idle, _)| *is_given && *is_idle) {
        Some((flag, .., why)) => Err(Usage(format!("{flag} says nothing {why}"))),
        None => Ok(()),
    }
}

fn of_url(url: &str, load: Load, request: &RequestArgs) -> Result<Traffic, Usage> {
    let place = Place::parse("target", url)?;
    let headers = request.header.iter().map(|header| {
        let (name, value) = header
            .split_once(':')
            .ok_or_else(|| Usage(format!("--header `{header}`: expected `name: value`")))?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    });
    let headers = headers.collect::<Result<Vec<_>, Usage>>()?;
    let body = match &request.body_file {
        Some(file) => Some(file::read_body(file)?),
        None => request.body.clone(),
    };
    let spec = RequestSpec {
        label: "request".to_owned(),
        weight: 1,
        method: file::method(request.method.as_deref(), body.is_some())?,
        target: place.name.clone(),
        path: if place.prefix.is_empty() { "/".to_owned() } else { place.prefix.clone() },
        headers: file::with_host(headers, &place.authority),
        body,
    };
    Ok(Traffic {
        targets: vec![place.resolve(&load)?],
        requests: vec![spec],
        load,
        choices: Choices::default(),
        mapping: Mapping::any_service(),
        gates: Vec::new(),
    })
}

fn of_file(name: &str, load: Load, request: &RequestArgs) -> Result<Traffic, Usage> {
    let path = Path::new(name);
    if !path.exists() {
        return Err(Usage(format!("`{name}` is neither an http:// or https:// URL nor a file")));
    }
    if let Some(flag) = request.given() {
        return Err(Usage(format!("{flag} is for a URL; {name} says what to send")));
    }
    let file = File::read(path)?;
    let default = file.target.iter().map(|url| ("target", url));
    let named = file.targets.iter().map(|(name, url)| (name.as_str(), url));
    let places = default.chain(named).map(|(name, url)| Place::parse(name, url));
    let places = places.collect::<Result<Vec<_>, Usage>>()?;
    let beside = path.parent().unwrap_or(Path::new("."));
    let mut said = file.load.clone();
    said.cacert = said.cacert.map(|cacert| beside.join(cacert));
    let load = load.over(said);
    let known = places.iter().map(|place| place.name.as_str()).collect::<Vec<_>>().join(", ");
    let specs = file.request.iter().map(|part| {
        let wanted = part.target.as_deref().unwrap_or("target");
        let place = places.iter().find(|place| place.name == wanted);
        let place = place
            .ok_or_else(|| Usage(format!("{name}: there is no target `{wanted}` (targets: {known})")))?;
        part.spec(place, beside)
    });
    Ok(Traffic {
        requests: specs.collect::<Result<_, Usage>>()?,
        targets: places.iter().map(|place| place.resolve(&load)).collect::<Result<_, Usage>>()?,
        load,
        choices: file.choices(),
        mapping: file.mapping()?,
        gates: file.expect,
    })
}

fn spec(traffic: Traffic) -> Result<PlanSpec, Usage> {
    let Traffic { load, targets, requests, choices, mapping, .. } = traffic;
    let limits = limits(&load);
    Ok(PlanSpec {
        seed: load.seed.unwrap_or(7),
        run: load.run.clone().unwrap_or_else(run_name),
        arrivals: arrivals(&load)?,
        rate_per_s: load.rate.unwrap_or(100.0),
        duration: time(load.duration, Duration::from_secs(10)),
        warm_up: time(load.warm_up, Duration::ZERO),
        mode: if load.closed { Mode::Closed { users: limits.in_flight_max } } else { Mode::Open },
        workers: load.workers.unwrap_or(1),
        targets,
        requests,
        choices,
        mapping,
        limits,
    })
}

fn limits(load: &Load) -> Limits {
    let default = Limits::default();
    let streams_max = load.streams.unwrap_or(default.streams_max);
    let in_flight_max = match (load.closed, load.http2) {
        (true, true) => load.in_flight.unwrap_or(USERS),
        (true, false) => load.connections.unwrap_or(USERS),
        (false, _) => load.in_flight.unwrap_or(default.in_flight_max),
    };
    let enough = match load.http2 {
        true => in_flight_max.div_ceil(streams_max.max(1)).max(load.workers.unwrap_or(1)),
        false => in_flight_max,
    };
    let connections_max = load.connections.unwrap_or(enough);
    let deadline = time(load.deadline, default.deadline);
    Limits {
        in_flight_max,
        deadline,
        drain_max: time(load.drain, deadline + Duration::from_secs(1)),
        connections_max,
        streams_max,
        connections_preopened: connections_max.min(PREOPENED_MAX),
        connections_per_s_max: load.connections_per_s.unwrap_or(default.connections_per_s_max),
        lag_p99_max: time(load.lag_limit, Duration::from_millis(10)),
    }
}

fn arrivals(load: &Load) -> Result<Arrivals, Usage> {
    let kind = load.arrivals.unwrap_or(ArrivalsName::Poisson);
    let to =
        |kind: &str| load.rate_to.ok_or_else(|| Usage(format!("--arrivals {kind} needs --rate-to PER_S")));
    let spared = [
        (
            "--rate-to",
            load.rate_to.is_some(),
            &[ArrivalsName::Ramp, ArrivalsName::Step, ArrivalsName::Spike][..],
        ),
        ("--steps", load.steps.is_some(), &[ArrivalsName::Step]),
        ("--spike", load.spike.is_some(), &[ArrivalsName::Spike]),
    ];
    if let Some((flag, ..)) = spared.iter().find(|(_, given, of)| *given && !of.contains(&kind)) {
        return Err(Usage(format!("{flag} says nothing about these arrivals: name the kind by --arrivals")));
    }
    Ok(match kind {
        ArrivalsName::Poisson => Arrivals::Poisson,
        ArrivalsName::Constant => Arrivals::Constant,
        ArrivalsName::Ramp => Arrivals::Ramp { to_per_s: to("ramp")? },
        ArrivalsName::Step => Arrivals::Step { to_per_s: to("step")?, steps: load.steps.unwrap_or(5) },
        ArrivalsName::Spike => {
            let Some(Window { from, until: Some(until) }) = load.spike else {
                return Err(Usage("--arrivals spike needs --spike FROM..UNTIL".to_owned()));
            };
            Arrivals::Spike { to_per_s: to("spike")?, from, until }
        }
    })
}

fn time(given: Option<Time>, default: Duration) -> Duration {
    given.map_or(default, |Time(time)| time)
}

/// Differs between runs that do not begin in the same second.
fn run_name() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("loadgen-{}", since.as_secs())
}
