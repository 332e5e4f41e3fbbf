//! `/_emulator/…`: the health of the process, and the controls by which tests change the account's world.

use std::net::SocketAddr;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::response;
use crate::transport::{Request, Response};

const PREFIX: &str = "/_emulator/";

/// What can be done to the emulator from outside, beside the service's own operations.
pub(crate) trait Controls: Send + Sync {
    /// Carries out `POST /_emulator/{name}` and returns the answer's body, or says what is wrong with the request.
    fn control(&self, name: &str, body: &Value) -> Result<Value, String>;
}

/// Answers what lies under `/_emulator/`; `None` is for the account to answer.
pub(super) fn answer(
    request: &Request,
    peer: SocketAddr,
    controls: Option<&dyn Controls>,
) -> Option<Response> {
    let name = request.uri().path().strip_prefix(PREFIX)?;
    Some(match (name.trim_end_matches('/'), request.method()) {
        ("health", &Method::GET | &Method::HEAD) => health(),
        (name, &Method::POST) if name != "health" => control(name, request.body(), peer, controls),
        _ => {
            response::error(StatusCode::METHOD_NOT_ALLOWED, "health is GET, the controls are POST")
        }
    })
}

fn health() -> Response {
    let body = json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") });
    response::json(StatusCode::OK, &body)
}

fn control(name: &str, body: &[u8], peer: SocketAddr, controls: Option<&dyn Controls>) -> Response {
    if !peer.ip().to_canonical().is_loopback() {
        return response::error(StatusCode::FORBIDDEN, "the controls answer only to this machine");
    }
    let Some(controls) = controls else {
        return response::error(StatusCode::BAD_REQUEST, "this server has no controls");
    };
    let body = if body.is_empty() { Ok(json!({})) } else { serde_json::from_slice(body) };
    let answer = body
        .map_err(|it| format!("the body is not JSON: {it}"))
        .and_then(|it| controls.control(name, &it));
    match answer {
        Ok(body) => response::json(StatusCode::OK, &body),
        Err(message) => response::error(StatusCode::BAD_REQUEST, &message),
    }
}
