//! `leaderless fault`: break and heal a running `leaderless cluster`.

use anyhow::{Context as _, bail};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use lab::faults::{self, Offer};
use scenario::{ArgKind, ArgSpec, FaultKind};
use serde_json::{Map, Value};

use super::Usage;
use crate::cli::FaultArgs;
use crate::output;

/// Carries a fault out, heals all, or lists what there is.
pub(super) async fn run(args: FaultArgs) -> anyhow::Result<()> {
    let (method, body) = match &args.kind {
        _ if args.heal_all => (Method::DELETE, Bytes::new()),
        None => return output::answer(&list()),
        Some(kind) => (Method::POST, serde_json::to_vec(&call(kind, &args.args)?)?.into()),
    };
    let mut request = Request::builder()
        .method(method)
        .uri(format!("http://{}/faults", args.control))
        .header(CONTENT_TYPE, "application/json");
    if let Some(token) = &args.token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let asked = client.request(request.body(Full::new(body))?).await;
    let answer = asked.with_context(|| {
        format!("no cluster answers at {}; is `leaderless cluster` running?", args.control)
    })?;
    let status = answer.status();
    let text = answer.into_body().collect().await?.to_bytes();
    let text = String::from_utf8_lossy(&text);
    match status {
        _ if status.is_success() => output::answer(&format!("{text}\n")),
        StatusCode::BAD_REQUEST => Err(Usage(detail(&text)).into()),
        StatusCode::UNAUTHORIZED => {
            Err(Usage(format!("the cluster at {} asks for its --token", args.control)).into())
        }
        _ => bail!("{}", detail(&text)),
    }
}

/// What a problem+json body says, or all of the body.
fn detail(text: &str) -> String {
    let problem: Option<Map<String, Value>> = serde_json::from_str(text).ok();
    let detail = problem.and_then(|problem| Some(problem.get("detail")?.as_str()?.to_owned()));
    detail.unwrap_or_else(|| text.to_owned())
}

/// Every fault with its arguments, and below it what it does and to which clusters.
fn list() -> String {
    let argument = |arg: &ArgSpec| {
        let given = format!("{}={}", arg.name, arg.name.to_uppercase());
        if arg.required { format!(" {given}") } else { format!(" [{given}]") }
    };
    let entry = |Offer { kind, clusters }: Offer| {
        let args: String = kind.args.iter().map(argument).collect();
        let clusters: Vec<&str> = clusters.iter().map(|cluster| cluster.name()).collect();
        format!("{}{args}\n    {}\n    clusters: {}\n", kind.name, kind.help, clusters.join(", "))
    };
    faults::offers().into_iter().map(entry).collect()
}

/// Reads `NAME=VALUE` by the kind of each argument, so that a mistake is told before anything is sent.
fn call(kind: &str, args: &[String]) -> Result<Map<String, Value>, Usage> {
    let known = faults::kinds().iter().find(|known| known.name == kind);
    let names = || faults::kinds().iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ");
    let known = known.ok_or_else(|| Usage(format!("there is no fault `{kind}` (allowed: {})", names())))?;
    let mut object = Map::from_iter([("kind".to_owned(), Value::from(kind))]);
    for arg in args {
        let (name, value) = argument(known, arg)?;
        object.insert(name, value);
    }
    faults::call_from_json(&object).map_err(|error| Usage(error.to_string()))?;
    Ok(object)
}

fn argument(kind: &FaultKind, arg: &str) -> Result<(String, Value), Usage> {
    let (name, text) = arg.split_once('=').ok_or_else(|| Usage(format!("`{arg}` is not NAME=VALUE")))?;
    let Some(spec) = kind.args.iter().find(|spec| spec.name == name) else {
        let allowed = kind.args.iter().map(|spec| spec.name).collect::<Vec<_>>().join(", ");
        return Err(Usage(format!("{} has no argument `{name}` (allowed: {allowed})", kind.name)));
    };
    let number = |text: &str| text.trim().parse::<i64>().map(Value::from);
    let wrong = |wanted: &str| Usage(format!("{name}={text}: {wanted} is expected"));
    let value = match spec.kind {
        ArgKind::Broker | ArgKind::DurationMs => number(text).map_err(|_| wrong("a whole number"))?,
        ArgKind::Share => text.parse::<f64>().map(Value::from).map_err(|_| wrong("a number"))?,
        ArgKind::Partitions => {
            let all: Result<Vec<Value>, _> = text.split(',').map(number).collect();
            Value::from(all.map_err(|_| wrong("a list such as 0,3,7"))?)
        }
        ArgKind::Topic | ArgKind::Group => Value::from(text),
    };
    Ok((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call_of(kind: &str, args: &[&str]) -> Result<Map<String, Value>, Usage> {
        call(kind, &args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn arguments_are_read_by_their_kind() {
        let object = call_of("kill_broker", &["broker=2"]).unwrap();
        assert_eq!(Value::from(object), serde_json::json!({"kind": "kill_broker", "broker": 2}));
        let object = call_of("strip_leader", &["topic=orders", "partitions=0,3"]).unwrap();
        assert_eq!(object["partitions"], serde_json::json!([0, 3]));
    }

    #[test]
    fn mistakes_are_told_before_anything_is_sent() {
        let error = |kind: &str, args: &[&str]| call_of(kind, args).unwrap_err().to_string();
        assert!(error("kill_brokr", &[]).contains("kill_broker"));
        assert!(error("kill_broker", &["brooker=2"]).contains("allowed: broker"));
        assert!(error("kill_broker", &["broker=two"]).contains("whole number"));
        assert!(error("kill_broker", &[]).contains("broker"));
    }
}
