//! Prometheus text while a run goes on: `GET /metrics`.
//!
//! The bound: one connection after the other, each for a second at most; a scraper comes every few.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use loadgen::Progress;
use recorder::Outcome;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::Usage;

/// How long one connection may take.
const CONNECTION_MAX: Duration = Duration::from_secs(1);
/// After an accept that failed, such as for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Opens the port.
///
/// # Errors
/// The address is not a loopback's, or cannot be had.
pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, Usage> {
    if !address.ip().is_loopback() {
        return Err(Usage(format!("--metrics {address}: only loopback addresses, such as 127.0.0.1:9100")));
    }
    TcpListener::bind(address).await.map_err(|error| Usage(format!("--metrics {address}: {error}")))
}

/// Serves until it is dropped.
pub(crate) async fn serve(listener: TcpListener, progress: watch::Receiver<Progress>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let answer = service_fn(|request: Request<Incoming>| {
            let response = answer(&request, &progress.borrow());
            async move { Ok::<_, Infallible>(response) }
        });
        let mut http = http1::Builder::new();
        let served = http.keep_alive(false).serve_connection(TokioIo::new(stream), answer);
        // How a scraper's connection ends is the scraper's affair.
        let _ = timeout(CONNECTION_MAX, served).await;
    }
}

fn answer(request: &Request<Incoming>, progress: &Progress) -> Response<Full<Bytes>> {
    let found = request.uri().path() == "/metrics";
    let (status, text) = match found {
        true => (StatusCode::OK, text(progress)),
        false => (StatusCode::NOT_FOUND, "GET /metrics\n".to_owned()),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let kind = header::HeaderValue::from_static("text/plain; version=0.0.4");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn text(progress: &Progress) -> String {
    let mut text = String::new();
    let mut one = |name: &str, kind: &str, help: &str, value: String| {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
    };
    one("loadgen_intended_total", "counter", "Requests whose time had come.", progress.intended.to_string());
    one("loadgen_in_flight", "gauge", "Requests that are open.", progress.in_flight.to_string());
    let lag = progress.lag_p99.as_secs_f64().to_string();
    one("loadgen_schedule_lag_p99_seconds", "gauge", "The generator's own lateness so far.", lag);
    text.push_str(
        "# HELP loadgen_ended_total Requests by how they ended.\n# TYPE loadgen_ended_total counter\n",
    );
    for outcome in Outcome::ALL {
        let _ = writeln!(text, "loadgen_ended_total{{outcome=\"{outcome}\"}} {}", progress.count(outcome));
    }
    text.push_str(
        "# HELP loadgen_response_seconds From the intended start, of what ended in the last second.\n",
    );
    text.push_str("# TYPE loadgen_response_seconds gauge\n");
    for (quantile, value) in [("0.5", progress.p50_now), ("0.99", progress.p99_now)] {
        if let Some(value) = value {
            let seconds = value.as_secs_f64();
            let _ = writeln!(text, "loadgen_response_seconds{{quantile=\"{quantile}\"}} {seconds}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_a_series_from_the_start() {
        let text = text(&Progress::default());
        for outcome in Outcome::ALL {
            assert!(text.contains(&format!("loadgen_ended_total{{outcome=\"{outcome}\"}} 0\n")), "{text}");
        }
        assert!(!text.contains("quantile"), "nothing came back, so there is no percentile: {text}");
    }
}
