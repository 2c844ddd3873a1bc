//! Requests as they are sent. One without placeholders is made once per worker, and then copied.
//!
//! Per worker, because copies count their references: counters that workers share would be shared on the hot path.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;
use http::uri::Scheme;
use http::{HeaderMap, Request, Uri, header};
use http_body_util::Full;

use crate::choices::Choice;
use crate::plan::Rendered;
use crate::{Plan, Wire};

/// The most header maps that are kept.
const SPARES_MAX: usize = 64;

/// Makes the requests of a plan.
#[derive(Debug)]
pub(crate) struct Ready {
    plan: Arc<Plan>,
    /// For each kind, if it has no placeholders.
    fixed: Vec<Option<Request<Full<Bytes>>>>,
    /// Header maps of answers, which have the room that the next requests need.
    spares: RefCell<Vec<HeaderMap>>,
    /// What is chosen for every request, where there is nothing to choose.
    only: Option<Choice>,
}

impl Ready {
    pub(crate) fn new(plan: Arc<Plan>) -> Self {
        let kinds = 0..plan.spec().requests.len();
        let choice = |kind| Choice { kind, account: 0, product: 0, side: 0, units: 0 };
        let fixed: Vec<_> = kinds
            .map(|kind| u8::try_from(kind).expect("the plan has at most 256 kinds"))
            .map(|kind| plan.is_fixed(kind).then(|| make(&plan, 0, choice(kind))))
            .collect();
        let only = matches!(fixed[..], [Some(_)]).then(|| choice(0));
        Self { plan, fixed, spares: RefCell::default(), only }
    }

    /// What is chosen for request `k`, as far as anybody can tell by what is sent.
    pub(crate) fn choice(&self, k: u64) -> Choice {
        self.only.unwrap_or_else(|| self.plan.choice(k))
    }

    /// Request `k`.
    pub(crate) fn request(&self, k: u64, choice: Choice) -> Request<Full<Bytes>> {
        match &self.fixed[usize::from(choice.kind)] {
            Some(fixed) => self.copy(fixed),
            None => make(&self.plan, k, choice),
        }
    }

    /// The headers of an answer that was read.
    pub(crate) fn take_back(&self, headers: HeaderMap) {
        let mut spares = self.spares.borrow_mut();
        if spares.len() < SPARES_MAX {
            spares.push(headers);
        }
    }

    fn copy(&self, fixed: &Request<Full<Bytes>>) -> Request<Full<Bytes>> {
        let mut headers = self.spares.borrow_mut().pop().unwrap_or_default();
        headers.clear();
        for (name, value) in fixed.headers() {
            headers.append(name, value.clone());
        }
        let mut copy = Request::new(fixed.body().clone());
        *copy.method_mut() = fixed.method().clone();
        *copy.uri_mut() = fixed.uri().clone();
        *copy.headers_mut() = headers;
        copy
    }
}

fn make(plan: &Plan, k: u64, choice: Choice) -> Request<Full<Bytes>> {
    made(plan.render_choice(k, choice), &plan.spec().targets[plan.target_of(choice.kind)].wire)
}

/// The rendered request as hyper sends it.
fn made(rendered: Rendered<'_>, wire: &Wire) -> Request<Full<Bytes>> {
    let Rendered { method, address, path, headers, body, .. } = rendered;
    let host = headers.iter().find(|(name, _)| *name == header::HOST).map(|(_, value)| value.as_str());
    let host = host.map_or_else(|| address.to_string(), str::to_owned);
    let mut request = Request::builder().method(method.clone());
    if wire.http2 {
        // There the URI says what the header says in HTTP/1.1.
        let scheme = if wire.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP };
        let uri = Uri::builder().scheme(scheme).authority(host).path_and_query(path).build();
        request = request.uri(uri.expect("the plan checked host and path"));
    } else {
        request = request.uri(path).header(header::HOST, host);
    }
    for (name, value) in headers.into_iter().filter(|(name, _)| *name != header::HOST) {
        request = request.header(name, value);
    }
    request.body(Full::from(body)).expect("the plan checked path and headers")
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::plan::tests::plan_of;

    #[tokio::test]
    async fn a_request_made_once_is_the_one_that_would_be_made_each_time() {
        for path in ["/fixed", "/{seq}"] {
            let plan = Arc::new(plan_of(path));
            let ready = Ready::new(plan.clone());
            for k in [0, 7] {
                let (copy, made) = (ready.request(k, ready.choice(k)), make(&plan, k, plan.choice(k)));
                assert_eq!((copy.method(), copy.uri()), (made.method(), made.uri()));
                assert_eq!(copy.headers(), made.headers());
                let body =
                    |request: Request<Full<Bytes>>| async { request.collect().await.unwrap().to_bytes() };
                assert_eq!(body(copy).await, body(made).await);
            }
        }
    }
}
