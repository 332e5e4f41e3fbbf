//! Regions that go off the network: their ports are closed, and opened again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::gate::Gate;
use super::listener;
use crate::emulator::reach::Door;

/// How long the sockets of a port may take to be closed or bound.
const PATIENCE: Duration = Duration::from_secs(2);

/// The gates of a server's regions, in their order.
#[derive(Debug)]
pub(super) struct Doorkeeper(Vec<Entrance>);

/// A gate, and the addresses that lead to it.
#[derive(Debug)]
pub(super) struct Entrance {
    pub(super) gate: Arc<Gate>,
    pub(super) addrs: Vec<SocketAddr>,
}

impl Doorkeeper {
    pub(super) fn new(entrances: Vec<Entrance>) -> Self {
        Self(entrances)
    }
}

impl Door for Doorkeeper {
    /// Returns when connections are refused, or accepted.
    fn set_open(&self, region: usize, is_open: bool) {
        let Some(Entrance { gate, addrs }) = self.0.get(region) else { return };
        if gate.is_closed() != is_open {
            return;
        }
        gate.set_closed(!is_open);
        if !is_open {
            // One that cannot be woken sees the closed gate when the next client comes.
            addrs.iter().for_each(|it| _ = listener::wake(*it));
            gate.cut_off();
        }
        let deaf = if is_open { 0 } else { addrs.len() };
        gate.wait_for_deaf(deaf, PATIENCE);
    }
}
