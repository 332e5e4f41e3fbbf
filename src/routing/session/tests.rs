//! The session tokens that a client keeps.

use super::*;
use crate::routing::epk::Epk;

fn answer(token: &str, rid: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::SESSION_TOKEN, HeaderValue::from_str(token).unwrap());
    if !rid.is_empty() {
        headers.insert(header::CONTENT_PATH, HeaderValue::from_str(rid).unwrap());
    }
    headers
}

fn range(id: &str, parents: &[&str]) -> PartitionKeyRange {
    PartitionKeyRange {
        id: id.to_owned(),
        min_inclusive: Epk::MIN,
        max_exclusive: Epk::max(),
        parents: parents.iter().map(|it| (*it).to_owned()).collect(),
        status: None,
        throughput_fraction: None,
        other: serde_json::Map::new(),
    }
}

#[test]
fn a_container_keeps_a_token_for_each_range() {
    let sessions = SessionTokens::default();
    assert_eq!(sessions.all(), None);
    assert_eq!(sessions.capture(&answer("1:-1#4", "rid1")), Capture::NewRange("1".to_owned()));
    assert_eq!(
        sessions.capture(&answer("0:-1#7,junk,2:x,M:8111", "rid1")),
        Capture::NewRange("0".to_owned())
    );
    for older_or_equal in ["1:-1#3", "1:-1#4", "M:9"] {
        assert_eq!(sessions.capture(&answer(older_or_equal, "rid1")), Capture::Known);
    }
    assert_eq!(sessions.all().unwrap(), "0:-1#7,1:-1#4");
    assert_eq!(sessions.of_range_id("1").unwrap(), "1:-1#4");
    assert_eq!(sessions.of_range_id("2"), None);
    sessions.clear();
    assert_eq!(sessions.all(), None);
}

#[test]
fn a_range_without_a_token_has_that_of_its_parents() {
    let sessions = SessionTokens::default();
    sessions.capture(&answer("0:1#7#1=5,1:1#9#1=2,2:1#100", ""));
    assert_eq!(sessions.of_range(&range("2", &["0"])).unwrap(), "2:1#100", "its own wins");
    assert_eq!(sessions.of_range(&range("3", &["0"])).unwrap(), "3:1#7#1=5");
    assert_eq!(sessions.of_range(&range("4", &["0", "1", "17"])).unwrap(), "4:1#9#1=5");
    assert_eq!(sessions.of_range(&range("5", &[])), None);
}

#[test]
fn tokens_go_with_the_container_that_they_are_of() {
    let sessions = SessionTokens::default();
    sessions.capture(&answer("0:-1#9", "old"));
    sessions.capture(&answer("0:-1#10", "late answer of another"));
    assert_eq!(sessions.all().unwrap(), "0:-1#9");
    sessions.settle("old");
    assert_eq!(sessions.all().unwrap(), "0:-1#9");
    sessions.settle("new");
    assert_eq!(sessions.all(), None);
    sessions.capture(&answer("0:-1#11", "old"));
    assert_eq!(sessions.all(), None, "the dead container answered late");
    sessions.capture(&answer("0:-1#1", "new"));
    sessions.capture(&answer("0:-1#2", ""));
    assert_eq!(sessions.all().unwrap(), "0:-1#2", "servers that name no rid are believed");
}

#[test]
fn a_token_of_another_client_is_merged_and_checked() {
    let sessions = SessionTokens::default();
    sessions.capture(&answer("0:1#5", ""));
    sessions.adopt("0:1#3,1:1#8").unwrap();
    assert_eq!(sessions.all().unwrap(), "0:1#5,1:1#8");
    for text in ["", "0", "0:1#2,", "x:1#2", "0:1;2"] {
        let error = sessions.adopt(text).unwrap_err();
        assert!(error.to_string().contains("not a session token"), "{text}: {error}");
    }
    assert_eq!(sessions.all().unwrap(), "0:1#5,1:1#8");
}
