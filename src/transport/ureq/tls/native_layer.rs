//! TLS by the platform, with its trust store.

use native_tls::{Certificate, HandshakeError, Identity, TlsConnector};
use ureq::unversioned::transport::{ConnectionDetails, Transport, TransportAdapter};

use super::Layer;
use super::stream::{SecureSocket, TlsStream};
use crate::transport::ureq::options::ConnectionOptions;
use crate::{Error, Result};

/// One connector for all connections of a transport.
#[derive(Debug)]
pub(super) struct NativeLayer(TlsConnector);

impl NativeLayer {
    pub(super) fn new(options: &ConnectionOptions) -> Result<Self> {
        let mut builder = TlsConnector::builder();
        builder.danger_accept_invalid_certs(options.accept_invalid_certs);
        builder.danger_accept_invalid_hostnames(options.accept_invalid_certs);
        for text in &options.root_certificates {
            let certificates = Certificate::stack_from_pem(text)
                .map_err(|error| invalid("a certificate is not PEM", &error))?;
            if certificates.is_empty() {
                return Err(Error::invalid_input("there is no certificate in the PEM text"));
            }
            for certificate in certificates {
                builder.add_root_certificate(certificate);
            }
        }
        if let Some(certificate) = &options.client_certificate {
            let identity = Identity::from_pkcs8(&certificate.chain, &certificate.key)
                .map_err(|error| invalid("the client certificate cannot be used", &error))?;
            builder.identity(identity);
        }
        let connector = builder.build().map_err(|error| invalid("TLS cannot be set up", &error))?;
        Ok(Self(connector))
    }
}

impl Layer for NativeLayer {
    fn secure(
        &self,
        details: &ConnectionDetails,
        transport: Box<dyn Transport>,
    ) -> std::result::Result<Box<dyn Transport>, ureq::Error> {
        let host = details.uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let socket = TransportAdapter::new(transport, details.current_time.clone());
        match self.0.connect(host, socket) {
            Ok(stream) => Ok(Box::new(SecureSocket::new(stream))),
            Err(HandshakeError::Failure(error)) => Err(std::io::Error::other(error).into()),
            Err(HandshakeError::WouldBlock(_)) => Err(ureq::Error::Timeout(ureq::Timeout::Connect)),
        }
    }
}

impl TlsStream for native_tls::TlsStream<TransportAdapter> {
    fn socket(&mut self) -> &mut dyn Transport {
        self.get_mut().get_mut()
    }

    fn has_unread(&mut self) -> bool {
        self.buffered_read_size().map_or(true, |size| size > 0)
    }
}

fn invalid(what: &str, error: &native_tls::Error) -> Error {
    Error::invalid_input(format!("{what}: {error}"))
}
