//! No answer of a server makes the client panic or hang.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::{Random, check};
use crate::clock::VirtualClock;
use crate::transport::{Request, Response, Transport, TransportError, TransportErrorKind};
use crate::{Container, ContainerProperties, CosmosClient, Emulator};

const STATUSES: [u16; 26] = [
    100, 200, 200, 201, 204, 206, 207, 301, 304, 400, 401, 403, 404, 408, 409, 410, 410, 412, 413,
    423, 429, 449, 500, 502, 503, 999,
];

const HEADERS: [&str; 12] = [
    "x-ms-substatus",
    "x-ms-retry-after-ms",
    "retry-after",
    "x-ms-continuation",
    "x-ms-session-token",
    "x-ms-request-charge",
    "x-ms-item-count",
    "x-ms-documentdb-query-metrics",
    "x-ms-cosmos-query-execution-info",
    "etag",
    "x-ms-activity-id",
    "x-ms-content-path",
];

const VALUES: [&str; 16] = [
    "",
    "0",
    "-1",
    "1002",
    "1007",
    "1008",
    "1022",
    "3200",
    "18446744073709551615",
    "1e300",
    "NaN",
    "0:-1#9,1:2",
    "-RID:~x#RT:1#TRC:1",
    "a=1;b=x;=",
    "{\"reverseRidEnabled\":1}",
    "\"",
];

const QUERIES: [&str; 8] = [
    "SELECT * FROM c",
    "SELECT * FROM c ORDER BY c.n DESC",
    "SELECT DISTINCT VALUE c.n FROM c",
    "SELECT c.n, COUNT(1) AS k, AVG(c.n) AS a FROM c GROUP BY c.n",
    "SELECT VALUE SUM(c.n) FROM c",
    "SELECT TOP 3 * FROM c ORDER BY c.n OFFSET 1 LIMIT 5",
    "SELECT COUNT(DISTINCT c.n) AS d FROM c",
    "SELECT TOP 2 * FROM c ORDER BY RANK FullTextScore(c.t, 'a')",
];

/// The most answers of one round: a server that never ends is a server's right.
const MOST_ANSWERS: usize = 300;

/// An account whose answers are changed on their way.
struct Meddler {
    account: Arc<dyn Transport>,
    random: Mutex<(Random, usize)>,
}

impl Transport for Meddler {
    fn send(&self, request: &Request, timeout: Duration) -> Result<Response, TransportError> {
        let mut answer = self.account.send(request, timeout)?;
        let mut state = self.random.lock().unwrap();
        let (random, answers) = &mut *state;
        *answers += 1;
        if *answers > MOST_ANSWERS {
            return Err(TransportError::not_sent(TransportErrorKind::Connect, "enough"));
        }
        if random.one_in(4) {
            meddle(&mut answer, random);
        }
        Ok(answer)
    }
}

fn meddle(answer: &mut Response, random: &mut Random) {
    if random.one_in(3) {
        *answer.status_mut() =
            StatusCode::from_u16(STATUSES[random.below(STATUSES.len())]).unwrap();
    }
    for _ in 0..random.below(3) {
        let value = random.pick(&VALUES);
        let value = if random.one_in(2) { random.change(value) } else { value.to_owned() };
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            answer.headers_mut().insert(HeaderName::from_static(random.pick(&HEADERS)), value);
        }
    }
    if random.one_in(4) {
        answer.headers_mut().remove(random.pick(&HEADERS));
    }
    let body = String::from_utf8_lossy(answer.body()).into_owned();
    match random.below(6) {
        0 => *answer.body_mut() = random.bytes(40),
        1 => *answer.body_mut() = random.json(&["Documents", "id", "queryInfo"], 4).into_bytes(),
        2 | 3 => *answer.body_mut() = random.change(&body).into_bytes(),
        _ => {}
    }
}

fn account(clock: &VirtualClock) -> Emulator {
    let emulator = Emulator::builder().partitions(3).clock(clock.clone()).build().unwrap();
    let client = emulator.client();
    client.create_database("db").send().unwrap();
    let database = client.database("db");
    database.create_container(ContainerProperties::new("c", "/id")).send().unwrap();
    for id in 0..12 {
        let item = json!({ "id": id.to_string(), "n": id % 4, "t": "a b" });
        database.container("c").create_item(&item).send().unwrap();
    }
    emulator
}

/// A call of each kind; how it ends is nobody's business. Answers the number of items that came.
fn call(container: &Container, random: &mut Random) -> usize {
    let _ = container.read_item("1", "1").send().map(|it| it.item::<Value>());
    let _ =
        container.upsert_item(&json!({ "id": "1", "n": 1 })).send().map(|it| it.item::<Value>());
    let _ = container.create_item(&json!({ "id": "x" })).send().map(|it| it.item::<Value>());
    let _ = container.read().send();
    let mut items = 0;
    for page in container.items::<Value>().max_item_count(3).pages().take(6) {
        items += page.map_or(0, |it| it.items().len());
    }
    let query = container.query_items::<Value>(random.pick(&QUERIES)).max_item_count(2);
    for page in query.max_concurrency(1 + 3 * random.below(2)).pages().take(9) {
        items += page.map_or(0, |it| it.items().len());
    }
    items
}

#[test]
fn no_answer_is_too_much_for_the_client() {
    let clock = VirtualClock::new();
    let emulator = account(&clock);
    let mut items = 0;
    check(250, |random| {
        let random_of_answers = Random::new(random.below(usize::MAX) as u64);
        let meddler =
            Meddler { account: emulator.transport(), random: Mutex::new((random_of_answers, 0)) };
        // A clock for each round, since a server may ask for very long waits.
        let client = CosmosClient::builder(emulator.endpoint())
            .key(emulator.key())
            .transport(meddler)
            .clock(VirtualClock::new())
            .build()
            .unwrap();
        items += call(&client.database("db").container("c"), random);
    });
    assert!(items > 0, "no answer got through");
}
