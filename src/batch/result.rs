//! What became of one operation of a batch.

use std::fmt;
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::models::Etag;
use crate::response::Response;
use crate::wire::header;

/// The result of one operation of a [`Batch`](crate::Batch) or a bulk.
///
/// It owns the item as it came, and reads it when asked.
#[derive(Clone)]
pub struct BatchResult {
    wire: WireResult,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireResult {
    #[serde(deserialize_with = "status")]
    status_code: StatusCode,
    #[serde(default)]
    sub_status_code: Option<u32>,
    #[serde(default)]
    request_charge: f64,
    #[serde(default)]
    e_tag: Option<Etag>,
    #[serde(default)]
    retry_after_milliseconds: Option<u64>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    resource_body: Option<Box<RawValue>>,
}

fn status<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<StatusCode, D::Error> {
    StatusCode::from_u16(u16::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

impl BatchResult {
    /// The status: 201 where an item was created, 200 where it was read, replaced or patched, 204 where it was
    /// deleted, 304 where an `if_none_match` says that it did not change.
    ///
    /// Where the batch failed, one operation has the status of the failure, and all others have 424.
    pub fn status(&self) -> StatusCode {
        self.wire.status_code
    }

    /// The sub-status, which tells apart failures of one status. `None` where the service sent none, or 0.
    pub fn sub_status(&self) -> Option<u32> {
        self.wire.sub_status_code.filter(|it| *it != 0)
    }

    /// Whether the operation was carried out.
    pub fn is_success(&self) -> bool {
        self.status().is_success() || self.status() == StatusCode::NOT_MODIFIED
    }

    /// The request units that the operation cost.
    pub fn request_charge(&self) -> f64 {
        self.wire.request_charge
    }

    /// The version of the item after the operation.
    pub fn etag(&self) -> Option<&Etag> {
        self.wire.e_tag.as_ref()
    }

    /// How long the service asked to wait before the operation is tried again.
    pub fn retry_after(&self) -> Option<Duration> {
        self.wire.retry_after_milliseconds.map(Duration::from_millis)
    }

    /// What the service said about a failure, where it said anything.
    pub fn message(&self) -> Option<&str> {
        self.wire.message.as_deref().filter(|it| !it.is_empty())
    }

    /// The item, as it is after the operation.
    ///
    /// # Errors
    /// There is none, as after a delete, a failure or a write with `content_response(false)`; or it is no such JSON.
    pub fn item<T: DeserializeOwned>(&self) -> Result<T> {
        let Some(body) = &self.wire.resource_body else {
            let status = self.status().as_u16();
            return Err(Error::json(format!("the operation answered no item (status {status})")));
        };
        serde_json::from_str(body.get()).map_err(|error| {
            let wanted = std::any::type_name::<T>();
            Error::json(format!("the item is no {wanted}: {error}")).with_source(error)
        })
    }

    /// The JSON of the item, as it came.
    pub fn bytes(&self) -> &[u8] {
        self.wire.resource_body.as_ref().map_or(&[], |it| it.get().as_bytes())
    }

    /// The result, or the error that it is. `what` names the operation; the rest is from the answer that it came in.
    pub(super) fn into_outcome(self, answer: &Response, what: &str) -> Result<Self> {
        if self.is_success() {
            return Ok(self);
        }
        let mut response = http::Response::new(self.bytes().to_vec());
        *response.status_mut() = self.status();
        for name in [header::ACTIVITY_ID, header::SESSION_TOKEN] {
            if let Some(value) = answer.headers().get(&name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        let numbers = [
            (header::SUB_STATUS, self.sub_status().map(|it| it.to_string())),
            (header::REQUEST_CHARGE, Some(self.request_charge().to_string())),
            (header::RETRY_AFTER_MS, self.retry_after().map(|it| it.as_millis().to_string())),
        ];
        for (name, number) in numbers {
            if let Some(value) = number.and_then(|it| HeaderValue::try_from(it).ok()) {
                response.headers_mut().insert(name, value);
            }
        }
        let reason = self.message().or(self.status().canonical_reason()).unwrap_or("it failed");
        Err(Error::from_response(response)
            .with_message(format!("{what}: {reason}"))
            .with_diagnostics(answer.diagnostics().clone()))
    }

    /// The results in the body of an answer.
    pub(super) fn parse_all(body: &[u8]) -> serde_json::Result<Vec<Self>> {
        let results: Vec<WireResult> = serde_json::from_slice(body)?;
        Ok(results.into_iter().map(|wire| Self { wire }).collect())
    }
}

impl fmt::Debug for BatchResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchResult")
            .field("status", &self.status())
            .field("sub_status", &self.sub_status())
            .field("request_charge", &self.request_charge())
            .field("body", &String::from_utf8_lossy(self.bytes()))
            .finish_non_exhaustive()
    }
}

impl Error {
    /// Where a [`Batch`](crate::Batch) failed: what became of each of its operations, in order. `None` for all other
    /// errors, and where the batch was refused as a whole.
    ///
    /// The first result that is not 424 is the one that made the batch fail; the status of the error is its status.
    pub fn batch_results(&self) -> Option<Vec<BatchResult>> {
        BatchResult::parse_all(self.body()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_hold_what_the_service_sent_and_bear_what_it_left_out() {
        let results = BatchResult::parse_all(
            br#"[{"statusCode":201,"requestCharge":5.9,"eTag":"\"e\"","resourceBody":{"id":"1"}},
                {"statusCode":204},
                {"statusCode":304,"resourceBody":null},
                {"statusCode":429,"subStatusCode":3200,"retryAfterMilliseconds":12,"message":"slow"}]"#,
        )
        .unwrap();
        let [created, deleted, unchanged, throttled] = &results[..] else {
            panic!("{results:?}");
        };
        assert_eq!(created.item::<serde_json::Value>().unwrap()["id"], "1");
        assert_eq!((created.request_charge(), created.etag()), (5.9, Some(&Etag::from("\"e\""))));
        assert!(created.is_success() && deleted.is_success() && unchanged.is_success());
        assert!(deleted.item::<serde_json::Value>().is_err() && unchanged.bytes().is_empty());
        assert_eq!((throttled.is_success(), throttled.sub_status()), (false, Some(3200)));
        assert_eq!(throttled.retry_after(), Some(Duration::from_millis(12)));
        assert_eq!(throttled.message(), Some("slow"));
    }

    #[test]
    fn what_is_no_list_of_results_is_refused() {
        for body in ["", "{}", "[1]", r#"[{"statusCode":"x"}]"#, r#"[{"statusCode":5}]"#] {
            assert!(BatchResult::parse_all(body.as_bytes()).is_err(), "{body}");
        }
    }
}
