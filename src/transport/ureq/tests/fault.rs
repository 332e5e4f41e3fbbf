//! What can go wrong, and what is said of it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Barrier;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Instant;

use super::server::{Server, Then, ok};
use super::*;

/// How long the client waits for servers that never answer, or not for a long while.
const LIMIT: Duration = Duration::from_millis(100);

fn fails(transport: &UreqTransport, request: &Request) -> (TransportErrorKind, bool) {
    let error = transport.send(request, PATIENCE).unwrap_err();
    assert!(error.to_string().contains("127.0.0.1:"), "{error}");
    (error.kind(), error.may_have_arrived())
}

#[test]
fn a_server_that_says_nothing_is_given_up_in_time() {
    let server = Server::start(|_, _| (Vec::new(), Then::Hang));
    let started = Instant::now();
    let error = transport().send(&get(&server.uri("/")), LIMIT).unwrap_err();
    assert_eq!((error.kind(), error.may_have_arrived()), (TransportErrorKind::Timeout, true));
    assert!(started.elapsed() >= LIMIT);
}

#[test]
fn a_server_that_stalls_within_the_body_is_given_up_in_time() {
    let server = Server::start(|_, _| {
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_vec(), Then::Hang)
    });
    let error = transport().send(&get(&server.uri("/")), LIMIT).unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::Timeout);
}

/// Each byte comes well within the time; all of them do not.
#[test]
fn a_server_that_drips_is_given_up_in_time() {
    let server = Server::start_over(Dripping, |_, _| (ok(&[b'x'; 1000]), Then::Keep));
    let started = Instant::now();
    let error = transport().send(&get(&server.uri("/")), LIMIT).unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::Timeout);
    assert!(started.elapsed() < PATIENCE, "all of it takes twice as long");
}

/// Writes a byte every 20 ms.
struct Dripping(std::net::TcpStream);

impl Read for Dripping {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Dripping {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        thread::sleep(Duration::from_millis(20));
        self.0.write(&bytes[..1])
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_connection_outlives_short_and_long_timeouts_in_turn() {
    let server = Server::start(|_, _| (ok(b""), Then::Keep));
    let transport = transport();
    for millis in [5_000, 100_000, 1_000, 60_000] {
        transport.send(&get(&server.uri("/")), Duration::from_millis(millis)).unwrap();
    }
    transport.send(&get(&server.uri("/")), Duration::MAX).unwrap();
    assert_eq!(server.accepted(), 1);
    let error = transport.send(&get(&server.uri("/")), Duration::ZERO).unwrap_err();
    assert_eq!((error.kind(), error.may_have_arrived()), (TransportErrorKind::Timeout, false));
}

#[test]
fn a_connection_that_cannot_be_made_is_told_from_one_that_broke() {
    let refusing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = fails(&transport(), &get(&format!("http://{refusing}/")));
    assert_eq!(outcome, (TransportErrorKind::Connect, false));
}

/// Nothing answers there: packets to it are dropped, or refused at once where there is no network.
#[test]
fn a_host_that_swallows_packets_is_given_up_in_time() {
    let transport =
        ConnectionOptions::new().connect_timeout(Duration::from_millis(200)).build().unwrap();
    let started = Instant::now();
    let error = transport.send(&get("http://192.0.2.1:81/"), PATIENCE).unwrap_err();
    assert!(!error.may_have_arrived());
    assert!(matches!(error.kind(), TransportErrorKind::Timeout | TransportErrorKind::Connect));
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_name_that_does_not_exist_is_not_resolved() {
    let error = transport().send(&get("http://nowhere.invalid/"), PATIENCE).unwrap_err();
    assert!(!error.may_have_arrived());
    assert!(matches!(error.kind(), TransportErrorKind::Resolve | TransportErrorKind::Timeout));
    assert!(error.to_string().contains("nowhere.invalid:80"), "{error}");
}

#[test]
fn answers_that_are_none_are_broken() {
    for (bytes, what) in [
        ("", "no answer"),
        ("HTTP/1.1 200 OK\r\nconte", "a head cut off"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", "a body cut off"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", "a chunk cut off"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "no chunk length"),
        ("220 smtp.example.com ESMTP\r\n\r\n", "another protocol"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n", "a body too large"),
    ] {
        let server = Server::start(move |_, _| (bytes.as_bytes().to_vec(), Then::Close));
        let outcome = fails(&transport(), &get(&server.uri("/")));
        assert_eq!(outcome, (TransportErrorKind::Broken, true), "{what}");
    }
}

#[test]
fn a_head_without_end_is_broken() {
    let server = Server::start(|_, _| {
        (format!("HTTP/1.1 200 OK\r\nx: {}", "x".repeat(2_000_000)).into_bytes(), Then::Hang)
    });
    let outcome = fails(&transport(), &get(&server.uri("/")));
    assert_eq!(outcome, (TransportErrorKind::Broken, true));
}

/// The server closes behind each answer, without saying so in a header.
#[test]
fn a_write_never_goes_out_on_a_connection_that_was_closed_meanwhile() {
    let server = Server::start(|_, _| (ok(b""), Then::Close));
    let transport = transport();
    for round in 1..=5 {
        transport.send(&request("POST", &server.uri("/"), b"{}"), PATIENCE).unwrap();
        server.wait_until_closed(round);
    }
    assert_eq!(server.accepted(), 5);
}

/// The server leaves the request half read when it closes, so that the client's next write is refused.
#[test]
fn a_request_of_which_no_byte_was_accepted_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    let (answered, is_read) = channel::<()>();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0]).unwrap();
        stream.write_all(&ok(b"")).unwrap();
        let _ = is_read.recv();
    });
    let transport = transport();
    transport.send(&get(&uri), PATIENCE).unwrap();
    drop(answered);
    server.join().unwrap();
    assert_eq!(fails(&transport, &get(&uri)), (TransportErrorKind::Broken, false));
    assert_eq!(fails(&transport, &get(&uri)), (TransportErrorKind::Connect, false));
}

/// Four connections lie in the pool, all closed, and the last of them was in use a moment ago.
#[test]
fn of_reads_on_connections_that_were_closed_meanwhile_one_fails_at_most() {
    let all_in_flight = Barrier::new(4);
    let server = Server::start(move |received, _| {
        if received.head.contains("/together") {
            all_in_flight.wait();
        }
        (ok(b""), Then::Close)
    });
    let transport = transport();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| transport.send(&get(&server.uri("/together")), PATIENCE).unwrap());
        }
    });
    server.wait_until_closed(4);
    let mut failures = 0;
    for _ in 0..8 {
        if let Err(error) = transport.send(&get(&server.uri("/")), PATIENCE) {
            assert_eq!(error.kind(), TransportErrorKind::Broken);
            failures += 1;
        }
        server.wait_until_closed(server.accepted());
    }
    assert!(failures <= 1, "{failures}");
}

#[test]
fn a_connection_on_which_the_server_spoke_out_of_turn_is_not_used_again() {
    let server = Server::start(|_, _| {
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n".to_vec(),
            Then::Keep,
        )
    });
    let transport = transport();
    for _ in 0..2 {
        assert_eq!(transport.send(&get(&server.uri("/")), PATIENCE).unwrap().body(), b"ok");
    }
    assert_eq!(server.accepted(), 2);
}

#[test]
fn a_request_that_http_cannot_express_is_not_sent() {
    let transport = transport();
    let mut too_long = get("http://127.0.0.1:1/");
    too_long.headers_mut().insert("x-long", "x".repeat(400_000).parse().unwrap());
    let server = Server::start(|_, _| (ok(b""), Then::Keep));
    *too_long.uri_mut() = server.uri("/").parse().unwrap();
    assert_eq!(fails(&transport, &too_long), (TransportErrorKind::Request, false));
    for uri in ["/relative", "ftp://127.0.0.1:21/"] {
        let error = transport.send(&get(uri), PATIENCE).unwrap_err();
        assert_eq!((error.kind(), error.may_have_arrived()), (TransportErrorKind::Request, false));
    }
}

#[test]
fn an_error_tells_no_header_and_no_password() {
    let mut request = get("http://user:hunter2@127.0.0.1:1/");
    request.headers_mut().insert("authorization", "type=master&sig=secret".parse().unwrap());
    let error = transport().send(&request, PATIENCE).unwrap_err();
    let seen = format!("{error} {error:?}");
    for secret in ["hunter2", "sig=secret"] {
        assert!(!seen.contains(secret), "{seen}");
    }
}
