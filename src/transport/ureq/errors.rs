//! What went wrong, in the words of [`TransportError`].

use std::io::ErrorKind;

use ureq::Error;
use ureq::http::Uri;

use super::exchange::{Exchange, Phase};
use crate::transport::{TransportError, TransportErrorKind as Kind};

/// The error of an exchange with the host of `uri` that came as far as `exchange` says.
pub(super) fn explain(error: Error, exchange: Exchange, uri: &Uri) -> TransportError {
    let host = host_of(uri);
    let (kind, message) = match exchange.phase {
        Phase::Talk => talking(&error, exchange, &host),
        // A TLS library may hide the timeout in an error of its own.
        _ if is_timeout(&error) || exchange.is_over() => {
            (Kind::Timeout, format!("no connection to {host} in time"))
        }
        Phase::Resolve => resolving(&error, &host),
        Phase::Connect => connecting(&error, &host),
        Phase::Secure => securing(&error, &host),
    };
    let explained = if exchange.sent {
        TransportError::maybe_sent(kind, message)
    } else {
        TransportError::not_sent(kind, message)
    };
    match error {
        // The phase says it better.
        Error::Timeout(_) => explained,
        Error::Io(cause) => explained.with_source(cause),
        other => explained.with_source(other),
    }
}

/// Host and port as the request names them, without a password that may stand before.
fn host_of(uri: &Uri) -> String {
    match (uri.host(), uri.port_u16()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) if uri.scheme_str() == Some("https") => format!("{host}:443"),
        (Some(host), None) => format!("{host}:80"),
        (None, _) => "a URI without a host".into(),
    }
}

fn is_timeout(error: &Error) -> bool {
    match error {
        Error::Timeout(_) => true,
        Error::Io(error) => error.kind() == ErrorKind::TimedOut,
        _ => false,
    }
}

fn resolving(error: &Error, host: &str) -> (Kind, String) {
    match error {
        Error::BadUri(_) => {
            (Kind::Request, format!("{host} is not to be reached by http or https"))
        }
        _ => (Kind::Resolve, format!("the name of {host} could not be resolved")),
    }
}

fn connecting(error: &Error, host: &str) -> (Kind, String) {
    let message = match error {
        Error::ConnectProxyFailed(_) | Error::InvalidProxyUrl | Error::Protocol(_) => {
            format!("the proxy made no connection to {host}")
        }
        Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
            format!("{host} refused the connection")
        }
        _ => format!("no connection to {host} could be made"),
    };
    (Kind::Connect, message)
}

fn securing(error: &Error, host: &str) -> (Kind, String) {
    let message = match error {
        Error::TlsRequired => {
            format!("{host} wants TLS, but neither feature `rustls` nor `native-tls` is built in")
        }
        _ if mentions(error, "valid for name") => format!(
            "the certificate of {host} is for another name; \
             for an emulator set `danger_accept_invalid_certs(true)`"
        ),
        _ if mentions(error, "certificate") => format!(
            "the certificate of {host} is not trusted: add its root with `root_certificate(...)`, \
             or for an emulator set `danger_accept_invalid_certs(true)`"
        ),
        Error::Io(error) if is_broken(error.kind()) => {
            return (Kind::Connect, format!("{host} closed the connection in the TLS handshake"));
        }
        _ => format!("the TLS handshake with {host} failed"),
    };
    (Kind::Tls, message)
}

fn talking(error: &Error, exchange: Exchange, host: &str) -> (Kind, String) {
    match error {
        _ if is_timeout(error) => (Kind::Timeout, format!("no full answer from {host} in time")),
        Error::LargeResponseHeader(..) | Error::BodyExceedsLimit(_) => {
            (Kind::Broken, format!("the answer of {host} is too large"))
        }
        _ if mentions(error, "alert") => {
            (Kind::Tls, format!("{host} broke off TLS: does it want a client certificate?"))
        }
        Error::Io(_) if exchange.answered => {
            (Kind::Broken, format!("the connection to {host} broke within the answer"))
        }
        Error::Io(_) => (Kind::Broken, format!("{host} closed the connection without an answer")),
        _ if exchange.sent => (Kind::Broken, format!("the answer of {host} is not HTTP")),
        _ => (Kind::Request, format!("the request to {host} cannot be sent over HTTP")),
    }
}

fn is_broken(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::NotConnected
    )
}

/// Whether the error, or a cause of it, has `words`: which type it has depends on the TLS library.
fn mentions(error: &Error, words: &str) -> bool {
    let Error::Io(error) = error else { return false };
    let mut cause = error.get_ref().map(|it| it as &dyn std::error::Error);
    while let Some(current) = cause {
        if current.to_string().to_ascii_lowercase().contains(words) {
            return true;
        }
        cause = current.source();
    }
    false
}
