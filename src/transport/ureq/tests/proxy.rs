//! A proxy that is asked to `CONNECT`.

use std::io::{BufRead, BufReader, Write, copy};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::server::{Server, Then, ok};
use super::*;

/// A proxy that tunnels to wherever it is asked, or says `refusal`; and how often it was asked.
fn proxy(refusal: Option<&'static str>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://user:word@{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(std::result::Result::ok) {
            counter.fetch_add(1, Ordering::SeqCst);
            thread::spawn(move || tunnel(stream, refusal));
        }
    });
    (url, asked)
}

fn tunnel(client: TcpStream, refusal: Option<&str>) {
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).unwrap();
    }
    assert!(head.contains("Proxy-Authorization: Basic"));
    if let Some(refusal) = refusal {
        (&client).write_all(refusal.as_bytes()).unwrap();
        return;
    }
    let target = head.split(' ').nth(1).unwrap();
    let server = TcpStream::connect(target).unwrap();
    (&client).write_all(b"HTTP/1.1 200 Connected\r\n\r\n").unwrap();
    let (mut to_client, mut from_server) = (client, server.try_clone().unwrap());
    thread::spawn(move || copy(&mut from_server, &mut to_client));
    let _ = copy(&mut reader, &mut &server);
}

#[test]
fn requests_go_through_the_proxy_over_one_tunnel() {
    let server = Server::start(|received, _| (ok(&received.body), Then::Keep));
    let (url, asked) = proxy(None);
    let transport = ConnectionOptions::new().proxy(url).build().unwrap();
    for _ in 0..3 {
        let request = request("POST", &server.uri("/"), b"through");
        assert_eq!(transport.send(&request, PATIENCE).unwrap().body(), b"through");
    }
    assert_eq!((asked.load(Ordering::SeqCst), server.accepted()), (1, 1));
}

#[test]
fn a_proxy_that_refuses_is_a_connection_that_was_not_made() {
    let (url, _) = proxy(Some("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"));
    let transport = ConnectionOptions::new().proxy(url).build().unwrap();
    let error =
        transport.send(&request("POST", "http://example.test/", b""), PATIENCE).unwrap_err();
    assert_eq!((error.kind(), error.may_have_arrived()), (TransportErrorKind::Connect, false));
    assert!(error.to_string().contains("proxy"), "{error}");
}

#[test]
fn a_proxy_that_is_no_url_is_refused_at_once() {
    let error = ConnectionOptions::new().proxy("::no url::").build().unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::InvalidInput);
}
