//! The refusals that are made in more than one place, with the service's words.

use http::HeaderName;

use super::{Refusal, Tail, wrapped};
use crate::emulator::request::Request;
use crate::emulator::sql::error::{Problem, SqlError};
use crate::emulator::sql::value::write_json_string;
use crate::wire::sub_status;

const NOT_REPRESENTABLE: &str = "Message: {\"errors\":[{\"severity\":\"Error\",\"code\":4001,\"message\":\"The response content contains a numeric value that cannot be represented in JSON (e.g. Infinity and NaN).\"}]}";

impl Refusal {
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
        let mut refusal = Self::new(403, Tail::None, "");
        refusal.0.message = None;
        refusal
    }

    /// The bearer of a resource token may not do this.
    pub(crate) fn not_permitted() -> Self {
        Self::gateway(
            403,
            "Insufficient permissions provided in the authorization header for the corresponding request. Please retry with another authorization header.",
        )
    }

    /// The time of a resource token is over.
    pub(crate) fn token_expired(start: &str, end: &str, now: &str) -> Self {
        Self::gateway(
            403,
            format!(
                "The authorization token is not valid at the current time. Please create another token and retry (token start time: {start}, token expiry time: {end}, current server time: {now})."
            ),
        )
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
        .with_sub_status(sub_status::PARTITION_KEY_MISMATCH)
    }

    /// The key of the request is not the item's.
    pub(crate) fn wrong_key() -> Self {
        Self::replica(
            400,
            1.24,
            "PartitionKey extracted from document doesn't match the one specified in the header. Learn more: https://aka.ms/CosmosDB/sql/errors/wrong-pk-value",
        )
        .with_sub_status(sub_status::PARTITION_KEY_MISMATCH)
    }

    /// The body, or what it would become, is over two megabytes.
    pub(crate) fn too_large() -> Self {
        Self::new(413, Tail::Replica, wrapped("Request size is too large"))
            .with_header(HeaderName::from_static("x-ms-request-validation-failure"), 1)
    }

    /// The addressed range was split or merged away, or never was.
    pub(crate) fn range_gone() -> Self {
        Self::gateway(
            410,
            "The requested resource is no longer available at the server. The partition key range is gone.",
        )
        .with_sub_status(sub_status::PARTITION_KEY_RANGE_GONE)
    }

    /// The region takes no writes.
    pub(crate) fn write_forbidden() -> Self {
        Self::gateway(403, "The requested operation cannot be performed at this region")
            .with_sub_status(sub_status::WRITE_FORBIDDEN)
    }

    /// The partition is being split or merged.
    pub(crate) fn completing_split() -> Self {
        Self::gateway(
            410,
            "The requested resource is no longer available at the server. The partition is being split or merged.",
        )
        .with_sub_status(sub_status::COMPLETING_SPLIT)
    }

    /// The client knows the container by an older rid.
    pub(crate) fn wrong_container_rid() -> Self {
        Self::gateway(
            400,
            "The collection rid in the request does not match the collection's. The collection was recreated.",
        )
        .with_sub_status(sub_status::INCORRECT_CONTAINER_RID)
    }

    /// The partition has not seen what the session token speaks of.
    pub(crate) fn session_not_available(charge: f64) -> Self {
        Self::item(
            404,
            charge,
            "The read session is not available for the input session token. Learn more: https://aka.ms/cosmosdb-tsg-read-session-not-available",
        )
        .with_sub_status(sub_status::READ_SESSION_NOT_AVAILABLE)
    }

    pub(crate) fn bad_continuation() -> Self {
        Self::gateway(400, "Invalid Continuation Token")
    }

    /// The gateway does not merge partitions; the client has to, by this plan.
    pub(crate) fn needs_plan(plan: String) -> Self {
        let text = "The provided cross partition query can not be directly served by the gateway. This is a first chance (internal) exception that all newer clients will know how to handle gracefully. This exception is traced, but unless you see it bubble up as an exception (which only happens on older SDK clients), then you can safely ignore this message.";
        let mut refusal =
            Self::gateway(400, text).with_sub_status(sub_status::CROSS_PARTITION_NOT_SERVABLE);
        refusal.0.additional = Some(plan);
        refusal
    }

    /// A query that is wrong. `charge` counts only where the replica finds out.
    pub(crate) fn query(error: SqlError, charge: f64) -> Self {
        match error {
            SqlError::Compile(problems) => {
                Self::gateway(400, format!("Message: {{\"errors\":[{}]}}", join(&problems)))
            }
            SqlError::Refused(text) => Self::gateway_wrapped(400, &text),
            SqlError::NotRepresentable => Self::new(400, Tail::Replica, NOT_REPRESENTABLE)
                .with_sub_status(4001)
                .with_charge(charge),
        }
    }
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
