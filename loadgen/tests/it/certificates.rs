//! A server's certificates, signed by an authority of the tests; `tls/make.sh` makes them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use loadgen::{Tls, Trust, Wire};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Whom a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Name {
    /// `localhost` and 127.0.0.1.
    Server,
    Other,
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tls").join(name)
}

/// Who signed them.
pub(crate) fn authority() -> PathBuf {
    file("authority.pem")
}

/// TLS to a server at `localhost`.
pub(crate) fn wire(http2: bool) -> Wire {
    let tls = Tls { server_name: "localhost".to_owned(), trust: Trust::File(authority()) };
    Wire { http2, tls: Some(tls) }
}

/// The server's side; it agrees to one protocol.
pub(crate) fn acceptor(name: Name, protocol: &'static [u8]) -> TlsAcceptor {
    static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().expect("nobody panics in here");
    known.entry((name, protocol)).or_insert_with(|| new_acceptor(name, protocol)).clone()
}

type Known = HashMap<(Name, &'static [u8]), TlsAcceptor>;

fn new_acceptor(name: Name, protocol: &[u8]) -> TlsAcceptor {
    let certificate = file(if name == Name::Server { "server.pem" } else { "other.pem" });
    let certificate = CertificateDer::from_pem_file(certificate).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(file("server.key")).expect("a key");
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider's own versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a certificate with its key");
    config.alpn_protocols = vec![protocol.to_vec()];
    Arc::new(config).into()
}
