//! A connection under TLS, whichever library does it.

use std::fmt;
use std::io::{Read, Write};

use ureq::Error;
use ureq::unversioned::transport::{Buffers, NextTimeout, Transport};

use super::super::buffers::GatheringBuffers;

/// The stream of a TLS library over a connection of ours.
pub(super) trait TlsStream: Read + Write + Send + Sync + 'static {
    /// The connection under the TLS.
    fn socket(&mut self) -> &mut dyn Transport;

    /// Whether bytes were decrypted that nobody asked for.
    fn has_unread(&mut self) -> bool;
}

/// What ureq sees of a connection under TLS.
pub(super) struct SecureSocket<S> {
    stream: S,
    buffers: GatheringBuffers,
}

impl<S> SecureSocket<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, buffers: GatheringBuffers::default() }
    }
}

impl<S: TlsStream> SecureSocket<S> {
    /// Encrypts what was gathered; the socket sends it when an answer is awaited.
    fn encrypt(&mut self) -> Result<(), Error> {
        if !self.buffers.pending().is_empty() {
            self.stream.write_all(self.buffers.pending())?;
            self.stream.flush()?;
            self.buffers.sent();
        }
        Ok(())
    }
}

impl<S: TlsStream> Transport for SecureSocket<S> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
        if self.buffers.gather(amount) { self.encrypt() } else { Ok(()) }
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        self.encrypt()?;
        let count = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(count);
        Ok(count > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.socket().is_open() && !self.stream.has_unread()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl<S> fmt::Debug for SecureSocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecureSocket")
    }
}
