//! A proxy for plain HTTP: it understands where a request and its answer are, and breaks what it is told to break.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};

use super::wire::{Seen, body_length, peek_head, read_answer};

/// How far an exchange comes before the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Point {
    /// Nothing of the request is read.
    BeforeRequest,
    /// Half of the request's head.
    RequestHead,
    /// Half of its body.
    RequestBody,
    /// The whole request went on, and nothing of the answer came back.
    BeforeAnswer,
    /// Half of the answer's head.
    AnswerHead,
    /// Half of its body.
    AnswerBody,
}

impl Point {
    pub(super) const ALL: [Self; 6] = [
        Self::BeforeRequest,
        Self::RequestHead,
        Self::RequestBody,
        Self::BeforeAnswer,
        Self::AnswerHead,
        Self::AnswerBody,
    ];
}

/// What happens then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection is closed in order.
    Close,
    /// The connection is reset: it is closed while there is something unread.
    Reset,
    /// Nothing more comes, for as long as the client waits.
    Stall,
}

/// How answers are passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// As they came.
    Plain,
    /// In chunks of seven bytes.
    Chunked,
    /// Without a length: the end of the connection is the end of the body.
    UntilClosed,
    /// As they came, and the connection is closed behind each without a word.
    ClosedAfter,
}

/// A fault for the next request of a kind.
struct Plan {
    operation: &'static str,
    point: Point,
    fault: Fault,
}

/// The proxy; connections end with it.
pub(super) struct Proxy {
    state: Arc<State>,
    port: u16,
    accepting: Mutex<Option<JoinHandle<()>>>,
}

struct State {
    upstream: SocketAddr,
    manner: Manner,
    plan: Mutex<Option<Plan>>,
    seen: Mutex<Vec<Seen>>,
    open: Mutex<Vec<TcpStream>>,
    accepted: AtomicUsize,
    is_down: AtomicBool,
    /// How many connections were closed behind an answer.
    closed: Mutex<usize>,
    changed: Condvar,
}

impl Proxy {
    pub(super) fn start(upstream: SocketAddr, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            upstream,
            manner,
            plan: Mutex::default(),
            seen: Mutex::default(),
            open: Mutex::default(),
            accepted: AtomicUsize::new(0),
            is_down: AtomicBool::new(false),
            closed: Mutex::default(),
            changed: Condvar::new(),
        });
        let accepting = Arc::clone(&state);
        let accepting = thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if accepting.is_down.load(Ordering::SeqCst) {
                    return;
                }
                accepting.accepted.fetch_add(1, Ordering::SeqCst);
                accepting.open.lock().unwrap().push(client.try_clone().unwrap());
                let state = Arc::clone(&accepting);
                // What goes wrong here is what was asked for, or the end of the test.
                thread::spawn(move || state.converse(client));
            }
        });
        Self { state, port, accepting: Mutex::new(Some(accepting)) }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Breaks the next request for this.
    pub(super) fn strike(&self, operation: &'static str, point: Point, fault: Fault) {
        *self.state.plan.lock().unwrap() = Some(Plan { operation, point, fault });
    }

    /// How many requests for this came, broken ones included.
    pub(super) fn count(&self, operation: &str) -> usize {
        self.seen().iter().filter(|it| it.operation() == operation).count()
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
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

    /// Listens no more: connections are closed, and new ones refused.
    pub(super) fn stop(&self) {
        self.state.is_down.store(true, Ordering::SeqCst);
        let Some(accepting) = self.accepting.lock().unwrap().take() else { return };
        // Wakes the thread, which then drops its listener.
        drop(TcpStream::connect(("127.0.0.1", self.port)).unwrap());
        accepting.join().unwrap();
        self.close_idle();
    }

    /// Waits until so many connections were closed behind an answer.
    pub(super) fn wait_for_closed(&self, count: usize) {
        let closed = self.state.closed.lock().unwrap();
        drop(self.state.changed.wait_while(closed, |closed| *closed < count).unwrap());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop();
    }
}

impl State {
    fn converse(&self, mut client: TcpStream) {
        // The list of open connections keeps this one open, and the client would wait for ever.
        if self.pass_all(&mut client).is_err() {
            let _ = client.shutdown(Shutdown::Both);
        }
    }

    fn pass_all(&self, client: &mut TcpStream) -> io::Result<()> {
        let mut server = TcpStream::connect(self.upstream)?;
        while let Some(head) = peek_head(client)? {
            let mut seen = Seen::parse(&head);
            if let Some((point, fault)) = self.turn(&seen) {
                self.seen.lock().unwrap().push(seen);
                // A connection that somebody else keeps open is not reset.
                let peer = client.peer_addr()?;
                self.open.lock().unwrap().retain(|it| it.peer_addr().is_ok_and(|it| it != peer));
                return break_off(client, &mut server, &head, point, fault);
            }
            let mut request = vec![0; head.len() + body_length(&head)];
            client.read_exact(&mut request)?;
            seen.body = request[head.len()..].to_vec();
            self.seen.lock().unwrap().push(seen);
            server.write_all(&request)?;
            let (head, body) = read_answer(&mut server)?;
            self.pass_on(client, &head, &body)?;
        }
        Ok(())
    }

    /// What is to happen to this request.
    fn turn(&self, seen: &Seen) -> Option<(Point, Fault)> {
        let plan = self.plan.lock().unwrap().take_if(|it| it.operation == seen.operation())?;
        Some((plan.point, plan.fault))
    }

    fn pass_on(&self, client: &mut TcpStream, head: &[u8], body: &[u8]) -> io::Result<()> {
        match self.manner {
            Manner::Plain => client.write_all(&[head, body].concat()),
            Manner::Chunked if body.is_empty() => client.write_all(head),
            Manner::Chunked => client.write_all(&chunked(head, body)),
            Manner::UntilClosed => {
                client
                    .write_all(&[&without_length(head, "connection: close")[..], body].concat())?;
                client.shutdown(Shutdown::Both)
            }
            Manner::ClosedAfter => {
                client.write_all(&[head, body].concat())?;
                client.shutdown(Shutdown::Both)?;
                *self.closed.lock().unwrap() += 1;
                self.changed.notify_all();
                Ok(())
            }
        }
    }
}

/// Carries the exchange on up to the point, and ends the connection.
fn break_off(
    client: &mut TcpStream,
    server: &mut TcpStream,
    head: &[u8],
    point: Point,
    fault: Fault,
) -> io::Result<()> {
    let length = head.len() + body_length(head);
    let passed = match point {
        Point::BeforeRequest => 0,
        Point::RequestHead => head.len() / 2,
        Point::RequestBody => head.len() + (length - head.len()) / 2,
        _ => length,
    };
    // The last byte stays in the socket until the end, so that there is something unread.
    let mut request = vec![0; passed.min(length - 1)];
    client.read_exact(&mut request)?;
    if passed == length {
        let mut last = [0];
        client.peek(&mut last)?;
        request.push(last[0]);
    }
    server.write_all(&request)?;
    if point >= Point::BeforeAnswer {
        let (head, body) = read_answer(server)?;
        let passed = match point {
            Point::BeforeAnswer => &[],
            Point::AnswerHead => &head[..head.len() / 2],
            _ => &[&head, &body[..body.len() / 2]].concat()[..],
        };
        client.write_all(passed)?;
    }
    match fault {
        Fault::Reset => Ok(()),
        Fault::Close => {
            let mut rest = vec![0; length - passed.min(length - 1)];
            client.read_exact(&mut rest)?;
            client.shutdown(Shutdown::Both)
        }
        Fault::Stall => io::copy(client, &mut io::sink()).map(drop),
    }
}

fn without_length(head: &[u8], instead: &str) -> Vec<u8> {
    let text = std::str::from_utf8(head).unwrap();
    let lines = text.trim_end().split("\r\n").filter(|it| !it.starts_with("content-length"));
    let lines: Vec<&str> = lines.chain([instead, "", ""]).collect();
    lines.join("\r\n").into_bytes()
}

fn chunked(head: &[u8], body: &[u8]) -> Vec<u8> {
    let mut answer = without_length(head, "transfer-encoding: chunked");
    for chunk in body.chunks(7) {
        answer.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        answer.extend_from_slice(chunk);
        answer.extend_from_slice(b"\r\n");
    }
    answer.extend_from_slice(b"0\r\n\r\n");
    answer
}
