//! HTTP messages as they lie on the wire: where they end, and what is asked for.

use std::io::{self, Read};
use std::net::TcpStream;

/// One request as it came, whole.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: String,
    /// The path, percent-encoded.
    pub(super) path: String,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Seen {
    pub(super) fn parse(head: &[u8]) -> Self {
        let text = std::str::from_utf8(head).unwrap();
        let mut lines = text.trim_end().split("\r\n");
        let mut words = lines.next().unwrap().split(' ').map(str::to_owned);
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let header = |line: &str| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        Self { method, path, headers: lines.map(header).collect(), body: Vec::new() }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|it| it.0 == name).map(|it| it.1.as_str())
    }

    /// What the request is for.
    pub(super) fn operation(&self) -> &'static str {
        let is = |name| self.header(name).is_some();
        match (self.method.as_str(), self.path.matches('/').count()) {
            ("POST", 5) if is("x-ms-cosmos-is-batch-request") => "batch",
            ("POST", 5) if is("x-ms-cosmos-is-query-plan-request") => "plan",
            ("POST", 5) if is("x-ms-documentdb-isquery") => "query",
            ("POST", 5) if is("x-ms-documentdb-is-upsert") => "upsert",
            ("POST", 5) => "create",
            ("POST", 6) => "execute",
            ("GET", 5) if is("a-im") && self.path.ends_with("/docs") => "change feed",
            ("GET", 6) => "read",
            ("PUT", 6) => "replace",
            ("PATCH", 6) => "patch",
            ("DELETE", 6) => "delete",
            _ => "other",
        }
    }
}

/// How long the body behind a head is, by its `content-length`.
pub(super) fn body_length(head: &[u8]) -> usize {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let length = text.split("\r\n").find_map(|it| it.strip_prefix("content-length:"));
    length.map_or(0, |it| it.trim().parse().unwrap())
}

/// Where the head ends in what has come so far.
fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|it| it == b"\r\n\r\n").map(|it| it + 4)
}

/// The next head, left in the socket; `None` where the peer is done.
pub(super) fn peek_head(stream: &TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = stream.peek(&mut buffer)?;
        if count == 0 {
            return Ok(None);
        }
        if let Some(end) = head_end(&buffer[..count]) {
            buffer.truncate(end);
            return Ok(Some(buffer));
        }
        std::thread::yield_now();
    }
}

/// A whole answer: its head and its body.
pub(super) fn read_answer(stream: &mut TcpStream) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let mut body = vec![0; body_length(&head)];
    stream.read_exact(&mut body)?;
    Ok((head, body))
}
