//! A gateway that knows one item, one database account and one container, and answers at once.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::work::{CONTAINER, DATABASE, item};

/// Prints its endpoint and serves until it is killed.
pub fn run() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let endpoint = format!("http://127.0.0.1:{}", listener.local_addr()?.port());
    println!("{endpoint}");
    for stream in listener.incoming() {
        let (stream, endpoint) = (stream?, endpoint.clone());
        stream.set_nodelay(true)?;
        thread::spawn(move || converse(stream, &endpoint));
    }
    Ok(())
}

fn converse(mut stream: TcpStream, endpoint: &str) {
    let item = serde_json::to_vec(&item()).unwrap_or_default();
    let read = answer("200 OK", &item);
    let create = answer("201 Created", &item);
    let account = answer("200 OK", &account(endpoint));
    let container = answer("200 OK", &container());
    let ranges = answer("200 OK", RANGES.as_bytes());
    let mut input = Vec::new();
    while let Some(head) = next_request(&mut stream, &mut input) {
        let reply = match head.split(' ').take(2).collect::<Vec<_>>()[..] {
            ["POST", _] => &create,
            [_, path] if path.ends_with("/docs/42") => &read,
            [_, path] if path.ends_with("/pkranges") => &ranges,
            [_, "/"] => &account,
            _ => &container,
        };
        if stream.write_all(reply).is_err() {
            return;
        }
    }
}

/// The head of the next request; its body is read and dropped.
fn next_request(stream: &mut TcpStream, input: &mut Vec<u8>) -> Option<String> {
    let mut chunk = [0; 16 * 1024];
    loop {
        if let Some(end) = input.windows(4).position(|it| it == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&input[..end]).into_owned();
            let length = content_length(&head);
            if input.len() >= end + 4 + length {
                input.drain(..end + 4 + length);
                return Some(head);
            }
        }
        match stream.read(&mut chunk) {
            Ok(count) if count > 0 => input.extend_from_slice(&chunk[..count]),
            _ => return None,
        }
    }
}

fn content_length(head: &str) -> usize {
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.and_then(|it| it.parse().ok()).unwrap_or(0)
}

fn answer(status: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{HEADERS}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn account(endpoint: &str) -> Vec<u8> {
    let regions = format!(r#"[{{"name":"East US","databaseAccountEndpoint":"{endpoint}/"}}]"#);
    format!(
        r#"{{"id":"bench","_rid":"bench.documents.azure.com","writableLocations":{regions},"readableLocations":{regions},"enableMultipleWriteLocations":false,"userConsistencyPolicy":{{"defaultConsistencyLevel":"Session"}}}}"#
    )
    .into_bytes()
}

fn container() -> Vec<u8> {
    format!(
        r#"{{"id":"{CONTAINER}","_rid":"dbs0AA==","_self":"dbs/{DATABASE}/","partitionKey":{{"paths":["/city"],"kind":"Hash","version":2}}}}"#
    )
    .into_bytes()
}

const RANGES: &str = r#"{"_rid":"dbs0AA==","PartitionKeyRanges":[{"id":"0","_rid":"dbs0AAIA","minInclusive":"","maxExclusive":"FF","parents":[]}],"_count":1}"#;

/// As many as a read has at a hosted account, with values of their length; `Content-Length` is the last of the 36.
const HEADERS: &str = "\
Cache-Control: no-store, no-cache\r\n\
Pragma: no-cache\r\n\
Content-Type: application/json\r\n\
Content-Location: https://bench.documents.azure.com/dbs/shop/colls/orders/docs/42\r\n\
Server: Compute\r\n\
Date: Tue, 01 Nov 1994 08:12:31 GMT\r\n\
Strict-Transport-Security: max-age=31536000\r\n\
ETag: \"0000d826-0700-0000-0000-5f1f9c3e0000\"\r\n\
lsn: 42\r\n\
x-ms-activity-id: 8f3a2c44-2d5a-4c52-9e1f-0c6f0a6f7a11\r\n\
x-ms-alt-content-path: dbs/shop/colls/orders\r\n\
x-ms-content-path: dbs0AMo9nAA=\r\n\
x-ms-cosmos-internal-partition-id: 1a2b3c4d5e6f40718293a4b5c6d7e8f9\r\n\
x-ms-cosmos-is-partition-key-delete-pending: false\r\n\
x-ms-cosmos-item-llsn: 42\r\n\
x-ms-cosmos-llsn: 42\r\n\
x-ms-cosmos-physical-partition-id: 0\r\n\
x-ms-cosmos-quorum-acked-llsn: 42\r\n\
x-ms-current-replica-set-size: 4\r\n\
x-ms-current-write-quorum: 3\r\n\
x-ms-documentdb-partitionkeyrangeid: 0\r\n\
x-ms-gatewayversion: version=2.14.0\r\n\
x-ms-global-committed-lsn: 41\r\n\
x-ms-item-lsn: 40\r\n\
x-ms-last-state-change-utc: Mon, 31 Oct 1994 22:01:05.123 GMT\r\n\
x-ms-number-of-read-regions: 0\r\n\
x-ms-quorum-acked-lsn: 42\r\n\
x-ms-request-charge: 1\r\n\
x-ms-request-duration-ms: 0.512\r\n\
x-ms-resource-quota: documentSize=51200;documentsSize=52428800;documentsCount=-1;collectionSize=52428800;\r\n\
x-ms-resource-usage: documentSize=0;documentsSize=1;documentsCount=10;collectionSize=2;\r\n\
x-ms-schemaversion: 1.21\r\n\
x-ms-serviceversion: version=2.14.0.0\r\n\
x-ms-session-token: 0:-1#42\r\n\
x-ms-transport-request-id: 7\r\n\
";
