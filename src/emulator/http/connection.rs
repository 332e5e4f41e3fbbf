//! One connection: requests in, responses out, one after the other, until either side has had enough.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};

use super::body::{ChunkDecoder, Framing};
use super::control;
use super::gate::{Admission, Gate};
use super::head::Head;
use super::response::{self, Manner, Refusal};
use super::site::Service;
use super::socket::{Stream, is_timeout};
use crate::emulator::fault::Mangled;
use crate::transport::{Request, Response};
use crate::wire::header;

/// How much is read at once.
const READ_BYTES: usize = 16 * 1024;

/// Buffers that one large message has grown beyond this are given back.
const KEPT_BUFFER_BYTES: usize = 256 * 1024;

/// What the handler is allowed: longer than any client waits, so that it is the client that gives up.
const HANDLER_TIMEOUT: Duration = Duration::from_secs(300);

/// A connection and what has been read of it but not used yet.
#[derive(Debug)]
pub(super) struct Connection<'a> {
    service: &'a Service,
    gate: &'a Gate,
    admission: &'a Admission<'a>,
    peer: SocketAddr,
    stream: Stream,
    /// Bytes of the request under way, and of those that the client sent behind it without waiting.
    input: Vec<u8>,
    output: Vec<u8>,
}

/// Why a connection ends early.
enum Failure {
    /// There is nobody to talk to, or the handler wants the connection to break.
    Broken,
    /// The client is told.
    Refused(Refusal),
}

impl<'a> Connection<'a> {
    pub(super) fn new(
        service: &'a Service,
        gate: &'a Gate,
        admission: &'a Admission<'a>,
        peer: SocketAddr,
    ) -> io::Result<Self> {
        let stream = Stream::new(admission.stream(), service.tls.as_ref())?;
        let (input, output) = (Vec::new(), Vec::new());
        Ok(Self { service, gate, admission, peer, stream, input, output })
    }

    /// Serves requests until the connection ends.
    pub(super) fn serve(mut self) {
        let mut first_byte_within = self.service.limits.request;
        loop {
            match self.exchange(first_byte_within) {
                Ok(true) => {}
                Ok(false) => return self.close(),
                Err(Failure::Broken) => return,
                Err(Failure::Refused(refusal)) => return self.refuse(refusal),
            }
            first_byte_within = self.service.limits.idle;
            if self.input.is_empty() {
                self.admission.idles();
            }
        }
    }

    /// One request and its response; says whether there may be another.
    fn exchange(&mut self, first_byte_within: Duration) -> Result<bool, Failure> {
        let Some((head, length)) = self.read_head(first_byte_within)? else { return Ok(false) };
        let started = Instant::now();
        self.input.drain(..length);
        let body = self.read_body(&head)?;
        let (is_head, is_http_1_0) = (head.method == Method::HEAD, head.is_http_1_0);
        let wants_more = head.keep_alive;
        let mut request = into_request(head, body);
        request.extensions_mut().insert(self.service.reach.clone());
        let response = self.answer(&request)?;
        log_request(&request, &response, started.elapsed());
        if let Some(mangled) = response.extensions().get::<Mangled>() {
            self.write_mangled(&response, *mangled, is_head)?;
            return Err(Failure::Broken);
        }
        let keep_alive = wants_more && !self.gate.wants_connections_closed();
        self.write(&response, Manner { is_head, keep_alive, is_http_1_0 })?;
        Ok(keep_alive)
    }

    /// The next head and its length in the input; `None` where the client is done.
    fn read_head(&mut self, first_byte_within: Duration) -> Result<Option<(Head, usize)>, Failure> {
        self.stream.within(first_byte_within);
        while self.input.is_empty() {
            match self.fill() {
                Ok(0) => return Ok(None),
                Err(error) if is_timeout(&error) => return Ok(None),
                read => drop(read?),
            }
        }
        self.admission.works();
        self.stream.within(self.service.limits.request);
        loop {
            if let Some(found) = Head::parse(&self.input, &self.service.origin)? {
                return Ok(Some(found));
            }
            if self.input.len() > self.service.limits.head_bytes {
                return Err(Refusal::HEAD_TOO_LARGE.into());
            }
            self.fill_or_fail()?;
        }
    }

    fn read_body(&mut self, head: &Head) -> Result<Vec<u8>, Failure> {
        match head.framing {
            Framing::Length(0) => Ok(Vec::new()),
            Framing::Length(length) if length > self.service.limits.body_bytes => {
                Err(Refusal::BODY_TOO_LARGE.into())
            }
            Framing::Length(length) => self.read_length(length, head),
            Framing::Chunked => self.read_chunks(head),
        }
    }

    fn read_length(&mut self, length: usize, head: &Head) -> Result<Vec<u8>, Failure> {
        self.invite(head)?;
        while self.input.len() < length {
            self.fill_or_fail()?;
        }
        let rest = self.input.split_off(length);
        Ok(std::mem::replace(&mut self.input, rest))
    }

    fn read_chunks(&mut self, head: &Head) -> Result<Vec<u8>, Failure> {
        self.invite(head)?;
        let mut decoder = ChunkDecoder::new(self.service.limits.body_bytes);
        loop {
            let taken = decoder.decode(&self.input)?;
            self.input.drain(..taken);
            if decoder.is_done() {
                return Ok(decoder.into_body());
            }
            self.fill_or_fail()?;
        }
    }

    /// Tells a client that waits for it to send the body; one that has begun to needs no telling.
    fn invite(&mut self, head: &Head) -> Result<(), Failure> {
        if head.expects_continue && self.input.is_empty() {
            self.stream.within(self.service.limits.response);
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            self.stream.flush()?;
        }
        Ok(())
    }

    fn answer(&self, request: &Request) -> Result<Response, Failure> {
        let controls = self.service.controls.as_deref();
        let answered = catch_unwind(AssertUnwindSafe(|| {
            control::answer(request, self.peer, controls)
                .map_or_else(|| self.service.handler.send(request, HANDLER_TIMEOUT), Ok)
        }));
        match answered {
            // A request that gets no answer looks like this from outside: the connection breaks.
            Ok(answered) => answered.map_err(|_| Failure::Broken),
            Err(_) => Ok(response::error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the emulator failed on this request; its standard error says where",
            )),
        }
    }

    fn write(&mut self, response: &Response, manner: Manner) -> io::Result<()> {
        self.output.clear();
        self.output.shrink_to(KEPT_BUFFER_BYTES);
        response::encode(response, manner, &mut self.output);
        self.stream.within(self.service.limits.response);
        self.stream.write_all(&self.output)?;
        self.stream.flush()
    }

    /// Writes a response up to where a fault rule wants it to end, and where it stalls waits for the client to leave.
    fn write_mangled(
        &mut self,
        response: &Response,
        mangled: Mangled,
        is_head: bool,
    ) -> io::Result<()> {
        let bytes = match mangled {
            Mangled::Truncated(bytes) | Mangled::Stalled(bytes) => Some(bytes),
            Mangled::Silent => None,
        };
        if let Some(bytes) = bytes {
            let manner = Manner { is_head, keep_alive: true, is_http_1_0: false };
            self.output.clear();
            response::encode(response, manner, &mut self.output);
            let missing = response.body().len().saturating_sub(bytes);
            self.output.truncate(self.output.len().saturating_sub(missing));
            self.stream.within(self.service.limits.response);
            self.stream.write_all(&self.output)?;
            self.stream.flush()?;
        }
        if !matches!(mangled, Mangled::Truncated(_)) {
            self.stream.within(HANDLER_TIMEOUT);
            self.stream.drain(self.service.limits.linger_bytes);
        }
        Ok(())
    }

    fn refuse(&mut self, refusal: Refusal) {
        let told = self.write(&refusal.response(), Manner::LAST);
        if told.is_ok() && self.stream.finish().is_ok() {
            self.stream.within(self.service.limits.linger);
            self.stream.drain(self.service.limits.linger_bytes);
        }
    }

    fn close(&mut self) {
        self.stream.within(self.service.limits.linger);
        // The client may have gone, and then there is nobody to say goodbye to.
        let _ = self.stream.finish();
    }

    fn fill_or_fail(&mut self) -> Result<(), Failure> {
        match self.fill() {
            Ok(0) => Err(Failure::Broken),
            Ok(_) => Ok(()),
            Err(error) if is_timeout(&error) => Err(Refusal::TOO_SLOW.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads what has arrived; 0 is the end.
    fn fill(&mut self) -> io::Result<usize> {
        let start = self.input.len();
        self.input.resize(start + READ_BYTES, 0);
        let read = loop {
            match self.stream.read(self.input.get_mut(start..).unwrap_or_default()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.input.truncate(start + read.as_ref().copied().unwrap_or_default());
        read
    }
}

fn into_request(head: Head, body: Vec<u8>) -> Request {
    let mut request = Request::new(body);
    *request.method_mut() = head.method;
    *request.uri_mut() = head.uri;
    *request.headers_mut() = head.headers;
    request
}

/// The request log: one line at level info, under the target `cosmosdb::emulator`.
fn log_request(request: &Request, response: &Response, took: Duration) {
    let charge = response.headers().get(header::REQUEST_CHARGE).and_then(|it| it.to_str().ok());
    log::info!(
        target: "cosmosdb::emulator",
        "{} {} -> {} in {:.1} ms, {} RU",
        request.method(),
        request.uri().path_and_query().map_or("/", |it| it.as_str()),
        response.status().as_u16(),
        took.as_secs_f64() * 1000.0,
        charge.unwrap_or("0"),
    );
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<io::Error> for Failure {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}
