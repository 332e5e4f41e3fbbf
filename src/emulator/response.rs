//! Answers of the gateway and of the replicas behind it, with their sets of headers.

use std::fmt;

use http::{HeaderName, HeaderValue, Method};

use super::refusal::Refusal;
use super::request::Request;
use super::{Inner, charge, date};
use crate::transport::Response;
use crate::wire::header;

/// The version that the emulator states; the recorded one.
const SERVICE_VERSION: &str = "version=2.14.0.0";
const GATEWAY_VERSION: &str = "version=2.14.0";
/// How much a container may hold.
pub(crate) const ITEM_QUOTA: &str =
    "documentSize=10240;documentsSize=10485760;documentsCount=-1;collectionSize=10485760;";

/// Who made an answer: the sets of headers differ.
#[derive(Clone, Debug, Default)]
pub(crate) enum Origin {
    /// The gateway alone.
    #[default]
    Gateway,
    /// The gateway, without even an activity id: query plans and the account.
    BareGateway,
    /// The replica of a partition.
    Replica(Replica),
}

/// The state of a partition at the time of the answer.
#[derive(Clone, Debug)]
pub(crate) struct Replica {
    pub(crate) session_token: String,
    pub(crate) lsn: u64,
    /// The partition key range id, in answers about data.
    pub(crate) range_id: Option<String>,
}

/// The resource above the one that the answer is about.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    /// By names: `dbs/shop/colls/orders`.
    pub(crate) path: String,
    pub(crate) rid: String,
    /// How full it is, where the service says so with every answer.
    pub(crate) fill: Option<Fill>,
}

/// How many items a container has, and their size in kilobytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fill {
    pub(crate) items: usize,
    pub(crate) kilobytes: usize,
}

impl fmt::Display for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { items, kilobytes } = self;
        write!(
            f,
            "documentSize=0;documentsSize={kilobytes};documentsCount={items};collectionSize={kilobytes};"
        )
    }
}

/// A successful answer.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) origin: Origin,
    pub(crate) owner: Option<Owner>,
    pub(crate) charge: Option<f64>,
    pub(crate) headers: Vec<(HeaderName, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// An answer of a replica.
    pub(crate) fn new(status: u16, replica: Replica, charge: f64) -> Self {
        Self { status, origin: Origin::Replica(replica), charge: Some(charge), ..Self::default() }
    }

    pub(crate) fn owner(mut self, owner: Owner) -> Self {
        self.owner = Some(owner);
        self
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers make the value on the spot")]
    pub(crate) fn header(mut self, name: HeaderName, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    pub(crate) fn etag(self, etag: &str) -> Self {
        self.header(http::header::ETAG, etag)
    }

    /// How much of the resource there may be, and is: `collections=5000;` and `collections=5;`.
    pub(crate) fn quota(self, quota: impl ToString, usage: impl ToString) -> Self {
        self.header(header::RESOURCE_QUOTA, quota).header(header::RESOURCE_USAGE, usage)
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

/// Puts the headers on that belong to every answer of its kind.
pub(crate) fn finish(
    emulator: &Inner,
    request: &Request<'_>,
    outcome: Result<Answer, Refusal>,
) -> Response {
    let activity_id = activity_id(request);
    let answer = match outcome {
        Ok(answer) => answer,
        Err(refusal) => refusal.into_answer(&activity_id, emulator.now()),
    };
    let mut headers = Headers(http::HeaderMap::new());
    let is_success = answer.status < 400;
    if answer.status != 204 || answer.body.is_empty() {
        headers.set(http::header::CONTENT_TYPE, "application/json");
    }
    headers.set(http::header::CONTENT_LENGTH, answer.body.len());
    headers.set(http::header::DATE, date::format(emulator.now()));
    headers.set(http::header::SERVER, "Microsoft-HTTPAPI/2.0");
    headers.set(http::header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    headers.set(header::GATEWAY_VERSION, GATEWAY_VERSION);
    if !matches!(answer.origin, Origin::BareGateway) {
        headers.set(header::ACTIVITY_ID, &activity_id);
    }
    if *request.method != Method::POST {
        headers.set(http::header::CONTENT_LOCATION, &request.url);
    }
    if is_success {
        headers.set(http::header::CACHE_CONTROL, "no-store, no-cache");
        headers.set(http::header::PRAGMA, "no-cache");
    }
    if let Origin::Replica(replica) = &answer.origin {
        replica_headers(&mut headers, replica, (emulator, request));
    }
    if let Some(charge) = answer.charge {
        headers.set(header::REQUEST_CHARGE, charge::format(charge));
    }
    if let Some(owner) = answer.owner.filter(|_| is_success) {
        headers.set(header::ALT_CONTENT_PATH, owner.path);
        headers.set(header::CONTENT_PATH, owner.rid);
        if let Some(fill) = owner.fill {
            headers.set(header::RESOURCE_QUOTA, ITEM_QUOTA);
            headers.set(header::RESOURCE_USAGE, fill);
        }
    }
    for (name, value) in answer.headers {
        headers.set(name, value);
    }
    let mut response = Response::new(answer.body);
    *response.status_mut() = http::StatusCode::from_u16(answer.status)
        .unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers.0;
    response
}

fn replica_headers(
    headers: &mut Headers,
    replica: &Replica,
    (emulator, request): (&Inner, &Request<'_>),
) {
    headers.set(header::SESSION_TOKEN, &replica.session_token);
    headers.set(header::LSN, replica.lsn);
    headers.set(header::LLSN, replica.lsn);
    headers.set(header::GLOBAL_COMMITTED_LSN, replica.lsn);
    headers.set(header::SCHEMA_VERSION, "1.21");
    headers.set(header::SERVICE_VERSION, SERVICE_VERSION);
    headers.set(header::TRANSPORT_REQUEST_ID, 1);
    headers.set(header::REQUEST_DURATION_MS, "0.5");
    headers.set(header::LAST_STATE_CHANGE_UTC, date::format(emulator.started));
    headers.set(header::NUMBER_OF_READ_REGIONS, request.topology.read_regions());
    headers.set(header::XP_ROLE, 1);
    if let Some(id) = &replica.range_id {
        headers.set(header::PARTITION_KEY_RANGE_ID, id);
        headers.set(header::PHYSICAL_PARTITION_ID, id);
    }
    headers.set(header::INTERNAL_PARTITION_ID, &emulator.partition_id);
}

/// The caller's id where it is one, else a new one.
fn activity_id(request: &Request<'_>) -> String {
    match request.header(&header::ACTIVITY_ID) {
        Some(id) if is_guid(id) => id.to_owned(),
        _ => new_guid(),
    }
}

fn is_guid(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|it| it == b'-' || it.is_ascii_hexdigit())
}

/// A random GUID. Should the system have no randomness, it is made of zeros, since it only helps to find log lines.
pub(crate) fn new_guid() -> String {
    use ring::rand::SecureRandom;
    let mut bytes = [0_u8; 16];
    let _ = ring::rand::SystemRandom::new().fill(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// A header map that leaves out what cannot be a header value, such as a name outside of ASCII.
struct Headers(http::HeaderMap);

impl Headers {
    #[expect(clippy::needless_pass_by_value, reason = "callers make the value on the spot")]
    fn set(&mut self, name: HeaderName, value: impl ToString) {
        let text = value.to_string();
        if let Ok(value) = HeaderValue::from_str(&text) {
            self.0.insert(name, value);
        } else if let Ok(value) = HeaderValue::from_str(&percent_encode(&text)) {
            self.0.insert(name, value);
        }
    }
}

/// Escapes what is not visible ASCII.
fn percent_encode(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' => out.push(char::from(byte)),
            _ => {
                let written = write!(out, "%{byte:02X}");
                debug_assert!(written.is_ok(), "writing to a string cannot fail");
            }
        }
    }
    out
}
