//! Refusals: status, sub-status and the texts that the service writes.

use std::time::SystemTime;

use http::HeaderName;

use super::request::Request;
use super::response::{Answer, Origin, Replica, new_guid};
use super::sql::error::{Problem, SqlError};
use super::sql::value::write_json_string;
use crate::wire::{header, sub_status};

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

/// A request that is not carried out.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) sub_status: u32,
    message: Option<String>,
    tail: Tail,
    pub(crate) charge: Option<f64>,
    origin: Origin,
    /// The query plan, where the client has to carry the query out itself.
    additional: Option<String>,
    headers: Vec<(HeaderName, String)>,
}

impl Refusal {
    fn new(status: u16, tail: Tail, message: impl Into<String>) -> Self {
        Self {
            status,
            sub_status: 0,
            message: Some(message.into()),
            tail,
            charge: None,
            origin: Origin::Gateway,
            additional: None,
            headers: Vec::new(),
        }
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
        Self { charge: Some(charge), ..Self::new(status, Tail::Replica, wrapped(text)) }
    }

    /// A refusal by a replica that is about one item.
    pub(crate) fn item(status: u16, charge: f64, text: &str) -> Self {
        Self { charge: Some(charge), ..Self::new(status, Tail::Diagnostics, text) }
    }

    pub(crate) fn sub_status(mut self, sub_status: u32) -> Self {
        self.sub_status = sub_status;
        self
    }

    /// States which partition refused.
    pub(crate) fn at(mut self, replica: Replica) -> Self {
        if matches!(self.origin, Origin::Gateway) && self.tail != Tail::Gateway {
            self.origin = Origin::Replica(replica);
        }
        self
    }

    pub(crate) fn header(mut self, name: HeaderName, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    pub(crate) fn charge(mut self, charge: f64) -> Self {
        self.charge = Some(charge);
        self
    }

    pub(crate) fn without_charge(mut self) -> Self {
        self.charge = None;
        self
    }

    // The refusals that are made in more than one place.

    /// The path leads nowhere.
    pub(crate) fn unknown_url() -> Self {
        Self::gateway(400, "Request url is invalid.")
    }

    /// The path exists, but not for this method.
    pub(crate) fn method_not_allowed(request: &Request<'_>) -> Self {
        let method = request.method.as_str();
        let mut text = String::from("RequestHandler.");
        text.push_str(method.get(..1).unwrap_or_default());
        text.push_str(&method.get(1..).unwrap_or_default().to_ascii_lowercase());
        Self::new(405, Tail::None, text)
    }

    /// Refused without a word.
    pub(crate) fn forbidden_silently() -> Self {
        Self { message: None, ..Self::new(403, Tail::None, "") }
    }

    /// There is no such database, container or other resource above items.
    pub(crate) fn resource_not_found() -> Self {
        Self::replica(
            404,
            2.0,
            "Resource Not Found. Learn more: https://aka.ms/cosmosdb-tsg-not-found",
        )
    }

    /// There is no such item.
    pub(crate) fn item_not_found(charge: f64) -> Self {
        Self::item(
            404,
            charge,
            "Entity with the specified id does not exist in the system. More info: https://aka.ms/cosmosdb-tsg-not-found",
        )
    }

    /// There is such an item already, or one with the same unique key.
    pub(crate) fn item_exists(charge: f64) -> Self {
        Self::item(409, charge, "Entity with the specified id already exists in the system.")
    }

    /// There is such a database, container or other resource already.
    pub(crate) fn resource_exists(charge: f64) -> Self {
        Self::replica(
            409,
            charge,
            "Resource with specified id, name, or unique index already exists.",
        )
    }

    /// `If-Match` or `If-None-Match` does not hold.
    pub(crate) fn precondition() -> Self {
        Self::item(
            412,
            1.24,
            "Operation cannot be performed because one of the specified precondition is not met.",
        )
    }

    /// The body is not what it should be.
    pub(crate) fn bad_payload() -> Self {
        Self::replica(
            400,
            1.24,
            "The request payload is invalid. Ensure to provide a valid request payload.",
        )
    }

    /// The body is JSON, but not of the right kind.
    pub(crate) fn bad_input() -> Self {
        Self::replica(400, 1.24, "One of the specified inputs is invalid")
    }

    /// The body lacks a property.
    pub(crate) fn missing_property(name: &str, charge: f64) -> Self {
        let text = format!(
            "The input content is invalid because the required properties - '{name}; ' - are missing. Learn more: https://aka.ms/CosmosDB/sql/errors/missing-id"
        );
        Self::replica(400, charge, &text)
    }

    /// An id that cannot be a name.
    pub(crate) fn bad_name() -> Self {
        Self::replica(400, 0.0, "The input name presented contains invalid character.")
    }

    /// The key of the request has too few components, or is not there at all.
    pub(crate) fn key_too_short() -> Self {
        Self::replica(
            400,
            0.0,
            "The partition key supplied in x-ms-partitionkey header has fewer components than defined in the the collection.",
        )
        .sub_status(sub_status::PARTITION_KEY_MISMATCH)
    }

    /// The key of the request is not the item's.
    pub(crate) fn wrong_key() -> Self {
        Self::replica(
            400,
            1.24,
            "PartitionKey extracted from document doesn't match the one specified in the header. Learn more: https://aka.ms/CosmosDB/sql/errors/wrong-pk-value",
        )
        .sub_status(sub_status::PARTITION_KEY_MISMATCH)
    }

    /// The body, or what it would become, is over two megabytes.
    pub(crate) fn too_large() -> Self {
        Self::new(413, Tail::Replica, wrapped("Request size is too large"))
            .header(HeaderName::from_static("x-ms-request-validation-failure"), 1)
    }

    /// The addressed range was split or merged away, or never was.
    pub(crate) fn range_gone() -> Self {
        Self::gateway(
            410,
            "The requested resource is no longer available at the server. The partition key range is gone.",
        )
        .sub_status(sub_status::PARTITION_KEY_RANGE_GONE)
    }

    /// The client knows the container by an older rid.
    pub(crate) fn wrong_container_rid() -> Self {
        Self::gateway(
            400,
            "The collection rid in the request does not match the collection's. The collection was recreated.",
        )
        .sub_status(sub_status::INCORRECT_CONTAINER_RID)
    }

    /// The partition has not seen what the session token speaks of.
    pub(crate) fn session_not_available(charge: f64) -> Self {
        Self::item(
            404,
            charge,
            "The read session is not available for the input session token. Learn more: https://aka.ms/cosmosdb-tsg-read-session-not-available",
        )
        .sub_status(sub_status::READ_SESSION_NOT_AVAILABLE)
    }

    pub(crate) fn bad_continuation() -> Self {
        Self::gateway(400, "Invalid Continuation Token")
    }

    /// The gateway does not merge partitions; the client has to, by this plan.
    pub(crate) fn needs_plan(plan: String) -> Self {
        let text = "The provided cross partition query can not be directly served by the gateway. This is a first chance (internal) exception that all newer clients will know how to handle gracefully. This exception is traced, but unless you see it bubble up as an exception (which only happens on older SDK clients), then you can safely ignore this message.";
        Self {
            additional: Some(plan),
            ..Self::gateway(400, text).sub_status(sub_status::CROSS_PARTITION_NOT_SERVABLE)
        }
    }

    /// A query that is wrong. `charge` counts only where the replica finds out.
    pub(crate) fn query(error: SqlError, charge: f64) -> Self {
        match error {
            SqlError::Compile(problems) => {
                Self::gateway(400, format!("Message: {{\"errors\":[{}]}}", join(&problems)))
            }
            SqlError::Refused(text) => Self::gateway_wrapped(400, &text),
            SqlError::NotRepresentable => Self {
                charge: Some(charge),
                sub_status: 4001,
                ..Self::new(
                    400,
                    Tail::Replica,
                    "Message: {\"errors\":[{\"severity\":\"Error\",\"code\":4001,\"message\":\"The response content contains a numeric value that cannot be represented in JSON (e.g. Infinity and NaN).\"}]}",
                )
            },
            SqlError::Script(text) => Self::replica(400, charge, &text),
        }
    }

    /// The answer that says so.
    pub(crate) fn into_answer(self, activity_id: &str, now: SystemTime) -> Answer {
        let mut body = String::from("{\"code\":");
        write_json_string(code(self.status), &mut body);
        if let Some(message) = &self.message {
            body.push_str(",\"message\":");
            write_json_string(&format!("{message}{}", self.tail(activity_id, now)), &mut body);
        }
        if let Some(additional) = &self.additional {
            body.push_str(",\"additionalErrorInfo\":");
            write_json_string(additional, &mut body);
        }
        body.push('}');
        let mut headers = self.headers;
        if self.sub_status != 0 {
            headers.push((header::SUB_STATUS, self.sub_status.to_string()));
        }
        Answer {
            status: self.status,
            origin: self.origin,
            owner: None,
            charge: self.charge,
            headers,
            body: body.into_bytes(),
        }
    }

    fn tail(&self, activity_id: &str, now: SystemTime) -> String {
        const VERSION: &str = "Microsoft.Azure.Documents.Common/2.14.0";
        match self.tail {
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
                let token = match &self.origin {
                    Origin::Replica(replica) => &replica.session_token,
                    Origin::Gateway | Origin::BareGateway => "",
                };
                format!(
                    ", \r\nRequestStartTime: {time}, RequestEndTime: {time},  Number of regions attempted:1\r\n{{\"systemHistory\":[]}}\r\nRequestStart: {time}; ResponseTime: {time}; StoreResult: StatusCode: {}, SubStatusCode: {}, RequestCharge: {}, ItemLSN: -1, SessionToken: {token};\r\n ResourceType: Document\r\n, {VERSION}",
                    self.status,
                    self.sub_status,
                    self.charge.unwrap_or(0.0)
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

fn join(problems: &[Problem]) -> String {
    let mut out = String::new();
    for (index, problem) in problems.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str("{\"severity\":\"Error\",");
        if let Some(span) = &problem.span {
            out.push_str(&format!(
                "\"location\":{{\"start\":{},\"end\":{}}},",
                span.start, span.end
            ));
        }
        out.push_str("\"code\":");
        if problem.code.bytes().all(|it| it.is_ascii_digit()) {
            out.push_str(problem.code);
        } else {
            write_json_string(problem.code, &mut out);
        }
        out.push_str(",\"message\":");
        write_json_string(&problem.message, &mut out);
        out.push('}');
    }
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
