//! A transport that answers from a script and remembers what it was asked.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::{Request, Response, Transport, TransportError, TransportErrorKind};

type Outcome = Result<Response, TransportError>;
type Answer = Box<dyn FnOnce(&Request) -> Outcome + Send>;
type DefaultAnswer = Arc<dyn Fn(&Request) -> Outcome + Send + Sync>;

/// Answers requests from a queue, in order, and remembers them.
///
/// Clones are cheap and share queue and memory: give one to the client and ask another what came.
///
/// ```
/// use std::time::Duration;
/// use cosmosdb::transport::{Mock, Request, Transport};
/// use serde_json::json;
///
/// let mock = Mock::new();
/// mock.respond(429, "slow down").respond_json(200, &json!({ "id": "42" }));
///
/// let request = Request::new(Vec::new());
/// assert_eq!(mock.send(&request, Duration::MAX)?.status(), 429);
/// assert_eq!(mock.send(&request, Duration::MAX)?.body(), br#"{"id":"42"}"#);
/// assert_eq!(mock.requests().len(), 2);
/// # Ok::<(), cosmosdb::transport::TransportError>(())
/// ```
#[derive(Clone, Default)]
pub struct Mock(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    answers: VecDeque<Answer>,
    otherwise: Option<DefaultAnswer>,
    requests: Vec<Request>,
}

impl Mock {
    /// A transport with nothing to say yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Queues an answer of `status` and `body`.
    ///
    /// ```
    /// # use cosmosdb::transport::{Mock, Request, Transport};
    /// let mock = Mock::new();
    /// mock.respond(204, "").respond(200, vec![1, 2, 3]);
    /// # assert_eq!(mock.send(&Request::default(), std::time::Duration::MAX).unwrap().status(), 204);
    /// ```
    pub fn respond(&self, status: u16, body: impl Into<Vec<u8>>) -> &Self {
        let response = http::Response::builder().status(status).body(body.into());
        self.queue(Box::new(move |_| {
            response.map_err(|_| refusal(format!("the mock was given {status} for a status")))
        }))
    }

    /// Queues an answer of `status` with a JSON body.
    ///
    /// ```
    /// # use cosmosdb::transport::{Mock, Request, Transport};
    /// # use serde_json::json;
    /// let mock = Mock::new();
    /// mock.respond_json(201, &json!({ "id": "42" }));
    /// # let response = mock.send(&Request::default(), std::time::Duration::MAX).unwrap();
    /// assert_eq!(response.headers()["content-type"], "application/json");
    /// ```
    pub fn respond_json(&self, status: u16, body: &Value) -> &Self {
        let response = http::Response::builder()
            .status(status)
            .header("content-type", "application/json")
            .body(body.to_string().into_bytes());
        self.queue(Box::new(move |_| {
            response.map_err(|_| refusal(format!("the mock was given {status} for a status")))
        }))
    }

    /// Queues a whole response, with the headers it should have.
    ///
    /// ```
    /// # use cosmosdb::transport::{Mock, Request, Response, Transport};
    /// let mut response = Response::new(b"{}".to_vec());
    /// response.headers_mut().insert("x-ms-request-charge", "2.83".parse().unwrap());
    ///
    /// let mock = Mock::new();
    /// mock.respond_with(response);
    /// # assert!(mock.send(&Request::default(), std::time::Duration::MAX).unwrap().headers().len() == 1);
    /// ```
    pub fn respond_with(&self, response: Response) -> &Self {
        self.queue(Box::new(move |_| Ok(response)))
    }

    /// Queues a failure.
    ///
    /// ```
    /// # use cosmosdb::transport::{Mock, Request, Transport, TransportError, TransportErrorKind};
    /// let mock = Mock::new();
    /// mock.fail(TransportError::not_sent(TransportErrorKind::Connect, "the cable is out"));
    /// # assert!(mock.send(&Request::default(), std::time::Duration::MAX).is_err());
    /// ```
    pub fn fail(&self, error: TransportError) -> &Self {
        self.queue(Box::new(move |_| Err(error)))
    }

    /// Queues an answer that depends on the request.
    ///
    /// ```
    /// # use cosmosdb::transport::{Mock, Request, Response, Transport};
    /// let mock = Mock::new();
    /// mock.respond_by(|request| Ok(Response::new(request.uri().path().as_bytes().to_vec())));
    /// # assert_eq!(mock.send(&Request::default(), std::time::Duration::MAX).unwrap().body(), b"/");
    /// ```
    pub fn respond_by(
        &self,
        answer: impl FnOnce(&Request) -> Result<Response, TransportError> + Send + 'static,
    ) -> &Self {
        self.queue(Box::new(answer))
    }

    /// Answers so whenever the queue is empty; without it, that is an error.
    ///
    /// ```
    /// # use cosmosdb::transport::{Mock, Request, Response, Transport};
    /// # use std::time::Duration;
    /// let mock = Mock::new();
    /// mock.otherwise(|_| Ok(Response::new(b"{}".to_vec())));
    /// for _ in 0..3 {
    ///     assert!(mock.send(&Request::default(), Duration::MAX).is_ok());
    /// }
    /// ```
    pub fn otherwise(
        &self,
        answer: impl Fn(&Request) -> Result<Response, TransportError> + Send + Sync + 'static,
    ) -> &Self {
        self.script().otherwise = Some(Arc::new(answer));
        self
    }

    /// The requests so far, oldest first.
    pub fn requests(&self) -> Vec<Request> {
        self.script().requests.clone()
    }

    /// The requests so far, oldest first, and forgets them.
    pub fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.script().requests)
    }

    /// How many queued answers nobody has asked for yet.
    pub fn answers_left(&self) -> usize {
        self.script().answers.len()
    }

    fn queue(&self, answer: Answer) -> &Self {
        self.script().answers.push_back(answer);
        self
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Mock {
    fn send(&self, request: &Request, _timeout: Duration) -> Result<Response, TransportError> {
        let mut script = self.script();
        script.requests.push(request.clone());
        let (answer, otherwise) = (script.answers.pop_front(), script.otherwise.clone());
        // An answer may itself use the mock.
        drop(script);
        match (answer, otherwise) {
            (Some(answer), _) => answer(request),
            (None, Some(otherwise)) => otherwise(request),
            (None, None) => Err(refusal(format!(
                "the mock has no answer left for {} {}",
                request.method(),
                request.uri()
            ))),
        }
    }
}

fn refusal(message: String) -> TransportError {
    TransportError::not_sent(TransportErrorKind::Request, message)
}

impl fmt::Debug for Mock {
    /// Counts only: requests hold signatures.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let script = self.script();
        f.debug_struct("Mock")
            .field("answers", &script.answers.len())
            .field("requests", &script.requests.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(mock: &Mock, uri: &'static str) -> Outcome {
        mock.send(&http::Request::get(uri).body(Vec::new()).unwrap(), Duration::MAX)
    }

    #[test]
    fn answers_come_in_order_and_then_the_default() {
        let mock = Mock::new();
        mock.respond(200, "a")
            .respond_with(Response::new(b"b".to_vec()))
            .fail(TransportError::maybe_sent(TransportErrorKind::Broken, "gone"))
            .otherwise(|request| Ok(Response::new(request.uri().path().as_bytes().to_vec())));
        assert_eq!(get(&mock, "/1").unwrap().body(), b"a");
        assert_eq!(get(&mock, "/2").unwrap().body(), b"b");
        assert!(get(&mock, "/3").unwrap_err().may_have_arrived());
        assert_eq!(get(&mock, "/4").unwrap().body(), b"/4");
        assert_eq!(get(&mock, "/5").unwrap().body(), b"/5");
    }

    #[test]
    fn requests_are_remembered_until_taken() {
        let mock = Mock::new();
        let client = mock.clone();
        client.respond(200, "");
        get(&client, "/asked").unwrap();
        assert!(get(&client, "/refused").is_err());
        let paths: Vec<_> = mock.take_requests().iter().map(|it| it.uri().to_string()).collect();
        assert_eq!(paths, ["/asked", "/refused"]);
        assert!(mock.requests().is_empty());
    }

    #[test]
    fn a_status_that_is_none_is_an_error_and_not_a_panic() {
        let mock = Mock::new();
        mock.respond(7, "");
        assert_eq!(get(&mock, "/").unwrap_err().kind(), TransportErrorKind::Request);
    }

    #[test]
    fn an_answer_may_use_the_mock() {
        let mock = Mock::new();
        let inner = mock.clone();
        mock.respond_by(move |_| {
            inner.respond(202, "");
            Ok(Response::new(Vec::new()))
        });
        assert_eq!(get(&mock, "/").unwrap().status(), 200);
        assert_eq!(get(&mock, "/").unwrap().status(), 202);
    }
}
