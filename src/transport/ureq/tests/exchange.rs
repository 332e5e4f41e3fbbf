//! What goes out and what comes in.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use super::server::{Server, Then, answer, ok};
use super::*;

#[test]
fn connections_are_kept_and_used_again() {
    let server = Server::start(|received, _| (ok(received.head.as_bytes()), Then::Keep));
    let transport = transport();
    for method in ["GET", "POST", "GET", "DELETE"] {
        let body = if method == "POST" { &b"{}"[..] } else { b"" };
        let response = transport.send(&request(method, &server.uri("/x"), body), PATIENCE).unwrap();
        assert!(response.body().starts_with(method.as_bytes()));
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn an_error_status_is_an_answer_and_keeps_the_connection() {
    let server = Server::start(|_, count| {
        let status = ["404 Not Found", "301 Moved", "503 Unavailable", "200 OK"][count];
        (answer(status, b"why"), Then::Keep)
    });
    let transport = transport();
    for status in [404, 301, 503, 200] {
        let response = transport.send(&get(&server.uri("/")), PATIENCE).unwrap();
        assert_eq!((response.status().as_u16(), &response.body()[..]), (status, &b"why"[..]));
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn headers_and_body_arrive_as_given() {
    let server = Server::start(|received, _| (ok(&received.body), Then::Keep));
    let mut request = request("POST", &server.uri("/dbs?a=b"), b"\x00\xffbody");
    request.headers_mut().insert("x-ms-version", "2020-07-15".parse().unwrap());
    let response = transport().send(&request, PATIENCE).unwrap();
    assert_eq!(response.body(), b"\x00\xffbody");
    let received = server.received().remove(0);
    assert!(received.head.starts_with("POST /dbs?a=b HTTP/1.1\r\n"));
    assert_eq!(received.header("x-ms-version"), Some("2020-07-15"));
    for absent in ["user-agent", "accept", "expect", "transfer-encoding"] {
        assert_eq!(received.header(absent), None, "{absent}");
    }
    let compressed = cfg!(feature = "gzip").then_some("gzip");
    assert_eq!(received.header("accept-encoding"), compressed);
}

#[test]
fn each_method_states_its_length_as_it_should() {
    let server = Server::start(|_, _| (ok(b""), Then::Keep));
    let transport = transport();
    for (method, body, length) in [
        ("POST", "", Some("0")),
        ("PUT", "", Some("0")),
        ("PATCH", "{}", Some("2")),
        ("GET", "", None),
        ("DELETE", "", None),
        ("GET", "{}", Some("2")),
        ("DELETE", "{}", Some("2")),
    ] {
        transport.send(&request(method, &server.uri("/"), body.as_bytes()), PATIENCE).unwrap();
        let received = server.received().pop().unwrap();
        assert_eq!(received.header("content-length"), length, "{method} {body}");
        assert_eq!(received.header("transfer-encoding"), None, "{method} {body}");
        assert_eq!(received.body, body.as_bytes());
    }
}

/// The server reads once, into a buffer with room for all, and answers whatever came.
#[test]
fn head_and_body_go_out_in_one_piece() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut first = vec![0; 64 * 1024];
        let count = stream.read(&mut first).unwrap();
        first.truncate(count);
        stream.write_all(&ok(b"")).unwrap();
        first
    });
    transport().send(&request("POST", &uri, b"the body"), PATIENCE).unwrap();
    assert!(server.join().unwrap().ends_with(b"\r\n\r\nthe body"));
}

#[test]
fn large_bodies_go_both_ways() {
    let server = Server::start(|received, _| (ok(&received.body), Then::Keep));
    let transport = transport();
    for size in [1, 64 * 1024, 300_000, 5_000_000] {
        let body: Vec<u8> = (0..size).map(|it| (it % 251) as u8).collect();
        let response = transport.send(&request("POST", &server.uri("/"), &body), PATIENCE).unwrap();
        assert!(*response.body() == body, "{size}");
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn a_chunked_body_is_put_together() {
    let server = Server::start(|_, _| {
        let text = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
                    3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        (text.as_bytes().to_vec(), Then::Keep)
    });
    let transport = transport();
    for _ in 0..2 {
        assert_eq!(transport.send(&get(&server.uri("/")), PATIENCE).unwrap().body(), b"abcde");
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn a_body_without_a_length_ends_with_the_connection() {
    let server = Server::start(|_, _| {
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nall".to_vec(), Then::Close)
    });
    assert_eq!(transport().send(&get(&server.uri("/")), PATIENCE).unwrap().body(), b"all");
}

#[test]
fn answers_that_have_no_body_keep_the_connection() {
    let server = Server::start(|received, _| {
        let text = match received.head.split(' ').nth(1) {
            Some("/204") => "HTTP/1.1 204 No Content\r\n\r\n",
            Some("/304") => "HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\n\r\n",
            _ => "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n",
        };
        (text.as_bytes().to_vec(), Then::Keep)
    });
    let transport = transport();
    for (method, path, status) in [("GET", "/204", 204), ("GET", "/304", 304), ("HEAD", "/", 200)] {
        let request = request(method, &server.uri(path), b"");
        let response = transport.send(&request, PATIENCE).unwrap();
        assert_eq!(response.status(), status);
        assert!(response.body().is_empty());
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn many_headers_and_long_ones_come_through() {
    let server = Server::start(|received, _| {
        let headers: String = if received.head.contains("/many") {
            (0..100).map(|it| format!("x-header-{it}: {it}\r\n")).collect()
        } else {
            format!("x-ms-continuation: {}\r\n", "c".repeat(200 * 1024))
        };
        (
            format!("HTTP/1.1 200 OK\r\n{headers}content-length: 2\r\n\r\n[]").into_bytes(),
            Then::Keep,
        )
    });
    let transport = transport();
    let many = transport.send(&get(&server.uri("/many")), PATIENCE).unwrap();
    assert_eq!(many.headers().len(), 101);
    let long = transport.send(&get(&server.uri("/long")), PATIENCE).unwrap();
    assert_eq!(long.headers()["x-ms-continuation"].len(), 200 * 1024);
    assert_eq!(long.body(), b"[]");
}

#[test]
fn a_long_request_header_goes_out() {
    let server = Server::start(|received, _| {
        let length = received.header("x-ms-session-token").unwrap().len();
        (ok(length.to_string().as_bytes()), Then::Keep)
    });
    let mut request = request("POST", &server.uri("/"), &[b'x'; 200_000]);
    request.headers_mut().insert("x-ms-session-token", "t".repeat(100_000).parse().unwrap());
    assert_eq!(transport().send(&request, PATIENCE).unwrap().body(), b"100000");
}

#[test]
fn threads_share_one_transport() {
    let server = Server::start(|received, _| (ok(&received.body), Then::Keep));
    let transport = transport();
    thread::scope(|scope| {
        for thread in 0..8 {
            let (transport, uri) = (transport.clone(), server.uri("/"));
            scope.spawn(move || {
                for round in 0..50 {
                    let body = format!("{thread}/{round}");
                    let request = request("POST", &uri, body.as_bytes());
                    let response = transport.send(&request, PATIENCE).unwrap();
                    assert_eq!(response.body(), body.as_bytes());
                }
            });
        }
    });
    assert!(server.accepted() <= 8, "{} connections", server.accepted());
}
