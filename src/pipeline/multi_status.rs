//! What the answer to an atomic batch says that was not carried out.

use http::{HeaderValue, StatusCode};
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::transport::Response;
use crate::wire::header;

/// The part of an operation's result that tells why a batch failed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    status_code: u16,
    #[serde(default)]
    sub_status_code: u32,
    #[serde(default)]
    retry_after_milliseconds: Option<u64>,
    #[serde(default)]
    message: Option<String>,
}

/// The error that a failed batch is: it has the status of the operation that made the others fail.
///
/// The retry matrix then treats it as it would that operation alone: a throttled batch, of which nothing was carried
/// out, is sent again.
pub(super) fn check(response: Response) -> Result<Response> {
    let outcomes: Vec<Outcome> = serde_json::from_slice(response.body()).unwrap_or_default();
    let culprit = outcomes
        .iter()
        .enumerate()
        .find(|(_, it)| it.status_code >= 400 && it.status_code != FAILED_DEPENDENCY);
    let Some((index, culprit)) = culprit else { return Ok(response) };
    let mut message =
        format!("operation {index} of the batch failed, and so none of the {} was", outcomes.len());
    message.push_str(" carried out");
    if let Some(text) = culprit.message.as_deref().filter(|it| !it.is_empty()) {
        message = format!("{message}: {text}");
    }
    Err(Error::from_response(promoted(response, culprit)).with_message(message))
}

/// The status of operations that would have succeeded, had it not been for another one.
const FAILED_DEPENDENCY: u16 = 424;

/// The answer with the status of one of its results.
fn promoted(mut response: Response, culprit: &Outcome) -> Response {
    if let Ok(status) = StatusCode::from_u16(culprit.status_code) {
        *response.status_mut() = status;
    }
    let headers = response.headers_mut();
    if culprit.sub_status_code != 0 {
        headers.insert(header::SUB_STATUS, HeaderValue::from(culprit.sub_status_code));
    }
    if let Some(millis) = culprit.retry_after_milliseconds {
        headers.insert(header::RETRY_AFTER_MS, HeaderValue::from(millis));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(body: &str) -> Option<Error> {
        let answer = http::Response::builder().status(207).body(body.as_bytes().to_vec()).unwrap();
        check(answer).err()
    }

    #[test]
    fn a_batch_fails_with_the_status_of_the_culprit() {
        for (body, expected) in [
            (r#"[{"statusCode":424},{"statusCode":409},{"statusCode":424}]"#, "409: operation 1 "),
            (
                r#"[{"statusCode":400,"subStatusCode":1001,"message":"No."}]"#,
                "400/1001: operation 0 ",
            ),
            (r#"[{"statusCode":424},{"statusCode":429,"subStatusCode":3200}]"#, "429/3200: "),
        ] {
            let error = error_of(body).unwrap();
            assert!(error.to_string().starts_with(expected), "{error}");
            assert_eq!(error.body(), Some(body.as_bytes()));
        }
        let throttled = error_of(r#"[{"statusCode":429,"retryAfterMilliseconds":7}]"#).unwrap();
        assert_eq!(throttled.retry_after(), Some(std::time::Duration::from_millis(7)));
        assert!(error_of(r#"[{"statusCode":200}]"#).is_none());
        assert!(error_of("no JSON").is_none());
    }
}
