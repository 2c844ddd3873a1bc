//! Where requests go: an `http://` or `https://` URL, resolved once.

use std::net::ToSocketAddrs as _;

use loadgen::{Target, Tls, Trust, Wire};

use crate::Usage;
use crate::args::Load;

/// The ports of `http` and `https`.
const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;

/// A target with what its URL says beside the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) is_https: bool,
    /// `host:port` as it was given.
    pub(crate) authority: String,
    /// The path and query of the URL; empty where there is none.
    pub(crate) prefix: String,
}

impl Place {
    /// From a URL, which may hold placeholders in its path.
    pub(crate) fn parse(name: &str, url: &str) -> Result<Self, Usage> {
        let wrong = |what: &str| Usage(format!("target `{url}`: {what}"));
        let (is_https, rest) = match url.split_once("://") {
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            _ => return Err(wrong("expected an http:// or https:// URL")),
        };
        let (authority, prefix) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.is_empty() || authority.contains('@') {
            return Err(wrong("expected a host, with a port if it is not 80 (https: 443), and no user"));
        }
        let prefix = if prefix.starts_with('?') { format!("/{prefix}") } else { prefix.to_owned() };
        Ok(Self { name: name.to_owned(), is_https, authority: authority.to_owned(), prefix })
    }

    /// Asks once for the address: of several the first.
    pub(crate) fn resolve(&self, load: &Load) -> Result<Target, Usage> {
        let wrong = |why: &str| Usage(format!("target `{}`: {why}", self.authority));
        let authority: http::uri::Authority =
            self.authority.parse().map_err(|_| wrong("expected a host, and a port if any"))?;
        let port = if self.is_https { HTTPS_PORT } else { HTTP_PORT };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let mut addresses = (host, authority.port_u16().unwrap_or(port))
            .to_socket_addrs()
            .map_err(|error| wrong(&error.to_string()))?;
        let address = addresses.next().ok_or_else(|| wrong("it has no address"))?;
        let tls = self.is_https.then(|| Tls { server_name: host.to_owned(), trust: trust(load) });
        Ok(Target { name: self.name.clone(), address, wire: Wire { http2: load.http2, tls } })
    }
}

fn trust(load: &Load) -> Trust {
    match &load.cacert {
        _ if load.insecure => Trust::Anyone,
        Some(file) => Trust::File(file.clone()),
        None => Trust::System,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_and_its_placeholders_are_kept() {
        let place = Place::parse("it", "http://127.0.0.1:8080/a/{seq}?x={run}").unwrap();
        assert_eq!((place.authority.as_str(), place.prefix.as_str()), ("127.0.0.1:8080", "/a/{seq}?x={run}"));
        assert_eq!(place.resolve(&Load::default()).unwrap().address.to_string(), "127.0.0.1:8080");
        assert_eq!(
            Place::parse("it", "http://[::1]")
                .unwrap()
                .resolve(&Load::default())
                .unwrap()
                .address
                .to_string(),
            "[::1]:80"
        );
        assert_eq!(Place::parse("it", "http://h:1?x").unwrap().prefix, "/?x");
    }

    #[test]
    fn https_has_its_port_its_name_and_somebody_to_trust() {
        let resolved = |url, load: &Load| Place::parse("it", url).unwrap().resolve(load).unwrap();
        let target = resolved("https://localhost/x", &Load::default());
        assert_eq!(target.address.port(), 443);
        let tls = |trust| Some(Tls { server_name: "localhost".to_owned(), trust });
        assert_eq!(target.wire, Wire { http2: false, tls: tls(Trust::System) });
        let load = Load { cacert: Some("ca.pem".into()), http2: true, ..Load::default() };
        let wire = resolved("https://localhost:8443/", &load).wire;
        assert_eq!(wire, Wire { http2: true, tls: tls(Trust::File("ca.pem".into())) });
        let load = Load { insecure: true, ..load };
        assert_eq!(resolved("https://localhost/", &load).wire.tls, tls(Trust::Anyone));
        assert_eq!(resolved("http://localhost/", &load).wire.tls, None);
    }

    #[test]
    fn what_is_no_http_url_is_refused() {
        for wrong in ["127.0.0.1:80", "ftp://h/", "http://", "https://", "http:///x", "http://me:pw@h/"] {
            assert!(Place::parse("it", wrong).is_err(), "{wrong}");
        }
    }
}
