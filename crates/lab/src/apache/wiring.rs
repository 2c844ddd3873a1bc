//! Every node's listeners, chosen before any node is started.
//!
//! Directly, a broker has one listener for everybody and a controller another. Through a relay there is one listener
//! *per caller*: brokers reach their peers through the listener that carries their own name (`inter.broker.listener.name`
//! is a broker's own choice), so that the relay knows from the port alone who is calling whom, and a broker can be cut
//! off in both directions.

use std::io;
use std::net::SocketAddr;

use cluster::Spec;

use super::plan::{FIRST_CONTROLLER, FreePorts, Listener, Member};
use super::relay::Relay;
use super::spec::{ApacheSpec, StartError};
use crate::embedded::Ports;

/// The listener for customers, and without a relay for brokers too.
pub(super) const CLIENT: &str = "CLIENT";
/// The controllers' listener, for each other, and without a relay for brokers too.
pub(super) const CONTROLLER: &str = "CONTROLLER";

/// All nodes with their listeners.
#[derive(Debug)]
pub(super) struct Wiring {
    pub(super) controllers: Vec<Member>,
    pub(super) brokers: Vec<Member>,
    relayed: bool,
}

impl Wiring {
    /// Chooses a port for every listener. The ports are free until the caller drops `ports`.
    pub(super) fn new(
        spec: &ApacheSpec,
        relay: Option<&Relay>,
        ports: &mut FreePorts,
    ) -> Result<Self, StartError> {
        let callers = || (1..=spec.cluster.brokers.cast_signed()).filter(|_| relay.is_some());
        let controllers = (0..spec.controllers.cast_signed()).map(|index| {
            let id = FIRST_CONTROLLER + index;
            let mut listeners = vec![Listener::direct(CONTROLLER, free(ports, id)?)];
            for caller in callers() {
                listeners.push(relayed(relay, ports, controller_name(caller), caller, id)?);
            }
            Ok(Member { id, listeners, metrics: free(ports, id)? })
        });
        let controllers = controllers.collect::<Result<_, StartError>>()?;
        let brokers = (1..=spec.cluster.brokers.cast_signed()).map(|id| {
            let mut listeners = vec![client(spec.ports, relay, ports, id)?];
            for caller in callers() {
                listeners.push(relayed(relay, ports, peer_name(caller), caller, id)?);
            }
            Ok(Member { id, listeners, metrics: free(ports, id)? })
        });
        let brokers = brokers.collect::<Result<_, StartError>>()?;
        Ok(Self { controllers, brokers, relayed: relay.is_some() })
    }

    /// The listener through which this node talks to controllers.
    pub(super) fn controller_listener(&self, id: i32) -> String {
        if self.relayed && id < FIRST_CONTROLLER { controller_name(id) } else { CONTROLLER.to_owned() }
    }

    /// The listener through which this broker talks to its peers.
    pub(super) fn peer_listener(&self, id: i32) -> String {
        if self.relayed { peer_name(id) } else { CLIENT.to_owned() }
    }

    /// `id@host:port` of every controller, as this node reaches them.
    pub(super) fn voters(&self, id: i32) -> String {
        let name = self.controller_listener(id);
        let voter = |member: &Member| {
            member.listener(&name).map(|listener| format!("{}@{}", member.id, listener.advertised))
        };
        self.controllers.iter().filter_map(voter).collect::<Vec<_>>().join(",")
    }
}

fn peer_name(caller: i32) -> String {
    format!("PEER{caller}")
}

fn controller_name(caller: i32) -> String {
    format!("CONTROLLER{caller}")
}

fn free(ports: &mut FreePorts, id: i32) -> Result<SocketAddr, StartError> {
    ports.next().map_err(|error| port_error(id, "a free port".to_owned(), error))
}

/// The listener for customers, at the port that was asked for.
fn client(
    wanted: Ports,
    relay: Option<&Relay>,
    ports: &mut FreePorts,
    id: i32,
) -> Result<Listener, StartError> {
    let wanted = match wanted {
        Ports::Free => None,
        Ports::From(base) => Some(number(base, id)?),
    };
    match (relay, wanted) {
        (Some(relay), wanted) => through(relay, CLIENT.to_owned(), free(ports, id)?, None, id, wanted),
        (None, None) => Ok(Listener::direct(CLIENT, free(ports, id)?)),
        (None, Some(port)) => {
            let at = ports.number(port);
            Ok(Listener::direct(CLIENT, at.map_err(|error| port_error(id, format!("port {port}"), error))?))
        }
    }
}

fn number(base: u16, id: i32) -> Result<u16, StartError> {
    let number = i32::from(base) + id - 1;
    u16::try_from(number)
        .map_err(|_| port_error(id, format!("port {number}"), io::Error::other("the last port is 65535")))
}

fn relayed(
    relay: Option<&Relay>,
    ports: &mut FreePorts,
    name: String,
    from: i32,
    to: i32,
) -> Result<Listener, StartError> {
    let at = free(ports, to)?;
    match relay {
        Some(relay) => through(relay, name, at, Some(from), to, None),
        None => Ok(Listener::direct(name, at)),
    }
}

fn through(
    relay: &Relay,
    name: String,
    at: SocketAddr,
    from: Option<i32>,
    to: i32,
    wanted: Option<u16>,
) -> Result<Listener, StartError> {
    let advertised = relay.link(from, to, at, wanted);
    let advertised = advertised.map_err(|error| port_error(to, "a relay's port".to_owned(), error))?;
    Ok(Listener { name, at, advertised })
}

fn port_error(id: i32, wanted: String, error: io::Error) -> StartError {
    let node = if id >= FIRST_CONTROLLER { format!("controller {id}") } else { format!("broker {id}") };
    StartError::Port { node, wanted, error }
}

/// A broker's zone, as the embedded cluster counts them.
pub(super) fn zone(spec: &Spec, broker: i32) -> String {
    format!("zone-{}", (broker - 1).cast_unsigned() % spec.zones)
}
