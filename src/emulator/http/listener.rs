//! The listening side: sockets bound for every name of the host, and a thread for each connection.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::connection::Connection;
use super::gate::Gate;
use super::site::Service;

/// How often a free port is looked for that is free for both families of addresses.
const PORT_ATTEMPTS: usize = 16;

/// Binds `addr`; where that is the loopback of one family, that of the other as well.
///
/// Clients resolve `localhost` to either, and some try only one of them. A machine without IPv6 does without.
pub(super) fn bind(addr: SocketAddr) -> io::Result<Vec<TcpListener>> {
    let mut attempt = 1;
    loop {
        let listener = TcpListener::bind(addr)?;
        let Some(twin) = twin(listener.local_addr()?) else { return Ok(vec![listener]) };
        match TcpListener::bind(twin) {
            Ok(twin) => return Ok(vec![listener, twin]),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                if addr.port() != 0 || attempt == PORT_ATTEMPTS {
                    return Err(error);
                }
                attempt += 1;
            }
            Err(_) => return Ok(vec![listener]),
        }
    }
}

/// Accepts connections and serves each on a thread of its own, until the gate stops; then waits for all of them.
///
/// While the gate is closed the address is not listened on, so that connections to it are refused.
pub(super) fn accept(listener: TcpListener, gate: &Gate, service: &Service) {
    let Ok(addr) = listener.local_addr() else { return };
    thread::scope(|scope| {
        let mut listener = Some(listener);
        while !gate.is_stopping() {
            if gate.is_closed() {
                drop(listener.take());
                gate.wait_until_open();
                listener = bind_again(addr, gate);
                gate.listens();
                continue;
            }
            let Some(Ok((stream, peer))) = listener.as_ref().map(TcpListener::accept) else {
                gate.pause();
                continue;
            };
            let Some(admission) = gate.admit(stream) else { continue };
            let serve = move || {
                if let Ok(connection) = Connection::new(service, gate, &admission, peer) {
                    connection.serve();
                }
            };
            let name = String::from("cosmosdb-emulator");
            if thread::Builder::new().name(name).spawn_scoped(scope, serve).is_err() {
                gate.pause();
            }
        }
    });
}

/// Binds an address that was given up; the system may take a moment to let go of it.
fn bind_again(addr: SocketAddr, gate: &Gate) -> Option<TcpListener> {
    loop {
        if gate.is_stopping() || gate.is_closed() {
            return None;
        }
        match TcpListener::bind(addr) {
            Ok(listener) => return Some(listener),
            Err(_) => gate.pause(),
        }
    }
}

/// Wakes the thread that accepts on `addr`, by connecting to it; says whether that worked.
pub(super) fn wake(mut addr: SocketAddr) -> bool {
    if addr.ip().is_unspecified() {
        addr.set_ip(match addr {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    TcpStream::connect_timeout(&addr, Duration::from_secs(1)).is_ok()
}

fn twin(addr: SocketAddr) -> Option<SocketAddr> {
    let ip = match addr.ip() {
        IpAddr::V4(Ipv4Addr::LOCALHOST) => Ipv6Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::LOCALHOST) => Ipv4Addr::LOCALHOST.into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, addr.port()))
}
