//! The certificate of an emulator that speaks HTTPS: made at start, for the names of this machine's loopback.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// The names that the certificate vouches for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// How long the certificate is good: some platforms take none that is valid for more than 825 days.
const VALIDITY: Duration = Duration::from_secs(800 * 86_400);

/// Clocks of containers and virtual machines may be a little behind.
const LEEWAY: Duration = Duration::from_secs(86_400);

/// What a server needs to speak HTTPS.
#[derive(Clone)]
pub(crate) struct Tls {
    config: Arc<ServerConfig>,
    certificate_pem: String,
}

impl Tls {
    /// Makes a key and a self-signed certificate for `localhost`, `127.0.0.1` and `::1`.
    ///
    /// Both live in memory only. A client has to trust [`Tls::certificate_pem`], or verify nothing.
    pub(crate) fn self_signed() -> io::Result<Self> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = parameters()?.self_signed(&key).map_err(io::Error::other)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Self::new(certificate.der(), key).map_err(io::Error::other)
    }

    /// The certificate, as clients want it to trust it.
    pub(crate) fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    pub(super) fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    fn new(
        certificate: &CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), certificate_pem: pem(certificate) })
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

fn parameters() -> io::Result<CertificateParams> {
    let names = NAMES.map(str::to_owned).to_vec();
    let mut parameters = CertificateParams::new(names).map_err(io::Error::other)?;
    let now = SystemTime::now();
    parameters.not_before = (now - LEEWAY).into();
    parameters.not_after = (now + VALIDITY).into();
    parameters.distinguished_name.push(DnType::CommonName, "localhost");
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    parameters.use_authority_key_identifier_extension = true;
    Ok(parameters)
}

fn pem(certificate: &CertificateDer<'_>) -> String {
    let text = STANDARD.encode(certificate);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for (index, letter) in text.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            pem.push('\n');
        }
        pem.push(letter);
    }
    pem + "\n-----END CERTIFICATE-----\n"
}
