use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::*;
use crate::clock::{Clock, VirtualClock};
use crate::transport::Request;
use crate::{CosmosClient, RetryOptions};

/// An answer to a question for ranges: status, etag, ranges.
type Answer = (u16, Option<&'static str>, Vec<Value>);

fn range(id: &str, min: &str, max: &str, parents: &[&str]) -> Value {
    json!({ "id": id, "minInclusive": min, "maxExclusive": max, "parents": parents })
}

/// The two halves of the space.
fn halves() -> Vec<Value> {
    vec![range("0", "", "80", &[]), range("1", "80", "FF", &[])]
}

/// A service that answers so, in order, and what it was asked to go on from.
struct Script {
    client: CosmosClient,
    clock: VirtualClock,
    asked: Arc<Mutex<Vec<Option<String>>>>,
    left: Arc<Mutex<VecDeque<Answer>>>,
}

impl Script {
    fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let left = Arc::new(Mutex::new(answers.into_iter().collect::<VecDeque<_>>()));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (script, log) = (Arc::clone(&left), Arc::clone(&asked));
        let transport = move |request: &Request| {
            let header =
                |name| request.headers().get(name).map(|it| it.to_str().unwrap().to_owned());
            assert_eq!(header("a-im").unwrap(), "Incremental Feed");
            log.lock().unwrap().push(header("if-none-match"));
            let (status, etag, ranges) = script.lock().unwrap().pop_front().expect("an answer");
            let mut answer = http::Response::builder().status(status);
            if let Some(etag) = etag {
                answer = answer.header("etag", etag);
            }
            let body = json!({ "PartitionKeyRanges": ranges }).to_string();
            Ok(answer.body(body.into_bytes()).unwrap())
        };
        let clock = VirtualClock::new();
        let client = CosmosClient::builder("https://localhost:1/")
            .key("c2VjcmV0")
            .transport(transport)
            .clock(clock.clone())
            .retry(RetryOptions::new())
            .build()
            .unwrap();
        Self { client, clock, asked, left }
    }

    fn container() -> Link {
        Link::account().child("dbs", "db").child("colls", "c")
    }

    fn read(&self) -> Result<Arc<PartitionKeyRangeMap>> {
        let shared = &self.client.shared;
        shared.containers.ranges(shared, &Self::container(), Duration::from_secs(60))
    }

    fn refresh(&self, seen: &Arc<PartitionKeyRangeMap>) -> Result<Arc<PartitionKeyRangeMap>> {
        let shared = &self.client.shared;
        shared.containers.newer_ranges(shared, &Self::container(), seen, Duration::from_secs(60))
    }

    /// The etags that were sent; `-` where there was none.
    fn asked(&self) -> String {
        let asked = self.asked.lock().unwrap();
        assert!(self.left.lock().unwrap().is_empty(), "an answer was not asked for");
        asked.iter().map(|it| it.as_deref().unwrap_or("-")).collect::<Vec<_>>().join(" ")
    }
}

fn ids(map: &PartitionKeyRangeMap) -> String {
    map.ranges().iter().map(|it| it.id.as_str()).collect::<Vec<_>>().join(" ")
}

/// With R09 and R11: several pages, of ranges that are in no order, with gaps in their ids.
#[test]
fn the_feed_is_read_to_its_end() {
    let [low, high] = [range("7", "", "80", &["0"]), range("3", "80", "FF", &["0"])];
    let unsorted = [
        (200, Some("e1"), vec![high.clone()]),
        (200, Some("e2"), vec![low.clone()]),
        (304, Some("e2"), vec![]),
    ];
    let both = || vec![high.clone(), low.clone()];
    for (what, answers, asked, etag) in [
        ("pages until 304", unsorted.to_vec(), "- e1 e2", Some("e2")),
        (
            "an empty page",
            vec![(200, Some("e1"), both()), (200, Some("e9"), vec![])],
            "- e1",
            Some("e9"),
        ),
        ("no etag", vec![(200, None, both())], "-", None),
        (
            "the same etag",
            vec![(200, Some("e1"), both()), (200, Some("e1"), vec![])],
            "- e1",
            Some("e1"),
        ),
        (
            "503 within a page",
            vec![(200, Some("e1"), both()), (503, None, vec![]), (304, Some("e1"), vec![])],
            "- e1 e1",
            Some("e1"),
        ),
    ] {
        let script = Script::new(answers);
        let map = script.read().unwrap();
        assert_eq!((ids(&map).as_str(), map.etag()), ("7 3", etag), "{what}");
        assert_eq!(script.asked(), asked, "{what}");
        assert!(Arc::ptr_eq(&map, &script.read().unwrap()), "{what}: it is kept");
    }
}

#[test]
fn a_refresh_asks_only_for_what_changed() {
    let children = vec![range("2", "", "40", &["0"]), range("3", "40", "80", &["0"])];
    let late = vec![range("4", "40", "60", &["9"]), range("5", "60", "80", &["9"])];
    let whole = || vec![range("8", "", "FF", &["0", "1"])];
    let first = [(200, Some("e1"), halves()), (304, Some("e1"), vec![])];
    for (what, answers, asked, expected) in [
        ("nothing", vec![(304, Some("e1"), vec![])], "e1", "0 1"),
        ("a split", vec![(200, Some("e2"), children), (304, Some("e2"), vec![])], "e1 e2", "2 3 1"),
        (
            "children of unknown parents: all of it again",
            vec![
                (200, Some("e2"), late),
                (304, Some("e2"), vec![]),
                (200, Some("e3"), whole()),
                (304, Some("e3"), vec![]),
            ],
            "e1 e2 - e3",
            "8",
        ),
    ] {
        let script = Script::new(first.iter().cloned().chain(answers));
        let seen = script.read().unwrap();
        let map = script.refresh(&seen).unwrap();
        assert_eq!(ids(&map), expected, "{what}");
        assert_eq!(script.asked(), format!("- e1 {asked}"), "{what}");
    }
}

#[test]
fn a_refresh_that_fails_leaves_what_there_is() {
    let failing = (0..4).map(|_| (500, None, vec![]));
    let first = [(200, Some("e1"), halves()), (304, Some("e1"), vec![])];
    let script = Script::new(first.into_iter().chain(failing));
    let seen = script.read().unwrap();
    assert_eq!(script.refresh(&seen).unwrap_err().status().unwrap(), 500);
    assert!(Arc::ptr_eq(&seen, &script.read().unwrap()));
}

#[test]
fn an_error_within_the_feed_is_the_callers_and_nothing_is_kept() {
    let broken =
        [(200, Some("e1"), halves())].into_iter().chain((0..4).map(|_| (500, None, vec![])));
    let again = [(200, Some("e1"), halves()), (304, Some("e1"), vec![])];
    let script = Script::new(broken.chain(again));
    assert_eq!(script.read().unwrap_err().status().unwrap(), 500);
    assert_eq!(ids(&script.read().unwrap()), "0 1");
    assert_eq!(script.asked(), "- e1 e1 e1 e1 - e1");
}

#[test]
fn ranges_that_do_not_fit_together_are_read_four_times() {
    let gap = || vec![range("0", "", "40", &[]), range("1", "80", "FF", &[])];
    let overlap = || vec![range("0", "", "90", &[]), range("1", "80", "FF", &[])];
    for broken in [gap(), overlap(), vec![]] {
        let script = Script::new((0..4).map(|_| (200, None, broken.clone())));
        let error = script.read().unwrap_err();
        assert!(error.to_string().contains("do not fit together"), "{error}");
        assert_eq!(script.asked(), "- - - -");
        assert!(script.clock.monotonic() >= Duration::from_millis(200 + 400 + 800));
    }
}

#[test]
fn threads_that_find_the_same_ranges_outdated_read_them_once() {
    let first = [(200, Some("e1"), halves()), (304, Some("e1"), vec![])];
    let refresh =
        [(200, Some("e2"), vec![range("8", "", "FF", &["0", "1"])]), (304, Some("e2"), vec![])];
    let script = Script::new(first.into_iter().chain(refresh));
    let seen = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..5).map(|_| scope.spawn(|| script.read().unwrap())).collect();
        readers.into_iter().map(|it| it.join().unwrap()).next_back().unwrap()
    });
    std::thread::scope(|scope| {
        (0..3).for_each(|_| {
            drop(scope.spawn(|| assert_eq!(ids(&script.refresh(&seen).unwrap()), "8")));
        });
    });
    assert_eq!(script.asked(), "- e1 e1 e2");
}
