//! Trust and identity.

use std::net::TcpStream;
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
    Server::start_over(wrap, |received, _| (ok(&received.body), Then::Keep))
}

fn over_tls(server: &Server, host: &str) -> Request {
    request("POST", &format!("https://{host}:{}/", server.port), b"secret")
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused_with_advice() {
    let server = serve(&self_signed(), None);
    let error = transport().send(&over_tls(&server, "localhost"), PATIENCE).unwrap_err();
    assert_eq!((error.kind(), error.may_have_arrived()), (TransportErrorKind::Tls, false));
    for advice in ["root_certificate", "danger_accept_invalid_certs", "localhost:"] {
        assert!(error.to_string().contains(advice), "{error}");
    }
    assert!(server.received().is_empty());
}

#[test]
fn a_trusted_root_opens_and_the_connection_is_kept() {
    let certified = self_signed();
    let server = serve(&certified, None);
    let transport =
        ConnectionOptions::new().root_certificate(root_pem(&certified)).build().unwrap();
    for host in ["localhost", "localhost", "127.0.0.1"] {
        let response = transport.send(&over_tls(&server, host), PATIENCE).unwrap();
        assert_eq!(response.body(), b"secret");
    }
    assert_eq!(server.accepted(), 2);
}

#[test]
fn large_bodies_go_both_ways_under_tls() {
    let server = serve(&self_signed(), None);
    let transport = ConnectionOptions::new().danger_accept_invalid_certs(true).build().unwrap();
    for size in [1, 16 * 1024, 200_000, 2_000_000] {
        let body: Vec<u8> = (0..size).map(|it| (it % 251) as u8).collect();
        let mut request = over_tls(&server, "localhost");
        *request.body_mut() = body.clone();
        assert!(*transport.send(&request, PATIENCE).unwrap().body() == body, "{size}");
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let certified = generate_simple_self_signed(["elsewhere.test".to_owned()]).unwrap();
    let server = serve(&certified, None);
    let transport =
        ConnectionOptions::new().root_certificate(root_pem(&certified)).build().unwrap();
    let error = transport.send(&over_tls(&server, "localhost"), PATIENCE).unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::Tls);
}

#[test]
fn any_certificate_will_do_where_danger_is_accepted() {
    let certified = generate_simple_self_signed(["elsewhere.test".to_owned()]).unwrap();
    let server = serve(&certified, None);
    let transport = ConnectionOptions::new().danger_accept_invalid_certs(true).build().unwrap();
    assert!(transport.send(&over_tls(&server, "localhost"), PATIENCE).is_ok());
}

#[test]
fn a_client_certificate_is_shown_and_missed_where_it_is_wanted() {
    let authority = authority();
    let server = serve(&self_signed(), Some(&authority.0));
    let options = ConnectionOptions::new().danger_accept_invalid_certs(true);

    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["client".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority.1).unwrap();
    let chain = pem("CERTIFICATE", certificate.der());
    let key = pem("PRIVATE KEY", &key.serialize_der());
    let known = options.clone().client_certificate(chain, key).build().unwrap();
    known.send(&over_tls(&server, "localhost"), PATIENCE).unwrap();

    let error = options.build().unwrap().send(&over_tls(&server, "localhost"), PATIENCE);
    assert_eq!(error.unwrap_err().kind(), TransportErrorKind::Tls);
    assert_eq!(server.received().len(), 1);
}

#[test]
fn a_server_that_speaks_no_tls_is_told_from_one_that_is_not_trusted() {
    let server = Server::start(|_, _| (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), Then::Close));
    let error = transport().send(&over_tls(&server, "localhost"), Duration::from_secs(2));
    let error = error.unwrap_err();
    assert!(!error.may_have_arrived());
    assert!(!error.to_string().contains("root_certificate"), "{error}");
}

#[test]
fn a_handshake_that_stalls_ends_with_the_connect_timeout() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let options = ConnectionOptions::new().connect_timeout(Duration::from_millis(200));
    let uri = format!("https://{}/", silent.local_addr().unwrap());
    let error = options.build().unwrap().send(&get(&uri), PATIENCE).unwrap_err();
    assert_eq!((error.kind(), error.may_have_arrived()), (TransportErrorKind::Timeout, false));
}

#[test]
fn texts_that_are_no_certificates_are_refused_at_once() {
    let certificate = root_pem(&self_signed());
    let options = ConnectionOptions::new();
    for options in [
        options.clone().root_certificate("not PEM"),
        options
            .clone()
            .root_certificate("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"),
        options.clone().client_certificate("", ""),
        options.clone().client_certificate(certificate, "no key"),
    ] {
        assert_eq!(options.build().unwrap_err().kind(), crate::ErrorKind::InvalidInput);
    }
}
