//! Answers that are not what was due, and servers that do not answer.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use cosmosdb::transport::{Request, Response, TransportError};
use cosmosdb::{Container, CosmosClient, ErrorKind, RetryOptions};
use serde_json::Value;

/// A container behind a server that answers everything alike.
fn container_of(status: u16, body: &'static [u8]) -> Container {
    let transport = move |_: &Request| -> Result<Response, TransportError> {
        Ok(http::Response::builder().status(status).body(body.to_vec()).unwrap())
    };
    let client = CosmosClient::builder("https://localhost:1/")
        .key("c2VjcmV0")
        .transport(transport)
        .build()
        .unwrap();
    client.database("db").container("c")
}

/// A container behind a socket that reads a request, writes these bytes and closes.
fn container_behind(answer: &'static [u8]) -> Container {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer);
            let _ = stream.write_all(answer);
        }
    });
    let client = CosmosClient::builder(&format!("http://{address}/"))
        .key("c2VjcmV0")
        .retry(RetryOptions::none())
        .build()
        .unwrap();
    client.database("db").container("c")
}

#[test]
fn what_is_not_json_is_an_error_of_its_own_kind() {
    for body in
        [&b""[..], b"{\"id\":", b"<html>hello</html>", b"{\"id\":\"\xff\xfe\"}", b"[1", b"nul"]
    {
        let response = container_of(200, body).read_item("1", 1).send().unwrap();
        assert_eq!(response.item::<Value>().unwrap_err().kind(), ErrorKind::Json, "{body:?}");
        assert_eq!(response.bytes(), body);
    }
    for body in
        [&b""[..], b"{\"Documents\":", b"<html>hello</html>", b"{}", b"{\"Documents\":[\"\xff\"]}"]
    {
        let mut items = container_of(200, body).items::<Value>().into_iter();
        assert_eq!(items.next().unwrap().unwrap_err().kind(), ErrorKind::Json, "{body:?}");
        assert!(items.next().is_none());
    }
}

#[test]
fn error_answers_are_readable_whatever_their_body() {
    for (body, words) in [
        (&b""[..], "no body"),
        (b"<html><h1>Bad Gateway</h1></html>", "Bad Gateway"),
        (b"\xff\xfe\xfd", "not from Cosmos DB"),
        (
            b"{\"code\":\"X\",\"message\":\"Message: {\\\"Errors\\\":[\\\"broken\\\"]}\"}",
            "502: broken",
        ),
        (b"{\"code\":7,\"message\":\"m\"}", "502: m"),
    ] {
        let error = container_of(502, body).delete_item("1", 1).send().unwrap_err();
        assert_eq!(error.status().unwrap(), 502);
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.body().unwrap(), body);
    }
}

#[test]
fn redirects_are_not_followed() {
    let error = container_of(307, b"").read_item("1", 1).send().unwrap_err();
    assert_eq!(error.status().unwrap(), 307);
}

#[test]
fn truncated_and_garbled_responses_are_transport_errors() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"id\":\"1\""[..],
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"SMTP ready\r\n\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"id\"\r\nzz\r\n",
    ] {
        let error = container_behind(answer).read_item("1", 1).send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transport, "{answer:?}: {error:?}");
        assert!(error.to_string().contains("127.0.0.1"), "{error}");
        let error = container_behind(answer).delete_item("1", 1).send().unwrap_err();
        assert!(error.may_have_been_applied(), "{error:?}");
    }
}

#[test]
fn a_server_that_says_nothing_does_not_hold_the_call_beyond_its_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/", listener.local_addr().unwrap());
    let client = CosmosClient::new(&endpoint, "c2VjcmV0").unwrap();
    let container = client.database("db").container("c");
    let start = Instant::now();
    let error = container.read_item("1", 1).timeout(Duration::from_millis(300)).send().unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert!(!error.may_have_been_applied());
    let error =
        container.delete_item("1", 1).timeout(Duration::from_millis(300)).send().unwrap_err();
    assert!(error.is_timeout() && error.may_have_been_applied(), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn a_port_where_nobody_listens_is_a_transport_error() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = CosmosClient::builder(&format!("http://{address}/"))
        .key("c2VjcmV0")
        .retry(RetryOptions::new().max_connection_retries(1))
        .build()
        .unwrap();
    let error = client.database("db").container("c").delete_item("1", 1).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport, "{error:?}");
    assert!(!error.may_have_been_applied());
    assert_eq!(error.diagnostics().unwrap().attempts().len(), 2);
}
