//! An HTTP server before the emulator that sends its answers in chunks and counts connections.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cosmosdb::Emulator;
use cosmosdb::transport::{Request, Response, Transport};

/// It listens until the test's process ends.
pub(super) struct Front {
    addr: SocketAddr,
    accepted: Arc<AtomicUsize>,
}

impl Front {
    pub(super) fn before(emulator: &Emulator) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let (transport, count) = (emulator.transport(), Arc::clone(&accepted));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                let transport = Arc::clone(&transport);
                std::thread::spawn(move || serve(&stream, &*transport));
            }
        });
        Self { addr, accepted }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.addr)
    }

    pub(super) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

fn serve(stream: &TcpStream, transport: &dyn Transport) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    loop {
        let request = read(&mut reader)?;
        let response = transport.send(&request, Duration::from_secs(10)).ok()?;
        writer.write_all(&chunked(&response)).ok()?;
    }
}

/// The next request; `None` when the client has closed the connection.
fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = || {
        let mut text = String::new();
        reader.read_line(&mut text).ok().filter(|it| *it > 0)?;
        Some(text.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?, words.next()?);
    let mut builder =
        http::Request::builder().method(method).uri(format!("https://emulator.local{path}"));
    let mut length = 0;
    loop {
        let line = line()?;
        let Some((name, value)) = line.split_once(": ") else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().ok()?;
        }
        builder = builder.header(name, value);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    builder.body(body).ok()
}

/// The answer in chunks of 100 bytes; one without a body has no length either.
fn chunked(response: &Response) -> Vec<u8> {
    let status = response.status();
    let mut out = format!("HTTP/1.1 {} X\r\n", status.as_str()).into_bytes();
    for (name, value) in response.headers() {
        if name != http::header::CONTENT_LENGTH {
            out.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
    }
    if matches!(status.as_u16(), 204 | 304) {
        out.extend(b"\r\n");
        return out;
    }
    out.extend(b"transfer-encoding: chunked\r\n\r\n");
    for chunk in response.body().chunks(100) {
        out.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        out.extend(chunk);
        out.extend(b"\r\n");
    }
    out.extend(b"0\r\n\r\n");
    out
}
