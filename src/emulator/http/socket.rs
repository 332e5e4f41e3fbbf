//! A connection's two ends of bytes, plain or encrypted, where nothing waits for longer than it may.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The TCP socket, with a moment by which whatever is under way has to be over.
///
/// A deadline rather than a timeout: a peer that sends a byte now and then renews a timeout for ever. One for both
/// directions, because TLS writes while it reads.
#[derive(Debug)]
pub(super) struct Socket {
    stream: Arc<TcpStream>,
    until: Instant,
}

/// What a connection reads from and writes to.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(Socket),
    Tls(Box<StreamOwned<ServerConnection, Socket>>),
}

impl Stream {
    /// Takes over an accepted connection; the handshake happens with the first read.
    pub(super) fn new(stream: Arc<TcpStream>, tls: Option<&Arc<ServerConfig>>) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let socket = Socket { stream, until: Instant::now() };
        let Some(config) = tls else { return Ok(Self::Plain(socket)) };
        let session = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
        Ok(Self::Tls(Box::new(StreamOwned::new(session, socket))))
    }

    /// Lets what follows take until `timeout` from now.
    pub(super) fn within(&mut self, timeout: Duration) {
        let now = Instant::now();
        self.socket().until = now.checked_add(timeout).unwrap_or(now);
    }

    /// Says that nothing more will be written.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if let Self::Tls(tls) = self {
            tls.conn.send_close_notify();
            tls.flush()?;
        }
        self.socket().stream.shutdown(Shutdown::Write)
    }

    /// Reads and forgets what still arrives.
    ///
    /// Closing a socket with unread bytes resets the connection, and the peer may lose the last response to that.
    pub(super) fn drain(&mut self, mut limit: usize) {
        let mut scratch = [0; 16 * 1024];
        while limit > 0 {
            match self.read(&mut scratch) {
                Ok(0) | Err(_) => return,
                Ok(count) => limit = limit.saturating_sub(count),
            }
        }
    }

    fn socket(&mut self) -> &mut Socket {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(tls) => &mut tls.sock,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}

impl Socket {
    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        (&*self.stream).read(buffer)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        (&*self.stream).write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        (&*self.stream).write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether `error` says that a deadline has passed; platforms differ in the word for it.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}
