//! The server on a socket: framing, pipelining, limits and the end of connections.

use std::io::{Read, Write};
use std::net::{Ipv6Addr, SocketAddr, TcpStream};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

use super::gate::Gate;
use super::options::Limits;
use super::*;
use crate::transport::{Request, Response, TransportError, TransportErrorKind};

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Answers with method, URI and body of the request; `/break` and `/panic` do as they say.
fn echo(request: &Request) -> Result<Response, TransportError> {
    match request.uri().path() {
        "/break" => Err(TransportError::maybe_sent(TransportErrorKind::Broken, "as wished")),
        "/panic" => panic!("as wished"),
        _ => {
            let body = String::from_utf8_lossy(request.body());
            let text = format!("{} {} {body}", request.method(), request.uri());
            Ok(Response::new(text.into_bytes()))
        }
    }
}

fn serve(limits: Limits, handler: impl Transport + 'static) -> EmulatorServer {
    let options = ServeOptions { limits, ..ServeOptions::new(ANY) };
    let handler: Arc<dyn Transport> = Arc::new(handler);
    EmulatorServer::start(&options, 1, &handler, None).unwrap()
}

fn start(limits: Limits) -> EmulatorServer {
    serve(limits, echo)
}

fn server() -> EmulatorServer {
    start(Limits::default())
}

fn gate(server: &EmulatorServer) -> Arc<Gate> {
    Arc::clone(&server.sites[0].gate)
}

/// A client that sends what it is told and reads responses one by one.
struct Client<S> {
    stream: S,
    buffer: Vec<u8>,
}

fn connect(server: &EmulatorServer) -> Client<TcpStream> {
    let stream = TcpStream::connect(server.addr()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.set_nodelay(true).unwrap();
    Client { stream, buffer: Vec::new() }
}

impl<S: Read + Write> Client<S> {
    fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(bytes.as_ref()).unwrap();
        self
    }

    fn get(&mut self, path: &str) -> (u16, String) {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: a:1\r\n\r\n")).response()
    }

    /// The head, up to and without the empty line.
    fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|it| it == b"\r\n\r\n") {
                let rest = self.buffer.split_off(end + 4);
                let head = std::mem::replace(&mut self.buffer, rest);
                return String::from_utf8(head[..end].to_vec()).unwrap();
            }
            self.fill();
        }
    }

    /// Status and body.
    fn response(&mut self) -> (u16, String) {
        let head = self.head();
        let length = head.lines().find_map(|it| it.strip_prefix("content-length: "));
        let length = length.map_or(0, |it| it.parse().unwrap());
        while self.buffer.len() < length {
            self.fill();
        }
        let rest = self.buffer.split_off(length);
        let body = std::mem::replace(&mut self.buffer, rest);
        (head[9..12].parse().unwrap(), String::from_utf8(body).unwrap())
    }

    fn fill(&mut self) {
        let mut piece = [0; 4096];
        let count = self.stream.read(&mut piece).unwrap();
        assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&self.buffer));
        self.buffer.extend_from_slice(&piece[..count]);
    }

    fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && self.stream.read(&mut [0; 16]).unwrap() == 0
    }
}

#[test]
fn a_connection_serves_many_requests() {
    let server = server();
    let mut client = connect(&server);
    for path in ["/1", "/2", "/3"] {
        assert_eq!(client.get(path), (200, format!("GET http://a:1{path} ")));
    }
    assert_eq!(server.accepted_connections(), 1);
}

#[test]
fn requests_are_read_however_they_are_framed_and_however_they_arrive() {
    let server = server();
    let fallback = server.url();
    let cases = [
        ("GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n", "GET http://x/a?b=c "),
        ("\r\nGET / HTTP/1.1\r\nhOST: [::1]:5\r\n\r\n", "GET http://[::1]:5/ "),
        ("GET http://y:7/a HTTP/1.1\r\nHost: x\r\n\r\n", "GET http://y:7/a "),
        ("GET https://y HTTP/1.1\r\nHost: x\r\n\r\n", "GET http://y/ "),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", &format!("GET {fallback} ")),
        ("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi", "PUT http://x/ hi"),
        (
            "PATCH / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\nh\r\n2\r\ni!\r\n0\r\n\r\n",
            "PATCH http://x/ hi!",
        ),
    ];
    for (request, expected) in cases {
        let mut client = connect(&server);
        assert_eq!(client.send(request).response(), (200, expected.into()), "{request:?}");
        for byte in request.as_bytes() {
            client.send([*byte]);
        }
        assert_eq!(client.response(), (200, expected.into()), "byte by byte: {request:?}");
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = server();
    let mut client = connect(&server);
    client.send(
        "POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n\
         POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nyyy\
         GET /3 HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n",
    );
    let answers = [client.response().1, client.response().1, client.response().1];
    assert_eq!(answers, ["POST http://a/1 x", "POST http://a/2 yyy", "GET http://a/3 "]);
    assert!(client.is_closed());
}

#[test]
fn http_1_0_and_connection_close_end_the_connection() {
    let server = server();
    for request in
        ["GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"]
    {
        let mut client = connect(&server);
        assert!(client.send(request).head().contains("connection: close"), "{request:?}");
    }
}

#[test]
fn a_head_request_gets_the_length_and_no_body() {
    let server = server();
    let mut client = connect(&server);
    let head = client.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n").head();
    assert!(head.contains("content-length: 15"), "{head}");
    assert_eq!(client.get("/").0, 200);
}

#[test]
fn a_client_that_asks_is_told_to_continue() {
    let server = server();
    for framing in ["Content-Length: 3", "Transfer-Encoding: chunked"] {
        let mut client = connect(&server);
        let head =
            format!("PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n{framing}\r\n\r\n");
        assert_eq!(client.send(head).head(), "HTTP/1.1 100 Continue");
        let body = if framing.ends_with('3') { "abc" } else { "3\r\nabc\r\n0\r\n\r\n" };
        assert_eq!(client.send(body).response(), (200, "PUT http://x/ abc".into()));
    }
}

#[test]
fn what_is_not_http_is_refused_and_closed() {
    let server = server();
    let many_headers = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "a: b\r\n".repeat(200));
    let long_header = format!("GET / HTTP/1.1\r\nHost: x\r\na: {}", "b".repeat(70_000));
    let cases = [
        ("\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03", 400),
        ("GET\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: u:p@a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 400),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET nowhere HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400),
        ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n", 400),
        ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
        ),
        ("PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n", 400),
        ("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        ("PUT / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n", 417),
        ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413),
        ("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n400001\r\n", 413),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (&many_headers, 431),
        (&long_header, 431),
    ];
    for (request, status) in cases {
        let mut client = connect(&server);
        let (answered, body) = client.send(request).response();
        assert_eq!(answered, status, "{request:.120?}: {body}");
        assert!(serde_json::from_str::<Value>(&body).unwrap()["message"].is_string());
        assert!(client.is_closed(), "{request:.120?}");
    }
}

#[test]
fn a_body_that_is_too_large_is_refused_before_or_after_it_was_sent() {
    let server = start(Limits { body_bytes: 1000, ..Limits::default() });
    let head = "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n";
    let mut asking = connect(&server);
    assert_eq!(asking.send(format!("{head}Expect: 100-continue\r\n\r\n")).response().0, 413);

    let mut pushing = connect(&server);
    pushing.send(format!("{head}\r\n")).send(vec![b'x'; 8_000_000]);
    assert_eq!(pushing.response().0, 413);

    let mut fitting = connect(&server);
    let fits = format!("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{:1000}", "");
    assert_eq!(fitting.send(fits).response().0, 200);
}

#[test]
fn slow_clients_are_told_and_idle_ones_are_dropped() {
    let soon = Duration::from_millis(40);
    let server = start(Limits { request: soon, ..Limits::default() });
    for begun in ["GET / HT", "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"] {
        let mut client = connect(&server);
        assert_eq!(client.send(begun).response().0, 408, "{begun:?}");
        assert!(client.is_closed());
    }
    assert!(connect(&server).is_closed(), "a client that never says anything");

    let server = start(Limits { idle: soon, ..Limits::default() });
    let mut client = connect(&server);
    assert_eq!(client.get("/").0, 200);
    assert!(client.is_closed());
}

#[test]
fn a_client_that_reads_nothing_is_cut_off() {
    let soon = Duration::from_millis(40);
    let large = |_: &Request| Ok(Response::new(vec![b'x'; 32 * 1024 * 1024]));
    let server = serve(Limits { response: soon, ..Limits::default() }, large);
    let mut client = connect(&server);
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").fill();
    assert!(gate(&server).empty_within(Duration::from_secs(10)));
}

#[test]
fn a_failing_handler_costs_its_connection_or_its_request_only() {
    let server = server();
    let mut broken = connect(&server);
    assert!(broken.send("GET /break HTTP/1.1\r\nHost: x\r\n\r\n").is_closed());
    let mut panicked = connect(&server);
    assert_eq!(panicked.get("/panic").0, 500);
    assert_eq!(panicked.get("/").0, 200);
}

#[test]
fn room_is_made_by_the_connections_that_idle() {
    let server = start(Limits { connections: 2, ..Limits::default() });
    let mut clients = [connect(&server), connect(&server), connect(&server), connect(&server)];
    for client in &mut clients {
        assert_eq!(client.get("/").0, 200);
    }
    assert!(clients[0].is_closed() && clients[1].is_closed());
    assert_eq!(server.accepted_connections(), 4);
}

#[test]
fn a_stopping_server_finishes_its_responses_and_ends_its_threads() {
    let (entered, leave) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let handler: Arc<dyn Transport> = {
        let (entered, leave) = (Arc::clone(&entered), Arc::clone(&leave));
        Arc::new(move |request: &Request| {
            entered.wait();
            leave.wait();
            echo(request)
        })
    };
    let server = EmulatorServer::start(&ServeOptions::new(ANY), 1, &handler, None).unwrap();
    let (mut idle, mut busy) = (connect(&server), connect(&server));
    busy.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    entered.wait();
    let gate = gate(&server);
    let stopping = thread::spawn(move || server.stop());
    while !gate.is_stopping() {
        thread::yield_now();
    }
    leave.wait();
    assert!(busy.head().contains("connection: close"));
    assert!(idle.is_closed());
    stopping.join().unwrap();
    assert_eq!(Arc::strong_count(&handler), 1, "no thread holds the handler any more");
}

#[test]
fn a_handler_that_never_returns_does_not_keep_the_server_from_stopping() {
    let barrier = Arc::new(Barrier::new(2));
    let stuck = Arc::clone(&barrier);
    let handler = move |request: &Request| {
        stuck.wait();
        stuck.wait();
        echo(request)
    };
    let server = serve(Limits { grace: Duration::from_millis(20), ..Limits::default() }, handler);
    connect(&server).send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    barrier.wait();
    server.stop();
    barrier.wait();
}

#[test]
fn a_loopback_server_answers_on_both_families() {
    let server = server();
    let v6 = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), server.addr().port());
    // A machine without IPv6 has nothing to check.
    if std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
        let stream = TcpStream::connect(v6).unwrap();
        assert_eq!(Client { stream, buffer: Vec::new() }.get("/").0, 200);
    }
}

#[test]
fn each_region_has_its_port_and_knows_the_others() {
    let handler: Arc<dyn Transport> = Arc::new(|request: &Request| {
        let reach = request.extensions().get::<Reach>().unwrap();
        Ok(Response::new(format!("{} of {:?}", reach.region, reach.ports).into_bytes()))
    });
    let server = EmulatorServer::start(&ServeOptions::new(ANY), 3, &handler, None).unwrap();
    let authorities = server.region_urls().iter().map(|it| it.split('/').nth(2).unwrap());
    let authorities: Vec<_> = authorities.collect();
    let ports: Vec<_> = authorities.iter().map(|it| it.split(':').nth(1).unwrap()).collect();
    for (region, authority) in authorities.iter().enumerate() {
        let stream = TcpStream::connect(authority).unwrap();
        let answer = Client { stream, buffer: Vec::new() }.get("/").1;
        assert_eq!(answer, format!("{region} of [{}]", ports.join(", ")));
    }
    assert_eq!(server.accepted_connections(), 3);
    assert_eq!(super::ports(8081, 3).unwrap(), [8081, 8082, 8083]);
    assert!(super::ports(65534, 3).is_err());
}

#[test]
fn https_is_served_to_clients_that_trust_the_certificate() {
    let options = ServeOptions::new(ANY).tls(Tls::self_signed().unwrap());
    let handler: Arc<dyn Transport> = Arc::new(echo);
    let server = EmulatorServer::start(&options, 1, &handler, None).unwrap();
    assert!(server.url().starts_with("https://127.0.0.1:"));
    let pem = server.certificate_pem().unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let config = Arc::new(config);
    for name in ["localhost", "127.0.0.1", "::1"] {
        let name = ServerName::try_from(name).unwrap();
        let session = ClientConnection::new(Arc::clone(&config), name).unwrap();
        let stream = StreamOwned::new(session, TcpStream::connect(server.addr()).unwrap());
        let mut client = Client { stream, buffer: Vec::new() };
        assert_eq!(client.get("/a"), (200, "GET https://a:1/a ".into()));
        let large = "x".repeat(1_000_000);
        client.send(format!("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{large}"));
        assert_eq!(client.response().1.len(), "PUT https://x/ ".len() + large.len());
        client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").response();
        assert!(client.is_closed(), "with a proper goodbye");
    }
}

struct Ping;

impl Controls for Ping {
    fn control(&self, name: &str, body: &Value) -> Result<Value, String> {
        if name == "ping" { Ok(json!({ "pong": body })) } else { Err(format!("no {name}")) }
    }
}

#[test]
fn health_and_controls_are_answered_beside_the_account() {
    let handler: Arc<dyn Transport> = Arc::new(echo);
    let controls: Arc<dyn Controls> = Arc::new(Ping);
    let server =
        EmulatorServer::start(&ServeOptions::new(ANY), 1, &handler, Some(&controls)).unwrap();
    let mut client = connect(&server);
    let cases = [
        ("GET", "health", "", 200, r#""status":"ok""#),
        ("GET", "health/", "", 200, r#""status":"ok""#),
        ("POST", "health", "", 405, "MethodNotAllowed"),
        ("POST", "ping", "[1]", 200, r#"{"pong":[1]}"#),
        ("POST", "ping/", "", 200, r#"{"pong":{}}"#),
        ("POST", "ping", "[1", 400, "not JSON"),
        ("POST", "pong", "", 400, "no pong"),
        ("GET", "ping", "", 405, "MethodNotAllowed"),
    ];
    for (method, name, body, status, expected) in cases {
        let length = body.len();
        client.send(format!(
            "{method} /_emulator/{name} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}"
        ));
        let answer = client.response();
        assert_eq!(answer.0, status, "{method} {name}");
        assert!(answer.1.contains(expected), "{method} {name}: {}", answer.1);
    }
}

#[test]
fn controls_are_for_this_machine_only() {
    let mut request = Request::new(Vec::new());
    *request.uri_mut() = "http://x/_emulator/ping".parse().unwrap();
    *request.method_mut() = http::Method::POST;
    for (peer, status) in
        [("127.0.0.1:1", 200), ("[::1]:1", 200), ("[::ffff:127.0.0.1]:1", 200), ("10.0.0.1:1", 403)]
    {
        let answer = control::answer(&request, peer.parse().unwrap(), Some(&Ping)).unwrap();
        assert_eq!(answer.status().as_u16(), status, "{peer}");
    }
    *request.uri_mut() = "http://x/dbs".parse().unwrap();
    assert!(control::answer(&request, ANY, Some(&Ping)).is_none());
}
