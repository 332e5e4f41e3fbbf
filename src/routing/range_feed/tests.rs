use std::sync::mpsc;
use std::thread;

use serde_json::{Value, json};

use super::*;
use crate::client::CosmosClient;
use crate::clock::{Clock, VirtualClock};
use crate::transport::{Mock, Response};

const LONG: Duration = Duration::from_secs(60);

fn range(id: &str, min: &str, max: &str, parents: &[&str]) -> Value {
    json!({ "id": id, "minInclusive": min, "maxExclusive": max, "parents": parents })
}

fn page(status: u16, etag: &str, ranges: &[Value]) -> Response {
    let body = json!({ "PartitionKeyRanges": ranges }).to_string();
    let mut response = http::Response::builder().status(status);
    if !etag.is_empty() {
        response = response.header("etag", etag);
    }
    response.body(body.into_bytes()).unwrap()
}

fn whole(id: &str) -> [Value; 1] {
    [range(id, "", "FF", &[])]
}

/// A client of a server that gives these answers, one after the other.
fn client(answers: impl IntoIterator<Item = Response>) -> (CosmosClient, Mock, VirtualClock) {
    let (mock, clock) = (Mock::new(), VirtualClock::new());
    for answer in answers {
        mock.respond_with(answer);
    }
    let client = CosmosClient::builder("https://a.documents.test/")
        .key("c2VjcmV0")
        .transport(mock.clone())
        .clock(clock.clone())
        .endpoint_discovery(false)
        .build()
        .unwrap();
    (client, mock, clock)
}

fn link(client: &CosmosClient) -> Link {
    client.database("d").container("c").link().unwrap()
}

fn ranges(client: &CosmosClient) -> Result<Arc<PartitionKeyRangeMap>> {
    client.shared.containers.ranges(&Lookup::new(&client.shared, LONG), &link(client))
}

fn newer(
    client: &CosmosClient,
    saw: &Arc<PartitionKeyRangeMap>,
) -> Result<Arc<PartitionKeyRangeMap>> {
    let lookup = Lookup::new(&client.shared, LONG);
    client.shared.containers.newer_ranges(&lookup, &link(client), saw)
}

fn ids(map: &PartitionKeyRangeMap) -> String {
    map.ranges().iter().map(|it| it.id.as_str()).collect::<Vec<_>>().join(" ")
}

/// The etags that the requests named, one after the other; `-` where they named none.
fn asked(mock: &Mock) -> String {
    let requests = mock.take_requests();
    assert!(requests.iter().all(|it| it.headers()["a-im"] == "Incremental Feed"));
    let etag = |it: &crate::transport::Request| {
        it.headers().get("if-none-match").map_or("-", |it| it.to_str().unwrap()).to_owned()
    };
    requests.iter().map(etag).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_feed_is_read_to_its_end() {
    let (low, high) = (range("0", "", "80", &[]), range("1", "80", "FF", &[]));
    for (answers, expected, etag) in [
        // Three pages and the 304 that ends them.
        (
            vec![
                page(200, "1", std::slice::from_ref(&low)),
                page(200, "2", std::slice::from_ref(&high)),
                page(200, "3", &[]),
                page(304, "3", &[]),
            ],
            "- 1 2 3",
            Some("3"),
        ),
        // The body of a 304 says nothing.
        (
            vec![page(200, "1", &[low.clone(), high.clone()]), page(304, "1", &whole("9"))],
            "- 1",
            Some("1"),
        ),
        // A server without etags has one page.
        (vec![page(200, "", &[low.clone(), high.clone()])], "-", None),
        // What fails for a moment is asked for again at its place, not from the start.
        (
            vec![
                page(200, "1", std::slice::from_ref(&low)),
                page(503, "", &[]),
                page(200, "2", std::slice::from_ref(&high)),
                page(304, "2", &[]),
            ],
            "- 1 1 2",
            Some("2"),
        ),
        // The last document of an id counts.
        (
            vec![
                page(200, "1", &[range("0", "", "70", &[]), high.clone()]),
                page(200, "2", std::slice::from_ref(&low)),
                page(304, "2", &[]),
            ],
            "- 1 2",
            Some("2"),
        ),
    ] {
        let (client, mock, _) = client(answers);
        let map = ranges(&client).unwrap();
        assert_eq!((ids(&map).as_str(), map.etag()), ("0 1", etag));
        assert_eq!(asked(&mock), expected);
        assert!(Arc::ptr_eq(&map, &ranges(&client).unwrap()));
        assert_eq!(mock.requests().len(), 0, "it is known now");
    }
}

#[test]
fn an_error_within_the_feed_is_the_callers_and_nothing_is_kept() {
    let (client, mock, _) = client([page(200, "1", &whole("0"))]);
    mock.otherwise(|_| Ok(page(400, "", &[])));
    assert_eq!(ranges(&client).unwrap_err().status().unwrap(), 400);
    assert_eq!(asked(&mock), "- 1");
    assert_eq!(ranges(&client).unwrap_err().status().unwrap(), 400);
    assert_eq!(asked(&mock), "-", "from the start");
}

#[test]
fn a_refresh_asks_only_for_what_changed() {
    let start = || [page(200, "1", &whole("0")), page(304, "1", &[])];
    let split = [range("1", "", "80", &["0"]), range("2", "80", "FF", &["0"])];
    for (refresh, expected, requests) in [
        (vec![page(304, "1", &[])], "0", "1"),
        (vec![page(200, "2", &split), page(304, "2", &[])], "1 2", "1 2"),
        // Changes that do not fit what is known: all of it again.
        (
            vec![
                page(200, "2", &[range("5", "", "40", &["4"])]),
                page(304, "2", &[]),
                page(200, "3", &split),
                page(304, "3", &[]),
            ],
            "1 2",
            "1 2 - 3",
        ),
    ] {
        let (client, mock, _) = client(start().into_iter().chain(refresh));
        let before = ranges(&client).unwrap();
        mock.take_requests();
        let after = newer(&client, &before).unwrap();
        assert_eq!(ids(&after), expected);
        assert_eq!(asked(&mock), requests);
        if !Arc::ptr_eq(&before, &after) {
            assert!(Arc::ptr_eq(&after, &newer(&client, &before).unwrap()), "not stale any more");
            assert_eq!(mock.requests().len(), 0);
        }
    }
}

#[test]
fn a_refresh_that_fails_keeps_the_old_map() {
    let (client, mock, _) = client([page(200, "1", &whole("0")), page(304, "1", &[])]);
    let before = ranges(&client).unwrap();
    mock.otherwise(|_| Ok(page(400, "", &[])));
    assert!(newer(&client, &before).is_err());
    assert!(Arc::ptr_eq(&before, &ranges(&client).unwrap()));
}

#[test]
fn ranges_that_do_not_fit_together_are_read_four_times() {
    for defect in [
        vec![],
        vec![range("0", "", "80", &[])],
        vec![range("0", "", "80", &[]), range("1", "70", "FF", &[])],
    ] {
        let (client, mock, clock) = client([]);
        let served = defect.clone();
        mock.otherwise(move |_| Ok(page(200, "", &served)));
        let start = clock.monotonic();
        let error = ranges(&client).unwrap_err();
        assert!(error.to_string().contains("do not fit together"), "{error}");
        assert_eq!(asked(&mock), "- - - -", "{defect:?}");
        // 0.2 s, 0.4 s, 0.8 s and 1.6 s.
        assert_eq!((clock.monotonic() - start).as_millis(), 3000, "{defect:?}");
    }
}

#[test]
fn a_split_that_is_half_told_is_waited_for() {
    let half = page(200, "", &[range("1", "", "80", &["0"])]);
    let all = page(200, "", &[range("1", "", "80", &["0"]), range("2", "80", "FF", &["0"])]);
    let (client, _, clock) = client([half, all]);
    assert_eq!(ids(&ranges(&client).unwrap()), "1 2");
    assert_eq!(clock.monotonic().as_millis(), 200);
}

#[test]
fn one_thread_reads_for_all_and_containers_do_not_wait_for_each_other() {
    let (client, mock, _) = client([]);
    let (arrived, arrivals) = mpsc::channel();
    let (open, gate) = mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    mock.otherwise(move |request| {
        if request.uri().path().contains("/c/") {
            arrived.send(()).unwrap();
            gate.lock().unwrap().recv().unwrap();
        }
        Ok(page(200, "", &whole("0")))
    });
    let (mine, lookup) = (link(&client), Lookup::new(&client.shared, LONG));
    let other = client.database("d").container("other").link().unwrap();
    let read = |it: &Link| client.shared.containers.ranges(&lookup, it).unwrap();
    let maps: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..5).map(|_| scope.spawn(|| read(&mine))).collect();
        arrivals.recv().unwrap();
        read(&other);
        open.send(()).unwrap();
        threads.into_iter().map(|it| it.join().unwrap()).collect()
    });
    assert!(maps.iter().all(|it| Arc::ptr_eq(it, &maps[0])));
    assert_eq!(mock.requests().len(), 2, "one for each container");
}
