//! A proxy for TLS: it sees bytes, not requests, and so breaks the exchange that comes next.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::proxy::Fault;

/// How far the exchange comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The client's first message of the TLS handshake.
    Handshake,
    /// Half of the request.
    Request,
    /// The request went on, and nothing of the answer came back.
    BeforeAnswer,
    /// Half of the answer.
    Answer,
}

/// The proxy. It serves until the test ends.
pub(super) struct Relay {
    state: Arc<State>,
    port: u16,
}

#[derive(Default)]
struct State {
    plan: Mutex<Option<(Stage, Fault)>>,
    open: Mutex<Vec<TcpStream>>,
    accepted: AtomicUsize,
}

impl Relay {
    pub(super) fn start(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let accepting = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                accepting.accepted.fetch_add(1, Ordering::SeqCst);
                accepting.open.lock().unwrap().push(client.try_clone().unwrap());
                let state = Arc::clone(&accepting);
                thread::spawn(move || state.relay(client, upstream));
            }
        });
        Self { state, port }
    }

    pub(super) fn url(&self) -> String {
        format!("https://localhost:{}/", self.port)
    }

    /// Breaks what comes next.
    pub(super) fn strike(&self, stage: Stage, fault: Fault) {
        *self.state.plan.lock().unwrap() = Some((stage, fault));
    }

    pub(super) fn accepted(&self) -> usize {
        self.state.accepted.load(Ordering::SeqCst)
    }

    /// Closes all connections, which are idle.
    pub(super) fn close_idle(&self) {
        for client in self.state.open.lock().unwrap().drain(..) {
            // The client may have closed it already.
            let _ = client.shutdown(Shutdown::Both);
        }
    }
}

impl State {
    fn relay(self: &Arc<Self>, mut client: TcpStream, upstream: SocketAddr) -> io::Result<()> {
        let mut server = TcpStream::connect(upstream)?;
        let (state, mut back, mut from) =
            (Arc::clone(self), client.try_clone()?, server.try_clone()?);
        thread::spawn(move || state.answers(&mut from, &mut back));
        let requests = self.requests(&mut client, &mut server);
        server.shutdown(Shutdown::Both)?;
        client.shutdown(Shutdown::Both)?;
        requests
    }

    fn requests(&self, client: &mut TcpStream, server: &mut TcpStream) -> io::Result<()> {
        let mut buffer = vec![0; 64 * 1024];
        let mut stages = vec![Stage::Handshake];
        loop {
            let count = client.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            let passed = match self.turn(&stages) {
                None => count,
                Some((stage, fault)) => {
                    let passed = if stage == Stage::Handshake { 0 } else { count / 2 };
                    server.write_all(&buffer[..passed])?;
                    if fault == Fault::Stall {
                        io::copy(client, &mut io::sink())?;
                    }
                    return Ok(());
                }
            };
            server.write_all(&buffer[..passed])?;
            stages = vec![Stage::Request];
        }
    }

    fn answers(&self, server: &mut TcpStream, client: &mut TcpStream) -> io::Result<()> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = server.read(&mut buffer)?;
            if count == 0 {
                return client.shutdown(Shutdown::Both);
            }
            match self.turn(&[Stage::BeforeAnswer, Stage::Answer]) {
                None => client.write_all(&buffer[..count])?,
                Some((stage, fault)) => {
                    let passed = if stage == Stage::Answer { count / 2 } else { 0 };
                    client.write_all(&buffer[..passed])?;
                    // A stalled connection is kept by the thread that waits for more of the client.
                    return if fault == Fault::Stall {
                        Ok(())
                    } else {
                        client.shutdown(Shutdown::Both)
                    };
                }
            }
        }
    }

    fn turn(&self, stages: &[Stage]) -> Option<(Stage, Fault)> {
        self.plan.lock().unwrap().take_if(|it| stages.contains(&it.0))
    }
}
