//! What requests to a target travel over, as it is asked for.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What requests to a target travel over; by default HTTP/1.1 in the clear.
///
/// TLS and HTTP/2 are there with the feature `https`; without it a plan that asks for them is refused.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Wire {
    /// HTTP/2, by ALPN under TLS and else by prior knowledge.
    pub http2: bool,
    /// TLS, if any.
    pub tls: Option<Tls>,
}

/// TLS 1.2 or 1.3. Every connection does a full handshake: different customers have no session to resume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// The name or IP address that the certificate must be for.
    pub server_name: String,
    /// Who may have signed it.
    pub trust: Trust,
}

/// Whose word for a server's certificate is taken.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Trust {
    /// The authorities that this machine trusts.
    #[default]
    System,
    /// Those in a PEM file and nobody else.
    File(PathBuf),
    /// Anybody's: who answers may be anyone.
    Anyone,
}
