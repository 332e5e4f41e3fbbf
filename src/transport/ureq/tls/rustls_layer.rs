//! TLS by rustls, with the bundled roots or the platform's.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, ConfigBuilder, DigitallySignedStruct, RootCertStore,
    SignatureScheme, StreamOwned, WantsVerifier, client::WantsClientCert,
};
use ureq::unversioned::transport::{ConnectionDetails, Transport, TransportAdapter};

use super::Layer;
use super::stream::{SecureSocket, TlsStream};
use crate::transport::ureq::options::{ClientCertificate, ConnectionOptions, TlsChoice};
use crate::{Error, Result};

/// One configuration, and so one memory of sessions to resume, for all connections of a transport.
#[derive(Debug)]
pub(super) struct RustlsLayer(Arc<ClientConfig>);

impl RustlsLayer {
    pub(super) fn new(options: &ConnectionOptions) -> Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| invalid("TLS cannot be set up", error))?;
        let builder = trust(builder, options, provider)?;
        let config = match &options.client_certificate {
            Some(certificate) => identify(builder, certificate)?,
            None => builder.with_no_client_auth(),
        };
        Ok(Self(Arc::new(config)))
    }
}

impl Layer for RustlsLayer {
    fn secure(
        &self,
        details: &ConnectionDetails,
        transport: Box<dyn Transport>,
    ) -> std::result::Result<Box<dyn Transport>, ureq::Error> {
        let host = details.uri.host().unwrap_or_default();
        let name = ServerName::try_from(host.trim_start_matches('[').trim_end_matches(']'))
            .map_err(|_| ureq::Error::Tls("the host name cannot stand in a certificate"))?
            .to_owned();
        let mut connection =
            ClientConnection::new(self.0.clone(), name).map_err(std::io::Error::other)?;
        let mut socket = TransportAdapter::new(transport, details.current_time.clone());
        while connection.is_handshaking() {
            connection.complete_io(&mut socket)?;
        }
        Ok(Box::new(SecureSocket::new(StreamOwned::new(connection, socket))))
    }
}

impl TlsStream for StreamOwned<ClientConnection, TransportAdapter> {
    fn socket(&mut self) -> &mut dyn Transport {
        self.sock.get_mut()
    }

    fn has_unread(&mut self) -> bool {
        self.conn.process_new_packets().map_or(true, |state| state.plaintext_bytes_to_read() > 0)
    }
}

fn trust(
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    options: &ConnectionOptions,
    provider: Arc<CryptoProvider>,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>> {
    let extra = certificates(&options.root_certificates)?;
    if options.accept_invalid_certs {
        let verifier = Arc::new(AcceptAnything(provider));
        return Ok(builder.dangerous().with_custom_certificate_verifier(verifier));
    }
    if options.tls == TlsChoice::PlatformVerifier {
        let verifier = platform_verifier(extra, provider)?;
        return Ok(builder.dangerous().with_custom_certificate_verifier(verifier));
    }
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for certificate in extra {
        roots
            .add(certificate)
            .map_err(|error| invalid("a root certificate cannot be used", error))?;
    }
    Ok(builder.with_root_certificates(roots))
}

#[cfg(feature = "platform-verifier")]
fn platform_verifier(
    extra: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>> {
    rustls_platform_verifier::Verifier::new_with_extra_roots(extra, provider)
        .map(|verifier| Arc::new(verifier) as _)
        .map_err(|error| invalid("the platform's trust store cannot be used", error))
}

#[cfg(not(feature = "platform-verifier"))]
fn platform_verifier(
    _: Vec<CertificateDer<'static>>,
    _: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>> {
    Err(Error::invalid_input("the feature `platform-verifier` is not built in"))
}

fn identify(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    certificate: &ClientCertificate,
) -> Result<ClientConfig> {
    let chain = certificates(std::slice::from_ref(&certificate.chain))?;
    let key = PrivateKeyDer::from_pem_slice(&certificate.key)
        .map_err(|error| invalid("the client certificate's key is not PEM", error))?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|error| invalid("the client certificate cannot be used", error))
}

/// The certificates in PEM texts, each of which holds at least one.
fn certificates(texts: &[Vec<u8>]) -> Result<Vec<CertificateDer<'static>>> {
    let mut certificates = Vec::new();
    for text in texts {
        let before = certificates.len();
        for certificate in CertificateDer::pem_slice_iter(text) {
            certificates
                .push(certificate.map_err(|error| invalid("a certificate is not PEM", error))?);
        }
        if certificates.len() == before {
            return Err(Error::invalid_input("there is no certificate in the PEM text"));
        }
    }
    Ok(certificates)
}

fn invalid(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::invalid_input(format!("{what}: {error}"))
}

/// Accepts any certificate, and so looks at nothing that comes with it: an emulator's may be odd in any way.
#[derive(Debug)]
struct AcceptAnything(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAnything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
