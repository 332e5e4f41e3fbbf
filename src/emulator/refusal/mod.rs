//! Refusals: status, sub-status, and how the service writes them down.

#[cfg(feature = "scripts")]
mod script;
mod texts;

use std::time::SystemTime;

use http::HeaderName;

use super::response::{Answer, Origin, Replica, new_guid};
use super::sql::value::write_json_string;
use crate::wire::header;

/// What follows the message, depending on who refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Activity id and version.
    Gateway,
    /// Activity id and the address of the replica.
    Replica,
    /// The record of the attempt: refusals about one item.
    Diagnostics,
    /// Nothing.
    None,
}

/// A request that is not carried out. It is one pointer wide, since most calls can end in it.
#[derive(Clone, Debug)]
pub(crate) struct Refusal(Box<Content>);

#[derive(Clone, Debug)]
struct Content {
    status: u16,
    sub_status: u32,
    message: Option<String>,
    tail: Tail,
    charge: Option<f64>,
    origin: Origin,
    /// The query plan, where the client has to carry the query out itself.
    additional: Option<String>,
    headers: Vec<(HeaderName, String)>,
}

impl Refusal {
    fn new(status: u16, tail: Tail, message: impl Into<String>) -> Self {
        Self(Box::new(Content {
            status,
            sub_status: 0,
            message: Some(message.into()),
            tail,
            charge: None,
            origin: Origin::Gateway,
            additional: None,
            headers: Vec::new(),
        }))
    }

    pub(crate) fn status(&self) -> u16 {
        self.0.status
    }

    pub(crate) fn sub_status(&self) -> u32 {
        self.0.sub_status
    }

    /// What the replica charged for looking.
    pub(crate) fn charge(&self) -> Option<f64> {
        self.0.charge
    }

    /// A refusal by the gateway.
    pub(crate) fn gateway(status: u16, text: impl Into<String>) -> Self {
        Self::new(status, Tail::Gateway, text)
    }

    /// A refusal by the gateway whose text stands in a list of errors.
    pub(crate) fn gateway_wrapped(status: u16, text: &str) -> Self {
        Self::new(status, Tail::Gateway, wrapped(text))
    }

    /// A refusal by a replica.
    pub(crate) fn replica(status: u16, charge: f64, text: &str) -> Self {
        Self::new(status, Tail::Replica, wrapped(text)).with_charge(charge)
    }

    /// A refusal by a replica that is about one item.
    pub(crate) fn item(status: u16, charge: f64, text: &str) -> Self {
        Self::new(status, Tail::Diagnostics, text).with_charge(charge)
    }

    pub(crate) fn with_sub_status(mut self, sub_status: u32) -> Self {
        self.0.sub_status = sub_status;
        self
    }

    /// States which partition refused.
    pub(crate) fn at(mut self, replica: Replica) -> Self {
        if matches!(self.0.origin, Origin::Gateway) && self.0.tail != Tail::Gateway {
            self.0.origin = Origin::Replica(replica);
        }
        self
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers make the value on the spot")]
    pub(crate) fn with_header(mut self, name: HeaderName, value: impl ToString) -> Self {
        self.0.headers.push((name, value.to_string()));
        self
    }

    pub(crate) fn with_charge(mut self, charge: f64) -> Self {
        self.0.charge = Some(charge);
        self
    }

    pub(crate) fn without_charge(mut self) -> Self {
        self.0.charge = None;
        self
    }

    /// The answer that says so.
    pub(crate) fn into_answer(self, activity_id: &str, now: SystemTime) -> Answer {
        let mut body = String::from("{\"code\":");
        write_json_string(code(self.0.status), &mut body);
        if let Some(message) = &self.0.message {
            body.push_str(",\"message\":");
            write_json_string(&format!("{message}{}", self.tail(activity_id, now)), &mut body);
        }
        if let Some(additional) = &self.0.additional {
            body.push_str(",\"additionalErrorInfo\":");
            write_json_string(additional, &mut body);
        }
        body.push('}');
        let mut headers = self.0.headers;
        if self.0.sub_status != 0 {
            headers.push((header::SUB_STATUS, self.0.sub_status.to_string()));
        }
        Answer {
            status: self.0.status,
            origin: self.0.origin,
            owner: None,
            charge: self.0.charge,
            headers,
            body: body.into_bytes(),
        }
    }

    fn tail(&self, activity_id: &str, now: SystemTime) -> String {
        const VERSION: &str = "Microsoft.Azure.Documents.Common/2.14.0";
        match self.0.tail {
            Tail::None => String::new(),
            Tail::Gateway => format!("\r\nActivityId: {activity_id}, {VERSION}"),
            Tail::Replica => format!(
                "\r\nActivityId: {activity_id}, Request URI: /apps/{}/services/{}/partitions/{}/replicas/1p/, RequestStats: , SDK: {VERSION}",
                new_guid(),
                new_guid(),
                new_guid()
            ),
            Tail::Diagnostics => {
                let time = iso(now);
                let token = match &self.0.origin {
                    Origin::Replica(replica) => &replica.session_token,
                    Origin::Gateway | Origin::BareGateway => "",
                };
                format!(
                    ", \r\nRequestStartTime: {time}, RequestEndTime: {time},  Number of regions attempted:1\r\n{{\"systemHistory\":[]}}\r\nRequestStart: {time}; ResponseTime: {time}; StoreResult: StatusCode: {}, SubStatusCode: {}, RequestCharge: {}, ItemLSN: -1, SessionToken: {token};\r\n ResourceType: Document\r\n, {VERSION}",
                    self.0.status,
                    self.0.sub_status,
                    self.0.charge.unwrap_or(0.0)
                )
            }
        }
    }
}

fn iso(now: SystemTime) -> String {
    time::OffsetDateTime::from(now)
        .format(&time::format_description::well_known::Rfc3339)
        .unwrap_or_default()
}

/// `Message: {"Errors":["…"]}`
fn wrapped(text: &str) -> String {
    let mut out = String::from("Message: {\"Errors\":[");
    write_json_string(text, &mut out);
    out.push_str("]}");
    out
}

/// The service's word for a status.
fn code(status: u16) -> &'static str {
    match status {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        408 => "RequestTimeout",
        409 => "Conflict",
        410 => "Gone",
        412 => "PreconditionFailed",
        413 => "RequestEntityTooLarge",
        423 => "Locked",
        429 => "TooManyRequests",
        449 => "RetryWith",
        503 => "ServiceUnavailable",
        _ => "InternalServerError",
    }
}
