//! Trust and identity.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedKey, IsCa, Issuer, KeyPair,
    generate_simple_self_signed,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::server::{Server, Then, ok};
use super::*;

/// Options for each TLS that is built in.
fn backends() -> Vec<ConnectionOptions> {
    vec![
        ConnectionOptions::new(),
        #[cfg(feature = "native-tls")]
        ConnectionOptions::new().native_tls(),
    ]
}

fn self_signed() -> CertifiedKey<KeyPair> {
    generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap()
}

fn pem(label: &str, der: &[u8]) -> String {
    let lines = BASE64_STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
}

fn root_pem(certified: &CertifiedKey<KeyPair>) -> String {
    pem("CERTIFICATE", certified.cert.der())
}

/// A certificate that may sign others, and what it signs with.
fn authority() -> (Certificate, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["authority".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap();
    (certificate, Issuer::new(params, key))
}

/// A server that shows `certified`, and wants to see a certificate that `client` signed if there is one.
fn serve(certified: &CertifiedKey<KeyPair>, client: Option<&Certificate>) -> Server {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match client {
        None => builder.with_no_client_auth(),
        Some(client) => {
            let mut roots = RootCertStore::empty();
            roots.add(client.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
    let config =
        Arc::new(builder.with_single_cert(vec![certified.cert.der().clone()], key).unwrap());
    let wrap = move |stream: TcpStream| {
        StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream)
    };
    Server::start_over(wrap, |received, _| match &received.body[..] {
        b"silence" => (Vec::new(), Then::Hang),
        body => (ok(body), Then::Keep),
    })
}

fn over_tls(server: &Server, host: &str) -> Request {
    request("POST", &format!("https://{host}:{}/", server.port), b"secret")
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused_with_advice() {
    for options in backends() {
        let server = serve(&self_signed(), None);
        let transport = options.build().unwrap();
        let error = transport.send(&over_tls(&server, "localhost"), PATIENCE).unwrap_err();
        assert_eq!((error.kind(), error.may_have_arrived()), (TransportErrorKind::Tls, false));
        for advice in ["root_certificate", "danger_accept_invalid_certs", "localhost:"] {
            assert!(error.to_string().contains(advice), "{error}");
        }
        assert!(server.received().is_empty());
    }
}

#[test]
fn a_trusted_root_opens_and_the_connection_is_kept() {
    let certified = self_signed();
    for options in backends() {
        let server = serve(&certified, None);
        let transport = options.root_certificate(root_pem(&certified)).build().unwrap();
        for host in ["localhost", "localhost", "127.0.0.1"] {
            let response = transport.send(&over_tls(&server, host), PATIENCE).unwrap();
            assert_eq!(response.body(), b"secret");
        }
        assert_eq!(server.accepted(), 2);
    }
}

#[test]
fn large_bodies_go_both_ways_under_tls() {
    for options in backends() {
        let server = serve(&self_signed(), None);
        let transport = options.danger_accept_invalid_certs(true).build().unwrap();
        for size in [1, 16 * 1024, 200_000, 2_000_000] {
            let mut request = over_tls(&server, "localhost");
            *request.body_mut() = (0..size).map(|it| (it % 251) as u8).collect();
            let response = transport.send(&request, PATIENCE).unwrap();
            assert!(response.body() == request.body(), "{size}");
        }
        assert_eq!(server.accepted(), 1);
    }
}

#[test]
fn a_certificate_for_another_name_is_refused_unless_danger_is_accepted() {
    let certified = generate_simple_self_signed(["elsewhere.test".to_owned()]).unwrap();
    for options in backends() {
        let server = serve(&certified, None);
        let careful = options.clone().root_certificate(root_pem(&certified)).build().unwrap();
        let error = careful.send(&over_tls(&server, "localhost"), PATIENCE).unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::Tls);
        let careless = options.danger_accept_invalid_certs(true).build().unwrap();
        careless.send(&over_tls(&server, "localhost"), PATIENCE).unwrap();
    }
}

#[test]
fn a_client_certificate_is_shown_and_missed_where_it_is_wanted() {
    let (root, issuer) = authority();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["client".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let chain = pem("CERTIFICATE", certificate.der());
    let key = pem("PRIVATE KEY", &key.serialize_der());
    for options in backends() {
        let server = serve(&self_signed(), Some(&root));
        let options = options.danger_accept_invalid_certs(true);
        let known = options.clone().client_certificate(&*chain, &*key).build().unwrap();
        known.send(&over_tls(&server, "localhost"), PATIENCE).unwrap();
        let unknown = options.build().unwrap();
        let error = unknown.send(&over_tls(&server, "localhost"), PATIENCE).unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::Tls, "{error:?}");
        assert_eq!(server.received().len(), 1);
    }
}

#[test]
fn a_server_that_speaks_no_tls_is_told_from_one_that_is_not_trusted() {
    for options in backends() {
        let reply = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
        let server = Server::start_over(Chatty, move |_, _| (reply.clone(), Then::Close));
        let transport = options.build().unwrap();
        let error = transport.send(&over_tls(&server, "localhost"), PATIENCE).unwrap_err();
        assert_eq!((error.kind(), error.may_have_arrived()), (TransportErrorKind::Tls, false));
        assert!(!error.to_string().contains("root_certificate"), "{error}");
    }
}

/// A connection on which whatever comes is taken for a request.
struct Chatty(TcpStream);

impl Read for Chatty {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(&mut [0; 1024])?;
        let request = b"GET / HTTP/1.1\r\n\r\n";
        buffer[..request.len()].copy_from_slice(request);
        Ok(request.len())
    }
}

impl Write for Chatty {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_handshake_that_stalls_ends_with_the_connect_timeout() {
    for options in backends() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let transport = options.connect_timeout(Duration::from_millis(200)).build().unwrap();
        let uri = format!("https://{}/", silent.local_addr().unwrap());
        let error = transport.send(&get(&uri), PATIENCE).unwrap_err();
        assert_eq!((error.kind(), error.may_have_arrived()), (TransportErrorKind::Timeout, false));
    }
}

#[test]
fn silence_under_tls_is_given_up_in_time() {
    for options in backends() {
        let server = serve(&self_signed(), None);
        let transport = options.danger_accept_invalid_certs(true).build().unwrap();
        transport.send(&over_tls(&server, "localhost"), PATIENCE).unwrap();
        let mut request = over_tls(&server, "localhost");
        *request.body_mut() = b"silence".to_vec();
        let error = transport.send(&request, Duration::from_millis(300)).unwrap_err();
        assert_eq!((error.kind(), error.may_have_arrived()), (TransportErrorKind::Timeout, true));
    }
}

#[test]
fn texts_that_are_no_certificates_are_refused_at_once() {
    let certificate = root_pem(&self_signed());
    for options in backends() {
        for options in [
            options.clone().root_certificate("not PEM"),
            options.clone().client_certificate("", ""),
            options.client_certificate(&*certificate, "no key"),
        ] {
            assert_eq!(options.build().unwrap_err().kind(), crate::ErrorKind::InvalidInput);
        }
    }
}
