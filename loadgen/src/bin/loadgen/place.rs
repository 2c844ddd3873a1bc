//! Where requests go: an `http://` URL, resolved once.

use std::net::ToSocketAddrs as _;

use loadgen::Target;

use crate::Usage;

/// The port of `http`.
const HTTP_PORT: u16 = 80;

/// A target with what its URL says beside the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) name: String,
    /// `host:port` as it was given.
    pub(crate) authority: String,
    /// The path and query of the URL; empty where there is none.
    pub(crate) prefix: String,
}

impl Place {
    /// From a URL, which may hold placeholders in its path.
    pub(crate) fn parse(name: &str, url: &str) -> Result<Self, Usage> {
        let wrong = |what: &str| Usage(format!("target `{url}`: {what}"));
        let rest = match url.split_once("://") {
            Some(("http", rest)) => rest,
            Some(("https", _)) => {
                return Err(wrong("there is no TLS yet; put a proxy before it and use http://"));
            }
            _ => return Err(wrong("expected an http:// URL")),
        };
        let (authority, prefix) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.is_empty() || authority.contains('@') {
            return Err(wrong("expected a host, with a port if it is not 80, and no user"));
        }
        let prefix = if prefix.starts_with('?') { format!("/{prefix}") } else { prefix.to_owned() };
        Ok(Self { name: name.to_owned(), authority: authority.to_owned(), prefix })
    }

    /// Asks once for the address: of several the first.
    pub(crate) fn resolve(&self) -> Result<Target, Usage> {
        let with_port = match self.authority.parse::<http::uri::Authority>().map(|it| it.port_u16()) {
            Ok(Some(_)) => self.authority.clone(),
            _ => format!("{}:{HTTP_PORT}", self.authority),
        };
        let wrong = |why: &str| Usage(format!("target `{}`: {why}", self.authority));
        let mut addresses = with_port.to_socket_addrs().map_err(|error| wrong(&error.to_string()))?;
        let address = addresses.next().ok_or_else(|| wrong("it has no address"))?;
        Ok(Target { name: self.name.clone(), address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_and_its_placeholders_are_kept() {
        let place = Place::parse("it", "http://127.0.0.1:8080/a/{seq}?x={run}").unwrap();
        assert_eq!((place.authority.as_str(), place.prefix.as_str()), ("127.0.0.1:8080", "/a/{seq}?x={run}"));
        assert_eq!(place.resolve().unwrap().address.to_string(), "127.0.0.1:8080");
        assert_eq!(
            Place::parse("it", "http://[::1]").unwrap().resolve().unwrap().address.to_string(),
            "[::1]:80"
        );
        assert_eq!(Place::parse("it", "http://h:1?x").unwrap().prefix, "/?x");
    }

    #[test]
    fn what_is_no_http_url_is_refused() {
        for wrong in ["127.0.0.1:80", "https://h/", "http://", "http:///x", "http://me:pw@h/"] {
            assert!(Place::parse("it", wrong).is_err(), "{wrong}");
        }
    }
}
