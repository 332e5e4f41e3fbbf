//! TLS over a connection: by rustls or by the platform, whichever is built in and asked for.
//!
//! ureq has layers of its own for this. They cannot trust further roots besides the bundled ones, and they send head
//! and body in two records.

#[cfg(feature = "native-tls")]
mod native_layer;
#[cfg(feature = "rustls")]
mod rustls_layer;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod stream;

use std::fmt;

use ureq::Error;
use ureq::unversioned::transport::{ConnectionDetails, Transport};

use super::options::{ConnectionOptions, TlsChoice};
use crate::Result;

/// Puts TLS over a connection.
trait Layer: fmt::Debug + Send + Sync {
    /// Shakes hands over `transport`, for the host of `details`.
    fn secure(
        &self,
        details: &ConnectionDetails,
        transport: Box<dyn Transport>,
    ) -> std::result::Result<Box<dyn Transport>, Error>;
}

/// The TLS of one transport, or none where none is built in.
#[derive(Debug)]
pub(super) struct Tls(Option<Box<dyn Layer>>);

impl Tls {
    /// Reads certificates and keys.
    pub(super) fn new(options: &ConnectionOptions) -> Result<Self> {
        Ok(Self(layer(options)?))
    }

    /// Puts TLS over `transport`, unless it has it already.
    pub(super) fn secure(
        &self,
        details: &ConnectionDetails,
        transport: Box<dyn Transport>,
    ) -> std::result::Result<Box<dyn Transport>, Error> {
        match &self.0 {
            Some(layer) => layer.secure(details, transport),
            None => Err(Error::TlsRequired),
        }
    }
}

/// The one place that chooses between what is built in.
#[allow(unreachable_code, reason = "which line is the last depends on the features")]
fn layer(options: &ConnectionOptions) -> Result<Option<Box<dyn Layer>>> {
    #[cfg(feature = "native-tls")]
    if options.tls == TlsChoice::Native || cfg!(not(feature = "rustls")) {
        return Ok(Some(Box::new(native_layer::NativeLayer::new(options)?)));
    }
    #[cfg(feature = "rustls")]
    return Ok(Some(Box::new(rustls_layer::RustlsLayer::new(options)?)));
    let _ = (options, TlsChoice::Default);
    Ok(None)
}
