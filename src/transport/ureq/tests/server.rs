//! A server that hands each request to a closure and writes back what that returns.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// What becomes of the connection after an answer.
pub(super) enum Then {
    Keep,
    Close,
    /// Neither another byte nor the end.
    Hang,
}

pub(super) type Reply = (Vec<u8>, Then);

/// A listening server; it ends with the test's process.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) port: u16,
    accepted: Arc<AtomicUsize>,
    closed: Arc<(Mutex<usize>, Condvar)>,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Server {
    /// Serves `reply(request, how many came before on this connection)`.
    pub(super) fn start(reply: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_over(|stream| stream, reply)
    }

    /// Serves over what `wrap` makes of a connection.
    pub(super) fn start_over<S: Read + Write + Send + 'static>(
        wrap: impl Fn(TcpStream) -> S + Send + Sync + 'static,
        reply: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            accepted: Arc::default(),
            closed: Arc::default(),
            received: Arc::default(),
        };
        let (serving, wrap, reply) = (server.clone(), Arc::new(wrap), Arc::new(reply));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                serving.accepted.fetch_add(1, Ordering::SeqCst);
                let (serving, wrap, reply) = (serving.clone(), wrap.clone(), reply.clone());
                thread::spawn(move || {
                    serving.converse(wrap(stream), &*reply);
                    *serving.closed.0.lock().unwrap() += 1;
                    serving.closed.1.notify_all();
                });
            }
        });
        server
    }

    fn converse(&self, stream: impl Read + Write, reply: &dyn Fn(&Received, usize) -> Reply) {
        let mut stream = BufReader::new(stream);
        for count in 0.. {
            let Some(received) = read_request(&mut stream) else { return };
            self.received.lock().unwrap().push(received.clone());
            let (answer, then) = reply(&received, count);
            if stream.get_mut().write_all(&answer).is_err() || stream.get_mut().flush().is_err() {
                return;
            }
            match then {
                Then::Keep => {}
                Then::Close => return,
                Then::Hang => thread::park(),
            }
        }
    }

    pub(super) fn uri(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(super) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Waits until so many connections were closed, which a client on the same machine then knows.
    pub(super) fn wait_until_closed(&self, count: usize) {
        let (closed, changes) = &*self.closed;
        let closed = closed.lock().unwrap();
        let patience = changes.wait_timeout_while(closed, super::PATIENCE, |it| *it < count);
        let is_over = patience.unwrap().1.timed_out();
        assert!(!is_over, "{count} connections are to be closed");
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

fn read_request(stream: &mut impl BufRead) -> Option<Received> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let mut received = Received { head, body: Vec::new() };
    let length = received.header("content-length").map_or(0, |it| it.parse().unwrap());
    received.body.resize(length, 0);
    stream.read_exact(&mut received.body).ok()?;
    Some(received)
}

/// An answer with `content-length`.
pub(super) fn ok(body: &[u8]) -> Vec<u8> {
    answer("200 OK", body)
}

pub(super) fn answer(status: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}
